mkdir links
ln -s ../target links/relative
ln -s /etc/passwd links/absolute
ln -s nowhere links/dangling
ln -s ../dir links/directory
ln -s target to-file
ln -s dir to-dir
ln -s dir through
