#!/bin/sh
# Stands for the package managers, compilers and servers that Dockerfiles call. Each call is noted with its directory,
# user and every argument in /var/calls/UID, so that how a RUN reached the shell can be compared; what the real program
# would have made in the file system is made in small, the same in every run and without any network.
set -eu
name=${0##*/}

note() {
  line="$name"
  for word; do
    case $word in
      '' | *[!A-Za-z0-9_./:=@%+,-]*) line="$line '$(printf %s "$word" | tr '\n' '~')'" ;;
      *) line="$line $word" ;;
    esac
  done
  echo "$(id -u):$(id -g) $(pwd) $line" >> "/var/calls/$(id -u)"
}
put() { # FILE TEXT
  case $1 in */*) mkdir -p "${1%/*}" ;; esac
  printf '%s\n' "$2" > "$1"
}
program() { # FILE WHAT
  put "$1" "#!/bin/sh
echo \"$2\""
  chmod 755 "$1"
}
# The words that are neither the command itself nor options.
operands() {
  shift
  for word; do case $word in -*) ;; *) printf '%s\n' "$word" ;; esac; done
}
# The value of an option in any of its spellings: value_of -o --output -- ARGS
value_of() {
  short=$1 long=$2 found=
  shift 3
  while [ $# -gt 0 ]; do
    case $1 in
      "$short" | "$long") found=${2-} ;;
      "$long"=*) found=${1#*=} ;;
    esac
    shift
  done
  printf %s "$found"
}
has() { # WORD ARGS
  sought=$1
  shift
  for word; do [ "$word" != "$sought" ] || return 0; done
  return 1
}
# The names in an object of package.json: one a line there.
names_in() { # OBJECT
  [ -f package.json ] || return 0
  sed -n "/\"$1\"/,/}/s/^ *\"\([^\"]*\)\": *\"[^\"]*\",* *$/\1/p" package.json
}

node_modules() { # ARGS
  wanted=$(names_in dependencies)
  if ! has --omit=dev "$@" && ! has --only=production "$@" && ! has --production "$@"; then
    wanted="$wanted $(names_in devDependencies)"
  fi
  for package in $wanted; do
    put "node_modules/$package/package.json" "{\"name\":\"$package\"}"
    program "node_modules/$package/cli.js" "$package"
    mkdir -p node_modules/.bin
    ln -sf "../$package/cli.js" "node_modules/.bin/${package##*/}"
  done
}
installed() { # DIRECTORY FILE-SUFFIX PACKAGES
  folder=$1 suffix=$2
  shift 2
  for package; do put "$folder/$package$suffix" "$package"; done
}
add_user() { # NAME UID GID HOME SHELL
  grep -q "^$1:" /etc/passwd || echo "$1:x:$2:$3::$4:$5" >> /etc/passwd
}
add_group() { # NAME GID
  grep -q "^$1:" /etc/group || echo "$1:x:$2:" >> /etc/group
}
group_id() { case $1 in *[!0-9]*) sed -n "s/^$1:[^:]*:\([0-9]*\):.*/\1/p" /etc/group ;; *) echo "$1" ;; esac; }
free_id() { # FILE: the first number from 1001 that is not in it
  id=1001
  while cut -d: -f3 "$1" | grep -qx "$id"; do id=$((id + 1)); done
  echo "$id"
}

