#!/bin/bash
# Ping-pong on a real cluster: peers, daemons and tasks on this machine under a load script, with each of the
# core's safeguards alone; beside every figure the one that peersim gives for the same script. --help: options.
# Installs what is missing and builds in build/release, unless PEERD, PEERCTL and PEERSIM name what to run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

if [ -z "${PEERD:-}" ] || [ -z "${PEERCTL:-}" ] || [ -z "${PEERSIM:-}" ]; then
  (
    cd "$root"
    scripts/install-dependencies.sh
    echo "== building (Release)"
    cmake --preset release >/dev/null
    cmake --build --preset release -j "$(nproc)" --target peerd peerctl peersim | tail -n 1
  )
  export PEERD=$root/build/release/peerd/peerd
  export PEERCTL=$root/build/release/peerd/ctl/peerctl
  export PEERSIM=$root/build/release/sim/peersim/peersim
fi
# It cleans up by itself, also after Ctrl-C.
PYTHONDONTWRITEBYTECODE=1 exec python3 "$root/scripts/ping_pong.py" "$@"
