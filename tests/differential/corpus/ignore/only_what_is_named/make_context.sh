truncate -s 1T huge
mkdir pipes
mkfifo pipes/pipe
