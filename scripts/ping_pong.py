"""Ping-pong on real peers: one load script for a cluster of daemons on this machine and for peersim,
with each of the core's safeguards switched on alone. Started by scripts/ping-pong.sh."""

import argparse
import csv
import dataclasses
import json
import math
import os
import random
import re
import shlex
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/e2e"))
from cluster import Cluster, Failure  # noqa: E402

PEERSIM = os.environ["PEERSIM"]
SIMULATED_RUNS = 20
SHORTEST, LONGEST = 0.1, 5  # tasks, as multiples of the mean
# The share of this machine's processors that CPU-bound tasks may ask for: moving needs some too.
PROCESSORS_FOR_TASKS = 0.1
QUANTITIES = {"moves": "moves/task", "max_moves": "most moves", "mean_s": "mean (s)",
              "p99_s": "p99 (s)", "probes": "probes/task"}


class Interrupted(Exception):
    pass


class Signals:
    """Ctrl-C and its like are noted, and heeded between two steps: never while something is being
    started that nobody knows of yet."""

    def __init__(self):
        self.received = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.note)

    def note(self, number, _frame):
        self.received = self.received or number

    def heed(self):
        if self.received:
            raise Interrupted

    def sleep_until(self, then):
        while (left := then - time.monotonic()) > 0:
            self.heed()
            time.sleep(min(left, 0.1))
        self.heed()


# --- The load script


@dataclasses.dataclass(frozen=True)
class Arrival:
    at: float
    peer: int
    service: float
    burns: bool  # processor time; else it sleeps

    def command(self):
        if not self.burns:
            return f"sleep {self.service:.6f}"
        burn = f'while __import__("time").process_time() < {self.service:.6f}: pass'
        return f"{shlex.quote(sys.executable)} -I -S -c '{burn}'"


def make_load(options):
    """Poisson arrivals, exponential service, from the seed alone."""
    draw = random.Random(options.seed)
    rate = options.load * options.peers / options.mean_service
    homes = options.hot or options.peers
    load, now = [], 0.0
    for number in range(options.tasks):
        now += draw.expovariate(rate)
        service = draw.expovariate(1) * options.mean_service
        service = min(max(service, SHORTEST * options.mean_service), LONGEST * options.mean_service)
        burns = options.cpu_every > 0 and number % options.cpu_every == options.cpu_every - 1
        load.append(Arrival(round(now, 6), draw.randrange(homes), round(service, 6), burns))
    return load


def trace_text(load, services):
    lines = [f"{arrival.at:.6f} {arrival.peer} {service:.6f}"
             for arrival, service in zip(load, services)]
    return "# SECONDS NODE SERVICE_SECONDS\n" + "\n".join(lines) + "\n"


# --- What is compared: the keys of sim/studies/ping_pong.cpp


def variants(options):
    def time_key(share):
        return f"{round(share * options.mean_service * 1e6)}us"

    reckless = {
        "policy.preset": "sender", "limits.probe_limit": options.probe_limit,
        "load.reservations": "false", "limits.moves_per_task": 100, "limits.min_residence": 0,
        "limits.transfers_at_once": 256, "limits.searches_at_once": 256,
        "limits.search_retry": time_key(options.retry),
    }
    hysteresis = {"policy.transfer": "dual_threshold", "policy.low": 2, "policy.high": 3}
    changes = {
        "no safeguard": {},
        "reservation": {"load.reservations": "true"},
        "residence time": {"limits.min_residence": time_key(2)},
        "hop limit": {"limits.moves_per_task": 1},
        "hysteresis": hysteresis,
        "adaptive": {"policy.preset": "adaptive"},
        "all together": {"policy.preset": "adaptive", **hysteresis, "load.reservations": "true",
                         "limits.moves_per_task": 3, "limits.min_residence": time_key(0.5)},
    }
    return {name: {**reckless, **change} for name, change in changes.items()}


# --- Real peers


@dataclasses.dataclass
class Measured:
    figures: dict
    services: list  # of each task, as it really ran
    move_s: list
    round_trip_s: list


