"""Round trips of a probe between two peers, beside those of a bare UDP echo."""

import os
import subprocess

import cluster
from table import Figure, median, percentile

PROGRAMS = os.environ["BENCH_PROGRAMS"]
AIM = 1.5


def round_trips_us(mode, address, count):
    output = subprocess.run([os.path.join(PROGRAMS, "prober"), mode, address, str(count)], check=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    return [int(line) / 1000 for line in output.split()]


def measure(short):
    rounds, count = (3, 2000) if short else (9, 10000)
    p50s, p99s = {"echo": [], "peer": []}, {"echo": [], "peer": []}
    peers = cluster.Cluster()
    echo = subprocess.Popen([os.path.join(PROGRAMS, "udp_echo")], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, start_new_session=True)
    try:
        addresses = {"echo": echo.stdout.readline().decode().strip(), "peer": peers.add().address}
        for number in range(rounds):
            for mode in ("echo", "peer") if number % 2 else ("peer", "echo"):
                trips = round_trips_us(mode, addresses[mode], count)
                p50s[mode].append(percentile(trips, 0.5))
                p99s[mode].append(percentile(trips, 0.99))
            print(f"   round {number + 1} of {rounds}: p50 echo {p50s['echo'][-1]:.1f} us, "
                  f"peer {p50s['peer'][-1]:.1f} us", flush=True)
    finally:
        echo.kill()
        echo.communicate()
        peers.close()

    def ratio(values):
        return median([peer / bare for peer, bare in zip(values["peer"], values["echo"])])

    def both(mode):
        return f"{median(p50s[mode]):.1f} / {median(p99s[mode]):.1f} us"

    return [Figure("probe: bare UDP echo, p50 / p99", both("echo")),
            Figure("probe: peer to peer, p50 / p99", both("peer")),
            Figure("probe: peer / echo, p50", f"{ratio(p50s):.2f}", f"at most {AIM}", ratio(p50s) <= AIM),
            Figure("probe: peer / echo, p99", f"{ratio(p99s):.2f}")]
