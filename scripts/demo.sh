#!/bin/bash
# Shows peerd at work: four peers on this machine, one slot each; 40 real jobs (xz -9 on real files) are
# submitted to one of them, once with preset `none` and once with `adaptive`; every result is verified.
# Then long jobs run on one peer, another one comes up, and they move to it while they run (root only: CRIU).
# Installs what is missing, builds in build/release, stops everything it started, also on Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly peers=4 jobs=40 long_jobs=4
readonly build=build/release

scripts/install-dependencies.sh
criu="" # why not
if [ "$(id -u)" -ne 0 ]; then
  criu="it needs root"
elif ! scripts/install-criu.sh >/dev/null; then
  criu="CRIU cannot be used here"
fi
readonly criu
echo "== building (Release)"
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target peerd peerctl | tail -n 1
readonly peerd=$PWD/$build/peerd/peerd peerctl=$PWD/$build/peerd/ctl/peerctl

trap '' INT TERM # until it is known what there is to clean up
work=$(mktemp -d -t peerd-demo.XXXXXX)
chmod 711 "$work" # tasks that do not run as root pass through
declare -a daemons=()
watcher=""

stop_peers() {
  [ -z "$watcher" ] || { kill "$watcher" 2>/dev/null || true; wait "$watcher" 2>/dev/null || true; watcher=""; }
  local pid
  for pid in "${daemons[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  # A second signal ends what does not want to finish (Ctrl-C in the middle of the jobs).
  [ "${1:-}" != now ] || for pid in "${daemons[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${daemons[@]}"; do wait "$pid" 2>/dev/null || true; done
  daemons=()
}
clean_up() {
  trap '' INT TERM # once is enough: a second Ctrl-C would end this half done
  # Also a child that was started and not yet noted.
  mapfile -t daemons < <(jobs -p)
  stop_peers now
  rm -rf "$work"
}
trap clean_up EXIT
trap 'trap "" INT TERM; exit 130' INT
trap 'trap "" INT TERM; exit 143' TERM

ctl() { "$peerctl" --socket "$work/$1/control.sock" "${@:2}"; }

# How often the pattern occurs in the input.
count() { { grep -o "$1" || true; } | wc -l; }

# start_peer NUMBER SLOTS PRESET MIGRATION: a board of one processor. b1 chooses a free port, the others join through it.
start_peer() {
  local i=$1 seeds=""
  [ "$i" -eq 1 ] || seeds="seeds = $(ctl b1 peers --json | grep -o '127\.0\.0\.1:[0-9]*' | head -n 1)"
  rm -rf "$work/b$i"
  mkdir "$work/b$i"
  cat >"$work/b$i.conf" <<END
[node]
name = b$i
state_directory = $work/b$i
[load]
slots = $2
weight = 1
[policy]
preset = $3
migration = $4
[network]
listen = 127.0.0.1:0
[membership]
$seeds
END
  "$peerd" --config "$work/b$i.conf" 2>"$work/b$i.log" &
  daemons+=($!)
  wait_for "$work/b$i.log" "ready" || { cat "$work/b$i.log" >&2; exit 70; }
}

# start_peers PRESET
start_peers() {
  local i
  for i in $(seq "$peers"); do start_peer "$i" 1 "$1" never; done
  local tries=0
  until [ "$(ctl b1 peers --json | count '"state": *"alive"')" -eq $((peers - 1)) ]; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "the peers do not find each other" >&2; exit 70; }
    sleep 0.1
  done
}

wait_for() {
  local tries=0
  until grep -q "$2" "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || return 1
    sleep 0.1
  done
}

# The same input for everybody: the first $jobs regular files of a fitting size.
choose_input() {
  find /usr/lib /usr/bin /usr/share -xdev -type f -size +600k -size -2500k -readable 2>/dev/null |
    LC_ALL=C sort | head -n "$jobs" >"$work/inputs"
  [ "$(wc -l <"$work/inputs")" -eq "$jobs" ] || { echo "not enough files to compress in /usr" >&2; exit 66; }
  mkdir "$work/in"
  local n=0 file
  while IFS= read -r file; do
    n=$((n + 1))
    cp "$file" "$work/in/file$n"
  done <"$work/inputs"
}

# run_burst PRESET: submits everything to b1, shows the picture while it happens.
run_burst() {
  local preset=$1 n out=$work/out-$1
  mkdir "$out"
  for n in $(seq "$jobs"); do
    echo "--input $work/in/file$n=file$n --output file$n.xz=$out/file$n.xz -- xz -9 file$n"
  done >"$work/tasks"
  if [ -t 1 ]; then
    ctl b1 submit --from "$work/tasks" --wait --json >"$work/summary-$preset" &
    local submit=$!
    while kill -0 "$submit" 2>/dev/null; do
      ctl b1 top --once | head -n $((peers + 14)) >"$work/frame" || true
      printf '\033[H\033[2J== preset %s: %d jobs submitted to b1\n\n' "$preset" "$jobs"
      cat "$work/frame"
      sleep 0.5
    done
    wait "$submit"
  else
    plain_picture "$preset" &
    watcher=$!
    ctl b1 submit --from "$work/tasks" --wait --json >"$work/summary-$preset"
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    watcher=""
  fi
}

