"""Figures and their aims in columns."""

from collections import namedtuple

# aim: words for a reader, or empty; met: True, False, or None where there is no aim.
Figure = namedtuple("Figure", "what value aim met", defaults=("", None))


def print_table(figures):
    widths = [max(len(getattr(figure, column)) for figure in figures) for column in ("what", "value", "aim")]
    for figure in figures:
        verdict = "" if figure.met is None else "reached" if figure.met else "missed"
        print(f"{figure.what:<{widths[0]}}  {figure.value:>{widths[1]}}   {figure.aim:<{widths[2]}}  "
              f"{verdict}".rstrip())


def percentile(values, share):
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)]


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
