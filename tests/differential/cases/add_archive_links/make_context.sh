mkdir -p t/a
echo shared > t/a/shared
for n in $(seq 10 60); do mkdir t/d$n; echo $n > t/d$n/f; done
ln t/a/shared t/d10/shared
for n in $(seq 10 60); do ln t/d$n/f t/a/f$n; done
tar -C t --sort=name -cf links.tar a/shared $(seq -f 'd%g/f' 10 60) d10/shared $(seq -f 'a/f%g' 10 60)
rm -r t
