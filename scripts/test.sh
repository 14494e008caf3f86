#!/bin/sh
# Installs what is missing, builds, and runs every test: unit, contract, transcripts, 2,000 fault trials,
# fuzz corpus, the codec under AddressSanitizer, and end to end with real daemons on loopback and in
# network namespaces. More trials: build/dev/sim/peersim/peersim faults --seeds 2001..1000000 --minutes 60
set -eu
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh
jobs=$(nproc)

# Tests of moving tasks that run need root and CRIU; without, they say so, and fail where CI=true.
scripts/install-criu.sh || echo "tests: running tasks are not moved" >&2

echo "== build and test: dev"
cmake --preset dev
cmake --build --preset dev -j "$jobs"
ctest --preset dev -j "$jobs"

# What reads other people's bytes runs once more where a wrong one cannot go unnoticed.
echo "== build and test: what reads other people's bytes, under AddressSanitizer"
cmake --preset asan
cmake --build --preset asan -j "$jobs" --target asan_tests
ctest --preset asan -j "$jobs" -L asan
