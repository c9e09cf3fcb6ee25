mkdir modes modes/setgid-dir modes/sticky modes/closed
for m in 4755 2755 6711 1644 0000 0400 0777; do echo $m > modes/$m; chmod $m modes/$m; done
cp modes/4755 modes/setuid; chmod 4755 modes/setuid
chmod 2775 modes/setgid-dir
chmod 1777 modes/sticky
chmod 0700 modes/closed
touch modes/closed/in
chmod 0750 modes
