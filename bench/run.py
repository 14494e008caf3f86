"""All parts or those named, one after the other, then one table."""

import os
import platform
import signal
import subprocess
import sys

import idle
import migration
import probe
import scale
import throughput
from table import print_table

PARTS = {"throughput": throughput.measure, "probe": probe.measure, "idle": idle.measure,
         "migration": migration.measure, "scale": scale.measure}


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def processor():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return models[0] if models else platform.machine()


def end(number, _frame):
    sys.exit(128 + number)  # an exception: whoever started something stops it


def main():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    short = "--short" in sys.argv
    parts = [name for name in PARTS if name in sys.argv] or list(PARTS)
    figures = []
    for name in parts:
        print(f"== measuring {name}", flush=True)
        figures += PARTS[name](short)
    print(f"\n== {os.cpu_count()} x {processor()}, Linux {platform.release()}, "
          f"{first_line('c++', '--version')}, Release{', short run' if short else ''}; load average "
          f"at the end {os.getloadavg()[0]:.1f}\n")
    print_table(figures)


main()
