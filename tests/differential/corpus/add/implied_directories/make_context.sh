printf x > f
tar -C . --mtime=@77777777 --owner=3 --group=4 --transform 's,^,p/q/r/,' -cf implied.tar f
gzip -nc implied.tar > implied.tar.gz
