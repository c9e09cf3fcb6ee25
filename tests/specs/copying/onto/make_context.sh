mkdir nested-link
ln -s ../nowhere nested-link/l
chmod 2755 src/nested