plain_picture() {
  local i line
  while sleep 2; do
    line="   $1:"
    for i in $(seq "$peers"); do line+=" b$i runs $(own_running "b$i"),"; done
    echo "$line $(ctl b1 ps --json | count '"state": *"waiting"') wait for b1"
  done
}

# How many tasks run on the peer now; it knows that of itself alone.
own_running() {
  ctl "$1" peers --json 2>/dev/null | grep -o '"running": *[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'
}

verify() {
  local n out=$work/out-$1
  for n in $(seq "$jobs"); do
    xz -dc "$out/file$n.xz" | cmp -s - "$work/in/file$n" || {
      echo "WRONG: $out/file$n.xz does not decompress to its input" >&2
      exit 1
    }
  done
  echo "   all $jobs results decompress to their inputs, byte for byte"
}

# Long jobs on b1 alone; once they run b2 comes up.
second_act() {
  local n big=$work/big out=$work/out-long
  echo "== long-running jobs: $long_jobs x xz -9 on b1, then b2 comes up with nothing to do"
  head -c 12000000 <(cat "$work"/in/file*) >"$big"
  mkdir "$out"
  start_peer 1 "$long_jobs" adaptive worth_moving
  for n in $(seq "$long_jobs"); do
    echo "--input $big=big --output big.xz=$out/big$n.xz -- xz -9 --keep big"
  done >"$work/tasks"
  ctl b1 submit --from "$work/tasks" --wait --json >"$work/summary-long" &
  local submit=$!
  until [ "$(own_running b1)" -eq "$long_jobs" ]; do sleep 0.1; done
  echo "   b1 runs $(own_running b1)"
  start_peer 2 "$long_jobs" adaptive worth_moving
  while kill -0 "$submit" 2>/dev/null; do
    echo "   b1 runs $(own_running b1), b2 runs $(own_running b2)"
    sleep 2
  done
  wait "$submit"
  for n in $(seq "$long_jobs"); do
    xz -dc "$out/big$n.xz" | cmp -s - "$big" || { echo "WRONG: $out/big$n.xz" >&2; exit 1; }
  done
  echo "   all $long_jobs results decompress to their input, byte for byte"
  echo "   moves: $(figure long moves)"
  for n in $(seq "$long_jobs"); do ctl b1 explain "b1.$n" | grep "goes on here after" | sed 's/^/   /' || true; done
  stop_peers
}

# figure PRESET NAME: one number of the summary line.
figure() { grep -o "\"$2\": *[0-9.]*" "$work/summary-$1" | tail -n 1 | grep -o '[0-9.]*$'; }

choose_input
for preset in none adaptive; do
  echo "== preset $preset: $peers peers with one slot each, $jobs x xz -9 submitted to b1"
  start_peers "$preset"
  run_burst "$preset"
  verify "$preset"
  if [ "$preset" = adaptive ]; then
    echo
    echo "== why one of them ran where it did (peerctl explain)"
    # One that moved, without the searches that came to nothing.
    moved=$(ctl b1 ps --all | awk '$1 ~ /^b1\./ && $3 != "b1" { print $1 }' | tail -n 1)
    ctl b1 explain "$moved" | tail -n 16
  fi
  stop_peers
done

echo
echo "== figures ($(nproc) processors on this machine, which bound the speed-up)"
awk -v jobs="$jobs" \
  -v none_mean="$(figure none mean_response_us)" -v none_p99="$(figure none p99_response_us)" \
  -v mean="$(figure adaptive mean_response_us)" -v p99="$(figure adaptive p99_response_us)" \
  -v none_moves="$(figure none moves)" -v none_probes="$(figure none probes)" \
  -v moves="$(figure adaptive moves)" -v probes="$(figure adaptive probes)" 'BEGIN {
    printf "   %-24s %10s %10s\n", "", "none", "adaptive"
    printf "   %-24s %9.2fs %9.2fs\n", "mean response time", none_mean / 1e6, mean / 1e6
    printf "   %-24s %9.2fs %9.2fs\n", "p99 response time", none_p99 / 1e6, p99 / 1e6
    printf "   %-24s %10.2f %10.2f\n", "moves per task", none_moves / jobs, moves / jobs
    printf "   %-24s %10.2f %10.2f\n", "probes per task", none_probes / jobs, probes / jobs
    printf "   speed-up: %.2f in mean, %.2f in p99 response time\n", none_mean / mean, none_p99 / p99
  }'
echo "   tasks per peer: $(grep -o '"tasks_by_peer": *{[^}]*}' "$work/summary-adaptive" | sed 's/.*{//; s/}//; s/"//g')"

echo
if [ -n "$criu" ]; then
  echo "== long-running jobs that move while they run: left out, $criu"
else
  second_act
fi
