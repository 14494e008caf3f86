#!/bin/bash
# Measures peerd on this machine: ratios and figures of one run, each beside its aim. Asserts nothing.
#
#   bench/run.sh [throughput] [probe] [idle] [migration] [scale] [--short]
#                                                         all parts without any named
#
# Installs what is missing, builds Release in build/bench, stops everything it started, also on Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' bench/run.sh; }
for argument in "$@"; do
  case "$argument" in
    throughput | probe | idle | migration | scale | --short) ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
done

scripts/install-dependencies.sh gearman-job-server gearman-tools task-spooler
CRIU=$(scripts/install-criu.sh | tail -n 1) || CRIU=
export CRIU
echo "== building (Release)"
readonly build=$PWD/build/bench
launcher=$(command -v ccache || true)
cmake -S . -B "$build" -G Ninja ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} \
  -DCMAKE_BUILD_TYPE=Release -DPEERD_TESTS=OFF -DPEERD_BENCH=ON >/dev/null
cmake --build "$build" --target peerd peerctl spawn_loop ticker udp_echo prober steps healing | tail -n 1

export PEERD=$build/peerd/peerd PEERCTL=$build/peerd/ctl/peerctl BENCH_PROGRAMS=$build/bench
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD/tests/e2e
exec python3 bench/run.py "$@"
