mkdir t t/dir
echo 1 > t/dir/f
ln -s one t/link
tar -C t -cf twice.tar dir link
rm -r t/dir t/link
ln -s two t/link
ln -s link t/dir
tar -C t -rf twice.tar link dir
rm -r t
