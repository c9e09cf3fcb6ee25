ln -s dir link-to-dir
ln -s a link-to-file