class Story:
    """What `peerctl explain` tells of one task."""

    LINE = re.compile(r"(\d+):(\d+):(\d+\.\d+) (\S+): (.*)")

    def __init__(self, lines):
        self.submitted = self.ended = self.service = None
        self.moves, self.round_trips = [], []
        granted, asked = {}, {}
        for peer, at, text in self.clocked(lines):
            if text.startswith("submitted here"):
                self.submitted = at
            elif match := re.match(r"(\S+) grants epoch", text):
                granted[match[1]] = at
            elif match := re.match(r"files from \S+ are here", text):
                if peer in granted:
                    self.moves.append(at - granted.pop(peer))
            elif match := re.match(r"search \d+: probe .* goes to (\S+)", text):
                asked[peer, match[1]] = at
            elif match := re.match(r"(\S+) answers:", text):
                if (peer, match[1]) in asked:
                    self.round_trips.append(at - asked.pop((peer, match[1])))
            elif match := re.match(r"ended after running ([0-9.]+) (ms|s):", text):
                self.ended = at
                self.service = float(match[1]) / (1000 if match[2] == "ms" else 1)

    def clocked(self, lines):
        """Seconds since the first line's midnight; a story may go on after the next."""
        before = 0.0
        for match in filter(None, map(self.LINE.match, lines)):
            at = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
            if at < before - 43200:
                at += 86400
            before = at
            yield match[4], at, match[5]


def start_cluster(cluster, keys, signals, options):
    # Neither this machine's memory nor its disk may decide here, nor may anything outlast its end.
    common = {"load.min_memory": 0, "load.max_memory_pressure": 1,
              "limits.shutdown_timeout": "1s", "limits.kill_grace": "100ms"}
    settings = {}
    for key, value in {**common, **keys}.items():
        section, name = key.split(".")
        settings.setdefault(section, {})[name] = value
    for _ in range(options.peers):
        signals.heed()
        cluster.add(**settings)
    signals.heed()
    cluster.wait_joined()


def submit_all(cluster, load, signals, options):
    """One `peerctl submit --from -` for each home node, fed at the tasks' times. Returns the names
    of the tasks in the order of the load script."""
    payload = os.path.join(cluster.directory, "input")
    with open(payload, "wb") as file:
        file.write(random.Random(options.seed).randbytes(round(options.input_size * 2**20)))
    feeds = {}
    for number in sorted({arrival.peer for arrival in load}):
        feeds[number] = cluster.peers[number].ctl_start(
            "submit", "--input", f"{payload}=input", "--from", "-", stdin=subprocess.PIPE)
    begin = time.monotonic() + 0.2
    for arrival in load:
        signals.sleep_until(begin + arrival.at)
        feed = feeds[arrival.peer].stdin
        feed.write(arrival.command().encode() + b"\n")
        feed.flush()
    names = {}
    for number, feed in feeds.items():
        out, err = feed.communicate()
        if feed.returncode != 0:
            raise Failure(f"peerctl submit: {err.decode()}")
        names[number] = out.decode().split()
    return [names[arrival.peer].pop(0) for arrival in load]


def wait_ended(cluster, signals, options):
    # Generous; it bounds what should never happen.
    deadline = time.monotonic() + 60 + 2 * options.tasks * options.mean_service
    homes = cluster.peers[:options.hot or options.peers]
    while any(peer.tasks(everything=False) for peer in homes):
        if time.monotonic() > deadline:
            raise Failure("the tasks do not come to an end")
        signals.sleep_until(time.monotonic() + 0.2)


def run_real(keys, load, signals, options):
    cluster = Cluster()
    try:
        start_cluster(cluster, keys, signals, options)
        names = submit_all(cluster, load, signals, options)
        wait_ended(cluster, signals, options)
        return collect(cluster, names, load, signals)
    finally:
        cluster.close()


