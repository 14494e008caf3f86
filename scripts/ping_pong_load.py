"""The load script of scripts/ping_pong.py: drawn once, carried out by real peers and by peersim."""

import dataclasses
import random
import shlex
import sys

SHORTEST, LONGEST = 0.1, 5  # tasks, as multiples of the mean


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