note "$@"
case $name in
  apk)
    case ${1-} in
      add) installed /lib/apk/db/packages "" $(operands "$@")
           has --no-cache "$@" || put /var/cache/apk/APKINDEX.tar.gz index ;;
      del) for package in $(operands "$@"); do rm -f "/lib/apk/db/packages/$package"; done ;;
      update) put /var/cache/apk/APKINDEX.tar.gz index ;;
    esac ;;
  apt-get | apt)
    for command; do case $command in -*) ;; *) break ;; esac; done
    case ${command-} in
      update) put /var/lib/apt/lists/mirror_dists_stable_Packages packages; mkdir -p /var/lib/apt/lists/partial ;;
      install)
        for package in $(operands "" "$@"); do
          [ "$package" != install ] || continue
          put "/var/lib/dpkg/info/$package.list" "/usr/share/doc/$package"
          put "/usr/share/doc/$package/copyright" "$package"
          put "/var/cache/apt/archives/$package.deb" "$package"
        done ;;
      clean) rm -rf /var/cache/apt/archives/*.deb ;;
      purge | remove) for package in $(operands "" "$@"); do rm -rf "/var/lib/dpkg/info/$package.list" "/usr/share/doc/$package"; done ;;
    esac ;;
  yum | dnf | microdnf | zypper | pacman)
    case " $* " in
      *" install "* | *" -S "*) for package in $(operands "" "$@"); do [ "$package" = install ] || put "/var/lib/rpm/$package" "$package"; done
        put /var/cache/dnf/metadata metadata ;;
      *" clean "*) rm -rf /var/cache/dnf ;;
    esac ;;
  npm | yarn | pnpm)
    case ${1-install} in
      ci | install | i | --frozen-lockfile | --production | --immutable)
        if has -g "$@" || has --global "$@"; then
          installed "${NPM_CONFIG_PREFIX:-/usr/local}/lib/node_modules" /package.json $(operands "$@")
        else
          node_modules "$@"
          put "${npm_config_cache:-$HOME/.npm}/_cacache/index" "$name"
        fi ;;
      run | build | test | lint)
        [ "$*" = "run build" ] || [ "$*" = build ] || exit 0
        mkdir -p dist
        if [ -d src ]; then cp -R src/. dist/; fi
        put dist/bundle.js "mode ${NODE_ENV-none}" ;;
      prune) for package in $(names_in devDependencies); do rm -rf "node_modules/$package" "node_modules/.bin/$package"; done ;;
      cache) rm -rf "${npm_config_cache:-$HOME/.npm}" ;;
    esac ;;
  pip | pip3 | uv)
    site=${VIRTUAL_ENV:-/usr/local}/lib/python3.12/site-packages
    prefix=$(value_of -t --target -- "$@")
    for word; do case $word in --prefix=*) site=${word#*=}/lib/python3.12/site-packages ;; esac; done
    site=${prefix:-$site}
    case " $* " in
      *" wheel "*)
        folder=$(value_of -w --wheel-dir -- "$@")
        for package in $(sed 's/[=<>~# ].*//' requirements.txt); do put "$folder/$package-1.0-py3-none-any.whl" "$package"; done ;;
      *" install "*)
        file=$(value_of -r --requirement -- "$@")
        if [ -n "$file" ]; then installed "$site" /__init__.py $(sed 's/[=<>~# ].*//' "$file"); fi
        for word; do
          case $word in *.whl) word=${word##*/}; put "$site/${word%%-*}/__init__.py" "${word%%-*}" ;; gunicorn* | flask* | wheel | setuptools) put "$site/${word%%[=<>]*}/__init__.py" "$word" ;; esac
        done
        has --no-cache-dir "$@" || put "${PIP_CACHE_DIR:-$HOME/.cache/pip}/http/index" cache ;;
    esac ;;
  python | python3)
    case "$*" in
      "-m venv "*)
        venv=${3%/}
        mkdir -p "$venv/bin" "$venv/lib/python3.12/site-packages"
        put "$venv/pyvenv.cfg" "home = /usr/local/bin"
        ln -s /usr/local/bin/python3 "$venv/bin/python"
        ln -s python "$venv/bin/python3"
        program "$venv/bin/activate" activate ;;
      *collectstatic*) put static/admin.css "body {}" ;;
      *compileall*) put __pycache__/app.cpython-312.pyc compiled ;;
      --version) echo "Python 3.12.0" ;;
    esac ;;
  go)
    gopath=${GOPATH:-/go}
    case "${1-} ${2-}" in
      "mod download"*)
        for module in $(sed -n 's/^[[:space:]]*\([a-z][^ ]*\) v.*/\1/p' go.mod); do
          put "$gopath/pkg/mod/$module/go.mod" "module $module"
          chmod 444 "$gopath/pkg/mod/$module/go.mod"
          chmod 555 "$gopath/pkg/mod/$module"
        done ;;
      build* | install*)
        out=$(value_of -o --output -- "$@")
        program "${out:-$gopath/bin/app}" "${GOOS-} ${GOARCH-} ${CGO_ENABLED-} $*"
        put "${GOCACHE:-$HOME/.cache/go-build}/00/entry" cache ;;
    esac ;;
  cargo)
    case ${1-} in
      build | install)
        kind=debug
        if has --release "$@" || [ "$1" = install ]; then kind=release; fi
        crate=$(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
        program "${CARGO_TARGET_DIR:-target}/$kind/$crate" "$crate from $(cat src/main.rs | wc -c) bytes"
        put "${CARGO_TARGET_DIR:-target}/.rustc_info.json" "{}"
        put "${CARGO_HOME:-$HOME/.cargo}/registry/index" index ;;
      fetch) put "${CARGO_HOME:-$HOME/.cargo}/registry/index" index ;;
    esac ;;
  mvn | mvnw | gradle | gradlew)
    put "$HOME/.m2/repository/junit/junit.jar" jar
    case "$*" in *package* | *build* | *install*) put target/app.jar "jar of $(find . -name '*.java' | sort | tr '\n' ' ')" ;; esac ;;
  javac) out=$(value_of -d --directory -- "$@"); put "${out:-.}/Main.class" class ;;
  java) case "$*" in *layertools*) for layer in dependencies spring-boot-loader snapshot-dependencies application; do put "$layer/content" "$layer"; done ;; esac ;;
  gcc | cc | g++ | clang | rustc) out=$(value_of -o --output -- "$@"); program "${out:-a.out}" "compiled" ;;
  make | cmake | ninja | meson)
    case "$*" in
      *install*) for word; do case $word in DESTDIR=* | PREFIX=* | --prefix=*) root=${word#*=} ;; esac; done; program "${root:-/usr/local}/bin/app" installed ;;
      -S* | ..*) put CMakeCache.txt cache ;;
      *) program build/app built ;;
    esac ;;
  configure) put Makefile "all:" ;;
  composer) put vendor/autoload.php "<?php"; put "${COMPOSER_HOME:-$HOME/.composer}/cache/index" cache ;;
  bundle | gem) put "${BUNDLE_PATH:-/usr/local/bundle}/gems/rack/rack.rb" rack ;;
  dotnet) out=$(value_of -o --output -- "$@"); if [ -n "$out" ]; then put "$out/App.dll" "$*"; fi ;;
  mix) put _build/prod/rel/app/bin/app release ;;
  docker-php-ext-install) for extension; do put "/usr/local/etc/php/conf.d/docker-php-ext-$extension.ini" "extension=$extension"; done ;;
  a2enmod) mkdir -p /etc/apache2/mods-enabled; for module; do ln -sf "../mods-available/$module.load" "/etc/apache2/mods-enabled/$module.load"; done ;;
  curl | wget)
    out=$(value_of -o --output -- "$@")
    [ -n "$out" ] || out=$(value_of -O --output-document -- "$@")
    for url; do case $url in http*) break ;; esac; done
    case ${out:--} in - | http* | /dev/null) echo "echo content of ${url-}" ;; *) put "$out" "content of ${url-}" ;; esac ;;
  git) case ${1-} in clone) for folder; do :; done; put "$folder/README" "$*"; put "$folder/.git/HEAD" "ref: refs/heads/main" ;; rev-parse) echo 0123456 ;; esac ;;
  adduser)
    user= uid= group= home= shell=/bin/ash system=
    while [ $# -gt 0 ]; do
      case $1 in
        -u | --uid) uid=$2; shift ;;
        -G | --ingroup | --gid) group=$2; shift ;;
        -h | --home) home=$2; shift ;;
        -s | --shell) shell=$2; shift ;;
        -g | --gecos) shift ;;
        -S | --system) system=1 ;;
        -*) ;;
        *) user=${user:-$1} ;;
      esac
      shift
    done
    uid=${uid:-$(free_id /etc/passwd)}
    if [ -z "$group" ]; then group=$uid; add_group "$user" "$uid"; fi
    home=${home:-/home/$user}
    add_user "$user" "$uid" "$(group_id "$group")" "$home" "$shell"
    if [ -z "$system" ] && [ ! -d "$home" ]; then mkdir -p "$home"; chown "$uid:$(group_id "$group")" "$home"; fi ;;
  useradd)
    user= uid= group= home= shell=/bin/sh make=
    while [ $# -gt 0 ]; do
      case $1 in
        -u | --uid) uid=$2; shift ;;
        -g | --gid) group=$2; shift ;;
        -d | --home-dir | --home) home=$2; shift ;;
        -s | --shell) shell=$2; shift ;;
        -G | --groups | -c | --comment) shift ;;
        --uid=*) uid=${1#*=} ;;
        --gid=*) group=${1#*=} ;;
        -m | --create-home) make=1 ;;
        -*m*) case $1 in --*) ;; *) make=1 ;; esac ;;
        -*) ;;
        *) user=$1 ;;
      esac
      shift
    done
    uid=${uid:-$(free_id /etc/passwd)}
    if [ -z "$group" ]; then group=$uid; add_group "$user" "$uid"; fi
    home=${home:-/home/$user}
    add_user "$user" "$uid" "$(group_id "$group")" "$home" "$shell"
    if [ -n "$make" ] && [ ! -d "$home" ]; then
      mkdir -p "$home"
      printf '# ~/.profile\n' > "$home/.profile"
      chown -R "$uid:$(group_id "$group")" "$home"
    fi ;;
  addgroup | groupadd)
    gid= group=
    while [ $# -gt 0 ]; do
      case $1 in -g | --gid) gid=$2; shift ;; --gid=*) gid=${1#*=} ;; -*) ;; *) group=${group:-$1} ;; esac
      shift
    done
    add_group "$group" "${gid:-$(free_id /etc/group)}" ;;
  update-ca-certificates) put /etc/ssl/certs/ca-certificates.crt "$(cat /usr/local/share/ca-certificates/* 2> /dev/null || true)" ;;
  locale-gen) put /usr/lib/locale/locale-archive "$*" ;;
  ldconfig) put /etc/ld.so.cache cache ;;
  nginx) [ "${1-}" != -t ] || echo "syntax is ok" ;;
  corepack) mkdir -p /usr/local/bin; ln -sf ../lib/corepack "/usr/local/bin/corepack-${2-}" ;;
esac
