mkdir linked linked/deep
echo content > linked/a
ln linked/a linked/b
ln linked/a linked/deep/c
echo other > linked/a2
