mkdir special
mkfifo special/pipe
mknod special/null c 1 3
chmod 666 special/null
printf x > special/nonascii-ü
printf '\0\1\2' > special/binary
touch -d '1969-12-31 23:59:50 UTC' special/before-epoch
touch -d '2000-01-01 00:00:00.123456789 UTC' special/nanoseconds
