mkdir -p t/linked t/sub
echo new > t/linked/in
echo f > t/sub/f
chmod 600 t/sub/f
touch -d @950000000 t/linked/in
chown 3:4 t/sub/f
touch -d @900000000 t/sub/f
tar -C t -c linked/in sub/f | zstd -q > t.tar.zst
tar -C t -c sub/f > archive-by-content
tar -C t -cz sub/f > one.tgz
tar -C t -cz linked/in > two.tgz
head -c 5 one.tgz > truncated.tar.gz
rm -r t
