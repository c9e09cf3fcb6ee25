#!/bin/sh
# Prints the page, checks its digest, and says who runs it and with which arguments.
set -eu
cat "$PAGE"
test "$(sha256sum "$PAGE" | cut -d " " -f 1)" = "$(cat "${PAGE%.txt}.sha256")"
echo "user $(id -u), folder $(pwd), arguments: $*"