def collect(cluster, names, load, signals):
    rows = {row["task"]: row for peer in cluster.peers for row in peer.tasks() if row["home_here"]}
    failed = [name for name in names if (rows[name]["status"] or {}).get("exit_code") != 0]
    if failed:
        raise Failure(f"{len(failed)} tasks failed, as {failed[0]}: {rows[failed[0]]}")
    responses, services, moves, round_trips = [], [], [], []
    for name, arrival in zip(names, load):
        signals.heed()
        story = Story(cluster.peers[arrival.peer].rows("explain", name)["lines"])
        moves += story.moves
        round_trips += story.round_trips
        # A story that grew beyond what is kept has no end.
        services.append(story.service or arrival.service)
        responses.append(story.ended - story.submitted if story.ended and story.submitted
                         else rows[name]["response_us"] / 1e6)
    count = len(load)
    figures = {
        "moves": sum(peer.stat("handed_off") for peer in cluster.peers) / count,
        "max_moves": max(rows[name]["moves"] for name in names),
        "mean_s": statistics.fmean(responses),
        "p99_s": sorted(responses)[math.ceil(count * 0.99) - 1],
        "probes": sum(peer.stat("probe", "messages sent") for peer in cluster.peers) / count,
    }
    return Measured(figures, services, moves, round_trips)


# --- The same in virtual time


@dataclasses.dataclass
class Link:
    """As measured: what a move takes, and a message one way."""
    move_s: float = 0.0
    delay_s: float = 0.0002

    def after(self, measured):
        """A run without a move, or without a probe, leaves what was known before."""
        return Link(statistics.fmean(measured.move_s or [self.move_s]),
                    statistics.fmean(measured.round_trip_s or [2 * self.delay_s]) / 2)


def simulate(keys, trace, link, signals, options):
    """Of each quantity its values in some runs that differ in the policies' chance alone."""
    command = [PEERSIM, "run", "--json", "--nodes", str(options.peers), "--warm-up", "0",
               "--arrivals", "trace:/dev/stdin", "--replications", "1",
               "--transfer-time", f"{round(link.move_s * 1e6)}us",
               "--delay", f"{round(link.delay_s * 1e6)}us",
               *(f"--{key}={value}" for key, value in keys.items())]
    runs = []
    for seed in range(1, SIMULATED_RUNS + 1):
        signals.heed()
        result = subprocess.run([*command, "--seed", str(seed)], input=trace.encode(),
                                capture_output=True, check=False)
        signals.heed()
        if result.returncode != 0:
            raise Failure(f"peersim: {result.stderr.decode()}")
        results = json.loads(result.stdout)["results"]
        runs.append({quantity: results[quantity]["mean"] for quantity in QUANTITIES})
    return {quantity: [run[quantity] for run in runs] for quantity in QUANTITIES}


# --- Side by side


