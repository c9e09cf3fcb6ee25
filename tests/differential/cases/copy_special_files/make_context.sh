mkdir special
mkfifo special/pipe
chmod 640 special/pipe
: > special/empty
mkdir special/empty-directory
truncate -s 100000 special/hole
