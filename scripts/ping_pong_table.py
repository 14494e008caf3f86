"""The table of scripts/ping_pong.py: measured and simulated figures side by side."""

import csv
import os
import statistics

QUANTITIES = {"moves": "moves/task", "max_moves": "most moves", "mean_s": "mean (s)",
              "p99_s": "p99 (s)", "probes": "probes/task"}


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
