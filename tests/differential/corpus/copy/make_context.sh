mkdir hollow
ln -s a.txt link-to-file
ln -s dir link-to-dir
mkdir links
ln -s nowhere links/dangling
ln -s ../../../etc/passwd links/climbing
ln -s ../dir links/tree
chmod 640 b.txt
chmod 700 dir/sub
chmod 2775 hollow
