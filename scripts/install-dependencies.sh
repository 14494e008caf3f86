#!/bin/sh
# Installs what is missing to build, test and demonstrate peerd on Debian (12 or later), and the
# packages named as arguments.
# Neither root nor sudo: prints the one line to type and ends with 69 (EX_UNAVAILABLE).
set -eu

packages="g++ cmake ninja-build libuv1-dev libmsgpack-cxx-dev libboost-program-options-dev libfmt-dev
  nlohmann-json3-dev libsqlite3-dev libzstd-dev xz-utils openssl sqlite3 python3
  gnuplot-nox iproute2 mount procps $*"

command -v apt-get >/dev/null || {
  echo "install-dependencies: this is not Debian; needed are: $packages catch2" | tr -s ' \n' ' ' >&2
  echo >&2
  exit 69
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

missing=""
for package in $packages; do
  installed "$package" || missing="$missing $package"
done
# Catch2 is `catch2` in Debian 12 and `libcatch2-dev` later.
installed catch2 || installed libcatch2-dev || missing="$missing catch2"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root="sudo"
elif command -v sudo >/dev/null && [ -t 0 ]; then
  as_root="sudo"
else
  echo "Some packages are missing. As root, type:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
  exit 69
fi

echo "installing:$missing"
$as_root apt-get update -q
case "$missing" in
  *" catch2"*) apt-cache show catch2 >/dev/null 2>&1 ||
    missing=$(echo "$missing" | sed 's/ catch2/ libcatch2-dev/') ;;
esac
# shellcheck disable=SC2086  # a list of words
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends $missing
