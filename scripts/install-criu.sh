#!/bin/sh
# Makes a CRIU that works on this kernel available, with which running tasks move, and prints its path.
#   install-criu.sh [PREFIX]     default: /usr/local/lib/peerd/criu
# The system's own is taken if `criu check` is content. Otherwise a current one is put into PREFIX, with all
# libraries that it needs, whatever the release here: nothing of the host changes, except that mmdebstrap is
# installed if it is missing. A second run finds what the first has done. To undo: remove PREFIX.
# Ends with 69 (EX_UNAVAILABLE) and one line when there is none for this machine.
set -eu

prefix=${1:-/usr/local/lib/peerd/criu}
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
# The first that has a criu for this architecture; riscv64 has had it since Debian 14.
suites=${PEERD_CRIU_SUITES:-stable testing}

fail() {
  echo "install-criu: $*" >&2
  exit 69
}

complaint() { "$1" check 2>&1 | grep -m 1 -E 'Error|denied|not found' || echo "criu check failed"; }

[ "$(id -u)" -eq 0 ] || fail "needs root, as checkpointing does; as root, type: $0 $*"

for criu in "$(command -v criu || true)" "$prefix/criu"; do
  if [ -n "$criu" ] && [ -x "$criu" ] && "$criu" check >/dev/null 2>&1; then
    echo "$criu"
    exit 0
  fi
done

command -v dpkg >/dev/null || fail "this is not Debian; install CRIU 4.1 or later by hand"
command -v mmdebstrap >/dev/null || {
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends mmdebstrap; } >&2 ||
    fail "mmdebstrap cannot be installed"
}

[ ! -e "$prefix" ] || [ -d "$prefix/root" ] || rmdir "$prefix" 2>/dev/null ||
  fail "$prefix exists and is not of this script's making"
mkdir -p "$(dirname "$prefix")" || fail "$(dirname "$prefix") cannot be made"
new=$(mktemp -d "$prefix.new-XXXXXX") || fail "no directory beside $prefix can be made"
trap 'rm -rf "$new"' EXIT
trap 'exit 1' INT TERM

# Files are only unpacked: no script of a package runs, nothing is mounted.
fetch() {
  rm -rf "$new/root"
  mmdebstrap --variant=extract --include=criu --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    "$1" "$new/root" >"$new/log" 2>&1
}

found=""
for suite in $suites; do
  if fetch "$suite"; then
    found=$suite
    break
  fi
done
[ -n "$found" ] ||
  fail "no suite of: $suites has a criu for $(dpkg --print-architecture): $(grep -m 1 '^E' "$new/log")"

cd "$new/root"
libraries=$(dirname "$(find usr/lib -name libc.so.6 | head -n 1)")
loader=$(find "$libraries" usr/lib usr/lib64 -name 'ld-linux-*.so.*' 2>/dev/null | head -n 1)
cd - >/dev/null
[ -n "$loader" ] || fail "the criu of $found comes without a dynamic loader"

# The tree's own loader and libraries, so that the release of the host does not matter. -p: peerd may run it with
# another real user than its effective one, which the shell would otherwise give up.
cat >"$new/criu" <<END
#!/bin/sh -p
root=$prefix/root
exec "\$root/$loader" --library-path "\$root/$libraries" "\$root/usr/sbin/criu" "\$@"
END
chmod 755 "$new" "$new/criu"
rm -f "$new/log"
rm -rf "$prefix"
mv "$new" "$prefix"
"$prefix/criu" check >/dev/null 2>&1 ||
  fail "criu of $found does not work on kernel $(uname -r): $(complaint "$prefix/criu")"
echo "$prefix/criu"
