mkdir -p /tmp/q$$/a/b; cd /tmp/q$$; echo 1 > a/b/1; echo new > a/old; chmod 750 a; chmod 4711 a/b/1; ln -s b a/l; ln a/b/1 a/hard; mkdir la le; echo la > la/x; echo e > le/kiln-e; touch -d @1111 a a/b a/b/1 la; chown 8:9 a/old
tar --sort=name -cf $OLDPWD/a.tar a la; tar --sort=name -czf $OLDPWD/b.tar.gz le; tar --sort=name -cJf $OLDPWD/c.tar.xz a; tar --sort=name -cjf $OLDPWD/c.tar.bz2 la
tar --sort=name --zstd -cf $OLDPWD/d.tar.zst a || cp $OLDPWD/a.tar $OLDPWD/d.tar.zst
cp $OLDPWD/a.tar $OLDPWD/a.tar.txt; tar -cf $OLDPWD/empty.tar -T /dev/null
mkdir l; ln -s /etc l/abs; ln -s ../../.. l/up; echo z > l/z; ln l/z l/zz; mkfifo l/p; tar --sort=name -cf $OLDPWD/links.tar l
cd $OLDPWD; rm -rf /tmp/q$$
