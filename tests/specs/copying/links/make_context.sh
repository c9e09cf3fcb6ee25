mkdir b d1 d2
echo original > a
echo other > b/a
ln a b/c
ln a b/d
echo one > x
ln x y
echo first > d1/l
ln d1/l d2/l
