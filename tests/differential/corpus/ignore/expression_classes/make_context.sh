find . -mindepth 1 ! -name .dockerignore -delete
mkdir d
for name in A9 AB 12 1 't x' tx zx ca dc d/q d/wx wx "$(printf 't\\tx')" k; do echo "$name" > "$name"; done
