"""The real half of scripts/ping_pong.py: daemons on this machine carry out the load script."""

import contextlib
import dataclasses
import math
import os
import random
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/e2e"))
from cluster import Cluster, Failure  # noqa: E402

MIB = 2**20


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


class Feed:
    """One `peerctl submit --from -`. What it prints goes to files: a pipe would be full some day."""

    def __init__(self, peer, payload):
        self.out, self.err = (os.path.join(peer.directory, name) for name in ("names", "complaints"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = peer.ctl_start("submit", "--input", f"{payload}=input", "--from", "-",
                                          stdin=subprocess.PIPE, stdout=out, stderr=err)

    def submit(self, command):
        try:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.end()
            raise Failure("peerctl submit ended before its input did") from None

    def end(self):
        """Returns the names of its tasks."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        if self.process.wait() != 0:
            with open(self.err, errors="replace") as file:
                raise Failure(f"peerctl submit: {file.read().strip()}") from None
        with open(self.out) as file:
            return file.read().split()


def write_payload(path, options):
    draw = random.Random(options.seed)
    left = round(options.input_size * MIB)
    with open(path, "wb") as file:
        while left > 0:
            part = min(left, MIB)
            file.write(draw.randbytes(part))
            left -= part


def submit_all(cluster, load, signals, options):
    """One feed for each home node, fed at the tasks' times. Returns the names of the tasks in the
    order of the load script."""
    payload = os.path.join(cluster.directory, "input")
    write_payload(payload, options)
    feeds = {number: Feed(cluster.peers[number], payload)
             for number in sorted({arrival.peer for arrival in load})}
    begin = time.monotonic() + 0.2
    for arrival in load:
        signals.sleep_until(begin + arrival.at)
        feeds[arrival.peer].submit(arrival.command())
    names = {number: feed.end() for number, feed in feeds.items()}
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
