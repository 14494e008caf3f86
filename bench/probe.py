"""Round trips of a probe between two peers, beside those of a bare UDP echo.

Where the scheduler puts the two ends decides more than what they do: a processor that has gone to sleep
takes its time to wake. So both contestants are measured with both ends on one processor, where only work
counts, and with each end on one of its own.
"""

import os
import subprocess

import cluster
from table import Figure, median, percentile

PROGRAMS = os.environ["BENCH_PROGRAMS"]
AIM = 1.5
CPUS = sorted(os.sched_getaffinity(0))
PLACES = {"one processor": (CPUS[0], CPUS[0]), "two processors": (CPUS[0], CPUS[-1])}


def round_trips_us(mode, address, count, cpu):
    output = subprocess.run(["taskset", "--cpu-list", str(cpu), os.path.join(PROGRAMS, "prober"), mode, address,
                             str(count)],
                            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    return [int(line) / 1000 for line in output.split()]


def measure(short):
    rounds, count = (3, 2000) if short else (9, 10000)
    trips = {(place, mode, share): [] for place in PLACES for mode in ("echo", "peer") for share in (0.5, 0.99)}
    peers = cluster.Cluster()
    echo = subprocess.Popen([os.path.join(PROGRAMS, "udp_echo")], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, start_new_session=True)
    try:
        peer = peers.add()
        addresses = {"echo": echo.stdout.readline().decode().strip(), "peer": peer.address}
        for number in range(rounds):
            for place, (here, there) in PLACES.items():
                for mode in ("echo", "peer") if number % 2 else ("peer", "echo"):
                    os.sched_setaffinity((echo if mode == "echo" else peer.process).pid, {there})
                    taken = round_trips_us(mode, addresses[mode], count, here)
                    for share in (0.5, 0.99):
                        trips[place, mode, share].append(percentile(taken, share))
                print(f"   round {number + 1} of {rounds}, {place}: p50 echo {trips[place, 'echo', 0.5][-1]:.1f} us, "
                      f"peer {trips[place, 'peer', 0.5][-1]:.1f} us", flush=True)
    finally:
        echo.kill()
        echo.communicate()
        peers.close()

    def ratio(place, share):
        return median([peer / bare for peer, bare in zip(trips[place, "peer", share], trips[place, "echo", share])])

    def both(place, mode):
        return f"{median(trips[place, mode, 0.5]):.1f} / {median(trips[place, mode, 0.99]):.1f} us"

    figures = []
    for place in PLACES:
        p50 = ratio(place, 0.5)
        figures += [Figure(f"probe, {place}: bare UDP echo, p50 / p99", both(place, "echo")),
                    Figure(f"probe, {place}: peer to peer, p50 / p99", both(place, "peer")),
                    Figure(f"probe, {place}: peer / echo, p50", f"{p50:.2f}", f"at most {AIM}", p50 <= AIM),
                    Figure(f"probe, {place}: peer / echo, p99", f"{ratio(place, 0.99):.2f}")]
    return figures
