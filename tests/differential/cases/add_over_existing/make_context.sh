mkdir -p t/sub t/become
echo new > t/file
echo in > t/become/in
tar -C t -cf t.tar file sub become
rm -r t
