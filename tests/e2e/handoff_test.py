"""kill -9 at each step of a handoff: of peerd, of the executor, of both, on the side that has come to the step and
on the other. Afterwards exactly one copy goes on, or, where its process was killed, the task is lost and so told."""

import ctypes
import multiprocessing
import os
import signal
import sys
import time
import unittest

from cluster import Cluster, ClusterTest, LIBC, PR_SET_PDEATHSIG, main, wait_until
from moving import Beat, Moving, SETTINGS, check_movable, left_behind

AT_SOURCE = ["sent offer", "received grant", "dumped", "sent image", "received prepared", "committed handed_off",
             "sent commit", "received committed"]
AT_DESTINATION = ["sent grant", "received image", "restored", "committed prepared", "committed owned",
                  "sent committed"]
VICTIMS = ["peerd", "executor", "both"]


class Handoff:
    """One step on one side, in a cluster of its own: every victim on either side in turn."""

    def __init__(self, step, side):
        self.step = step
        self.side = side
        self.cluster = Cluster()

    def begin(self):
        for name in ("b1", "b2"):
            self.cluster.add(name, **SETTINGS)
        self.source, self.destination = self.cluster.wait_joined()
        self.here, self.there = ((self.source, self.destination) if self.side == "source"
                                 else (self.destination, self.source))

    def case(self, victim, at):
        """Kills the victim on that peer."""
        self.here.kill()
        self.here.start(stop_at=self.step)
        for peer in self.source, self.destination:
            wait_until(lambda: "running tasks can be moved" in peer.log().rsplit(" slots;", 1)[1], "it has CRIU")
        self.cluster.wait_joined()
        task = Beat(self.source, f"{victim}-{at.name}")
        task.goes_on()
        self.source.ctl_start("migrate", task.task, "b2")
        wait_until(self.here.stands_still, f"{self.here.name} has come to {self.step!r}")
        if victim in ("peerd", "both"):
            at.kill()
        if victim in ("executor", "both"):
            at.kill_executor()
        if at is not self.here or victim == "executor":
            self.here.send_signal(signal.SIGCONT)
        if victim != "executor":
            at.start()
        before = task.count()
        wait_until(lambda: task.count() > before + 2 or task.ended(), f"{task.task} goes on or is over")
        code = task.end()
        task.check(code)
        for peer in self.source, self.destination:
            wait_until(lambda: not left_behind(peer), lambda: f"{peer.name} has let go of {left_behind(peer)}", 10)
        left = task.processes()
        if left:
            raise AssertionError(f"still running: {left}")
        return "lost" if code == 69 else "goes on"

    def run(self):
        told = []
        try:
            self.begin()
            for at in self.here, self.there:
                for victim in VICTIMS:
                    begun = time.monotonic()
                    told.append((victim, at.name))
                    told[-1] += (self.case(victim, at), time.monotonic() - begun)
            return told, None
        except BaseException as failure:
            logs = "".join(f"\n--- log of {peer.name}, its end:\n{peer.log()[-3000:]}"
                           for peer in self.cluster.peers)
            return told, f"{self.side} {self.step!r}, {told[-1:]}: {failure!r}{logs}"
        finally:
            self.cluster.close()


def run_handoff(step_and_side):
    return Handoff(*step_and_side).run()


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


STEPS = [(step, "source") for step in AT_SOURCE] + [(step, "destination") for step in AT_DESTINATION]


class Killed(Moving):
    def test_at_each_step(self):
        self.moving_peers(1)
        with multiprocessing.Pool(4, end_with_parent) as pool:
            results = pool.map(run_handoff, STEPS, chunksize=1)
        for step, (told, failure) in zip(STEPS, results):
            print(step, told, failure)


if __name__ == "__main__":
    main()
