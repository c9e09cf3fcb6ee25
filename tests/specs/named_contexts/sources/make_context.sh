echo main > a
mkdir -p ../other/d ../first
echo other > ../other/a
echo b > ../other/d/b
echo no > ../other/d/ignored
printf 'd/ignored\n.dockerignore\n' > ../other/.dockerignore
chown -R 5:6 ../other
chmod 600 ../other/a
touch -d @1000000000 ../other ../other/a ../other/d ../other/d/b
echo first > ../first/a
touch -d @1000000000 ../first/a