def short(value):
    """About three figures; counts whole."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


class Table:
    HEADER = ["variant", *(f"{title}, {side}" for title in QUANTITIES.values()
                           for side in ("measured", "simulated", "least", "most")), "a move (s)", "a task (s)"]

    def __init__(self, directory):
        self.directory = directory
        self.rows = []
        if directory:
            os.makedirs(directory, exist_ok=True)

    def print_header(self):
        titles = "".join(f"{title:>15}" for title in QUANTITIES.values())
        print(f"{'measured / simulated':<20}{titles}{'a move':>9}{'a task':>9}", flush=True)

    def add(self, name, measured, simulated):
        cells = [name]
        text = f"{name:<20}"
        for quantity, values in simulated.items():
            real = measured.figures[quantity]
            cells += [real, statistics.fmean(values), min(values), max(values)]
            mark = " " if min(values) <= real <= max(values) else "*"
            text += f"{short(real)}{mark}/ {short(statistics.fmean(values))}".rjust(15)
        for times in (measured.move_s, measured.services):
            cells.append(statistics.fmean(times) if times else "")
            text += f"{cells[-1]:>7.2f} s" if times else f"{'-':>9}"
        print(text, flush=True)
        self.rows.append(cells)

    def write(self, conditions):
        if not self.directory:
            return
        with open(os.path.join(self.directory, "ping-pong.csv"), "w", newline="") as file:
            csv.writer(file).writerows([self.HEADER, *self.rows])
        with open(os.path.join(self.directory, "ping-pong.md"), "w") as file:
            file.write(f"# Ping-pong on real peers\n\n{conditions}\n\n"
                       "Measured / mean of the simulated runs (least to most of them).\n\n")
            file.write("| | " + " | ".join([*QUANTITIES.values(), *self.HEADER[-2:]]) + " |\n")
            file.write("| --- |" + " --- |" * (len(QUANTITIES) + 2) + "\n")
            for name, *cells, move, task in self.rows:
                pairs = [f"{a:.2f} / {b:.2f} ({c:.2f} to {d:.2f})"
                         for a, b, c, d in zip(*[iter(cells)] * 4)]
                last = [f"{value:.3f}" if value != "" else "-" for value in (move, task)]
                file.write(f"| {name} | " + " | ".join([*pairs, *last]) + " |\n")

    def keep(self, name, text):
        if self.directory:
            with open(os.path.join(self.directory, name), "w") as file:
                file.write(text)


def conditions(load, options):
    span = load[-1].at
    burning = [arrival.service for arrival in load if arrival.burns]
    where = f"all at {options.hot} of them" if options.hot else "everywhere"
    return (f"{options.peers} peers with one slot each; {len(load)} tasks of {options.mean_service:g} s "
            f"on average come {where} within {span:.0f} s:\nload {options.load:g}. {len(burning)} burn "
            f"processor time ({sum(burning) / span:.2f} of this machine's {os.cpu_count()} processors on "
            f"average), the others sleep.\nEach brings {options.input_size:g} MiB along. Searches: up to "
            f"{options.probe_limit} probes, and again after {options.retry:g} of a service time.\nOne "
            f"run on real peers each, and {SIMULATED_RUNS} simulated ones; * lies outside of these.")


def parse_options():
    parser = argparse.ArgumentParser(
        prog="ping-pong.sh", formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Runs one load script on real peers and in peersim, with each of the core's "
                    "safeguards against ping-pong alone, and puts the figures side by side.")
    add = parser.add_argument
    add("--peers", type=int, default=6, help="daemons, with one slot each")
    add("--tasks", type=int, default=150, help="in each run")
    add("--load", type=float, default=0.9, help="offered work over slots")
    add("--hot", type=int, default=2, help="so many peers get all the tasks; 0: every one gets some")
    add("--mean-service", type=float, default=0.5, help="of the tasks, in seconds")
    add("--input-size", type=float, default=6, help="of each task's files, in MiB: moves take time")
    add("--cpu-every", type=int, default=None,
        help="every so-many-th task burns processor time, the others sleep; 0: none (default: so "
             "that they need a tenth of this machine's processors)")
    add("--probe-limit", type=int, default=5)
    add("--retry", type=float, default=0.2,
        help="a sender searches again after so much of the mean service time")
    add("--seed", type=int, default=1, help="of the load script")
    add("--variants", default="", help="some of them, separated by commas (default: all)")
    add("--output", metavar="DIR", help="leave the table (Markdown, CSV) and the load scripts there")
    options = parser.parse_args()
    if not 2 <= options.peers <= 64 or not 0 <= options.hot <= options.peers:
        parser.error("--peers is 2 ... 64, --hot at most as many")
    if options.tasks < 2 or min(options.load, options.mean_service) <= 0 or options.input_size < 0:
        parser.error("--tasks, --load, --mean-service and --input-size: more than that")
    if options.cpu_every is None:
        allowed = PROCESSORS_FOR_TASKS * os.cpu_count()
        options.cpu_every = math.ceil(options.load * options.peers / allowed)
    known = variants(options)
    names = [name.strip() for name in options.variants.split(",") if name.strip()] or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no variant is called {unknown[0]}; there are: {', '.join(known)}")
    return options, {name: known[name] for name in names}


def compare(options, chosen, signals):
    load = make_load(options)
    table = Table(options.output)
    table.keep("load.trace", trace_text(load, [arrival.service for arrival in load]))
    print(conditions(load, options) + "\n", flush=True)
    table.print_header()
    link = Link()
    for name, keys in chosen.items():
        measured = run_real(keys, load, signals, options)
        link = link.after(measured)
        trace = trace_text(load, measured.services)
        table.keep(f"{name.replace(' ', '-')}.trace", trace)
        table.add(name, measured, simulate(keys, trace, link, signals, options))
    table.write(conditions(load, options))


def main():
    options, chosen = parse_options()
    signals = Signals()
    try:
        compare(options, chosen, signals)
    except Interrupted:
        pass
    except (Failure, OSError, subprocess.SubprocessError) as error:
        if not signals.received:
            print(f"ping-pong: {error}", file=sys.stderr)
            return 70
    if signals.received:
        print("ping-pong: interrupted", file=sys.stderr)
        return 128 + signals.received
    return 0


if __name__ == "__main__":
    sys.exit(main())
