"""Ping-pong on real peers: one load script for a cluster of daemons on this machine and for peersim,
with each of the core's safeguards switched on alone. Started by scripts/ping-pong.sh."""

import argparse
import dataclasses
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import time

from ping_pong_cluster import Failure, run_real
from ping_pong_load import make_load, trace_text
from ping_pong_table import QUANTITIES, Table

PEERSIM = os.environ["PEERSIM"]
SIMULATED_RUNS = 20
# The share of this machine's processors that CPU-bound tasks may ask for: moving needs some too.
PROCESSORS_FOR_TASKS = 0.1
EXIT_USAGE, EXIT_FAILED = 64, 70


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


# --- Options


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"ping-pong: {message}; see ping-pong.sh --help", file=sys.stderr)
        sys.exit(EXIT_USAGE)


def within(least, most, kind=int):
    """For `type`: a number of that kind from least to most."""
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not within {least} ... {most}")
        return value
    return parse


def make_parser():
    parser = Parser(
        prog="ping-pong.sh", formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Runs one load script on real peers and in peersim, with each of the core's "
                    "safeguards against ping-pong alone, and puts the figures side by side.")
    add = parser.add_argument
    add("--peers", type=within(2, 64), default=6, help="daemons, with one slot each")
    add("--tasks", type=within(2, 100_000), default=150, help="in each run")
    add("--load", type=within(0.01, 10, float), default=0.9, help="offered work over slots")
    add("--hot", type=within(0, 64), default=2,
        help="so many peers get all the tasks; 0: every one gets some")
    add("--mean-service", type=within(0.01, 60, float), default=0.5, help="of the tasks, in seconds")
    add("--input-size", type=within(0, 1024, float), default=6,
        help="of each task's files, in MiB: moves take time")
    add("--cpu-every", type=within(0, 100_000), default=None,
        help="every so-many-th task burns processor time, the others sleep; 0: none (default: so "
             "that they need a tenth of this machine's processors)")
    add("--probe-limit", type=within(0, 64), default=5, help="probes in a search")
    add("--retry", type=within(0, 60, float), default=0.2,
        help="a sender searches again after so much of the mean service time; 0: only on arrivals")
    add("--seed", type=within(0, 2**63), default=1, help="of the load script")
    add("--variants", default="", help="some of them, separated by commas (default: all)")
    add("--output", metavar="DIR", help="leave the table (Markdown, CSV) and the load scripts there")
    return parser


def parse_options():
    parser = make_parser()
    options = parser.parse_args()
    if options.hot > options.peers:
        parser.error(f"argument --hot: '{options.hot}' is more than --peers {options.peers}")
    if options.cpu_every is None:
        allowed = PROCESSORS_FOR_TASKS * os.cpu_count()
        options.cpu_every = math.ceil(options.load * options.peers / allowed)
    known = variants(options)
    names = [name.strip() for name in options.variants.split(",") if name.strip()] or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no variant is called {unknown[0]}; there are: {', '.join(known)}")
    return options, {name: known[name] for name in names}


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
            return EXIT_FAILED
    if signals.received:
        print("ping-pong: interrupted", file=sys.stderr)
        return 128 + signals.received
    return 0


if __name__ == "__main__":
    sys.exit(main())
