mkdir .git
echo h > .git/HEAD
echo g > .gitignore
