ln -s app.py link.py
ln -s src/util link-util
ln -s ../src docs/src
ln -s /etc/app.conf abs-link
chmod 600 etc/conf.d/20-b.conf
chmod 711 src/util
mkdir -p empty/nested
tar -C docs --sort=name --mtime=@77777777 --owner=3 --group=4 -cf docs.tar README.md img
tar -C docs --sort=name --mtime=@77777777 --owner=3 --group=4 -cf - README.md img | gzip -n > docs.tgz
