mkdir t t/sub
echo file > t/file; chmod 640 t/file; chown 33:44 t/file
ln -s file t/link
ln t/file t/sub/hard
mkfifo t/pipe
chmod 2750 t/sub; chown 5:6 t/sub
touch -h -d @900000000 t/* t/sub/* t/sub
tar -C t -cf plain.tar .
tar -C t -czf a.tar.gz file link sub
tar -C t -cjf a.tar.bz2 file link sub
tar -C t -cJf a.tar.xz file link sub
rm -r t
: > empty.tar.gz
gzip -nc f > data.gz
mkdir dir/in
cp a.tar.gz dir/in/kept.tar.gz
