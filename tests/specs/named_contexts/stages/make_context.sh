mkdir ../tools
echo tools > ../tools/a
touch -d @1000000000 ../tools/a
