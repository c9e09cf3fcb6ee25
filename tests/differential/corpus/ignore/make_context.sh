mkdir .git
echo git > .git/config
