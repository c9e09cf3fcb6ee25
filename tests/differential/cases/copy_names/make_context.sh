mkdir names
for n in 'with space' 'ünïcödé' '-dash' 'new
line' 'tab	tab' 'back\\slash' "quo'te" 'dou"ble' '#hash' 'dollar$x' '.wh-not' 'b'; do echo "$n" > "names/$n"; done
printf x > "names/$(printf 'latin-\344')"
printf b > 'names/[brackets]'
long=$(printf 'n%.0s' $(seq 1 200))
mkdir -p "names/$long/$long"
echo deep > "names/$long/$long/f"
ln -s "$long/$long/f" names/long-link
