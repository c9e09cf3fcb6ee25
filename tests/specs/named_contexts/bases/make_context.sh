mkdir -p ../files/etc/gone
echo kept > ../files/etc/kept
echo no > ../files/etc/ignored
ln -s kept ../files/etc/link
ln ../files/etc/kept ../files/etc/hard
chmod 711 ../files/etc
chown -Rh 7:8 ../files
printf '**/ignored\n.dockerignore\n' > ../files/.dockerignore
touch -h -d @1000000000 ../files/etc/kept ../files/etc/link ../files/etc/gone ../files/etc ../files
