mkdir links t
ln -s nowhere links/dangling
head -c 100000 /dev/urandom > t/f
tar -C t -czf cut.tar.gz f
truncate -s 50000 cut.tar.gz
rm -r t
ln -s ../d links/tree
