chmod 755 docker-entrypoint.sh
mkdir -p empty
ln -s docker-entrypoint.sh entry
ln -s apps/web web
tar -C apps --sort=name --mtime=@77777777 --owner=3 --group=4 -cf apps.tar web api
tar -C apps --sort=name --mtime=@77777777 --owner=3 --group=4 -cf - web api | gzip -n > apps.tgz
tar -C apps --sort=name --mtime=@77777777 --owner=3 --group=4 -cf - web api | bzip2 > apps.tar.bz2
tar -C apps --sort=name --mtime=@77777777 --owner=3 --group=4 -cf - web api | xz > apps.tar.xz
