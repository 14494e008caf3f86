"""What a simulated step costs with 40 to 100,000 peers, what a peer costs in memory, and how bounded views
heal. Processor time of one core; other programs still share the caches."""

import os
import subprocess

from table import Figure, median

VIEW = 64
# Peers, view (0: full), virtual seconds, in a short run.
WORLDS = ((40, 0, 400, 100), (1000, 0, 20, 8), (1000, VIEW, 20, 8), (10_000, VIEW, 4, 1),
          (100_000, VIEW, 2, 1))
STEPS_AIM = 1_000_000
SLOWDOWN_AIM = 3.0
MEMORY_AIM_BYTES = 8192
HEALING_PEERS = 10_000
HEALING_SECONDS = 100
CLEAN_THOUSANDTHS = 10


def run(program, *arguments):
    # Many small nodes are spread over much memory: without huge pages address translation dominates.
    tuned = dict(os.environ, GLIBC_TUNABLES="glibc.malloc.hugetlb=1")
    path = os.path.join(os.environ["BENCH_PROGRAMS"], program)
    result = subprocess.run([path, *map(str, arguments)], env=tuned, capture_output=True, text=True, check=True)
    return result.stdout.splitlines()


def world(peers, view, seconds, repeats):
    """Steps per second, bytes per peer, datagrams per peer and second."""
    lines = [run("steps", peers, view, seconds)[0].split() for _ in range(repeats)]
    return median([float(line[3]) for line in lines]), float(lines[0][4]), float(lines[0][5])


def healing():
    lines = run("healing", HEALING_PEERS, VIEW, HEALING_SECONDS)
    for line in lines[1:]:
        second, dead = line.split()
        if float(dead) < CLEAN_THOUSANDTHS:
            return int(second), lines[0]
    return None, lines[0]


def measure(short):
    figures = []
    speeds = {}
    for peers, view, seconds, short_seconds in WORLDS:
        speed, memory, datagrams = world(peers, view, short_seconds if short else seconds, 1 if short else 3)
        speeds[peers] = speed
        name = f"{peers:,} peers, {'view ' + str(view) if view else 'full table'}"
        aimed = peers == 1000
        figures.append(Figure(f"core steps per second, {name}", f"{speed:,.0f}",
                              f"at least {STEPS_AIM:,}" if aimed else "", speed >= STEPS_AIM if aimed else None))
        bounded = view and peers >= 10_000
        figures.append(Figure(f"memory per peer, {name}", f"{memory / 1024:.1f} KiB",
                              f"below {MEMORY_AIM_BYTES // 1024} KiB" if bounded else "",
                              memory < MEMORY_AIM_BYTES if bounded else None))
        figures.append(Figure(f"datagrams per peer and second, {name}", f"{datagrams:.1f}"))
    slowdown = speeds[1000] / speeds[100_000]
    figures.append(Figure("a step among 100,000 over one among 1,000", f"{slowdown:.2f}",
                          f"at most {SLOWDOWN_AIM:.0f}", slowdown <= SLOWDOWN_AIM))
    second, before = healing()
    figures.append(Figure(f"view {VIEW} after 30 % of {HEALING_PEERS:,} died: periods until 1 % dead",
                          str(second) if second else f"more than {HEALING_SECONDS}"))
    figures.append(Figure("its views before: least, mean and greatest in-degree",
                          before.split(";")[0].removeprefix("in-degree ")))
    return figures
