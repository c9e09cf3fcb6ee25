mkdir t t/d
echo one > t/one; echo two > t/d/two; chmod 640 t/one; chown 7:8 t/one t/d; ln -s one t/link; ln t/one t/d/hard; chmod 2751 t/d
touch -h -d @950000000 t/d/two t/one t/link t/d t
tar -C t -cf tree.tar one d link
tar -C t -cf dot.tar .
gzip -nc tree.tar > tree.tgz
bzip2 -c tree.tar > tree.tar.bz2
xz -c tree.tar > tree.tar.xz
zstd -qc tree.tar > tree.tar.zst
cp tree.tgz no-extension
gzip -nc plain.txt > plain.txt.gz
cp plain.txt liar.tar.gz
: > nothing.tar
rm -r t
