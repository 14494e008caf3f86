"""kill -9 at each step of a handoff: of peerd, of the executor, of both, on the side that has come to the step and
on the other; of CRIU and of peerd-task, which minds it, while they dump and while they restore. Afterwards exactly one
copy goes on, or, where its process was killed, the task is lost and so told."""

import multiprocessing
import os
import signal
import time

from cluster import Cluster, Failure, LIBC, PR_SET_PDEATHSIG, executor_of, main, wait_until
from moving import Beat, Moving, ObedientCriu, left_behind, settings_with

SOURCE, DESTINATION = "b1", "b2"

# The step, on which side it is, and whether the process survives there the executor of the source, and of the
# destination: of a task that runs. None: both are right.
RUNNING = [
    ("sent offer", SOURCE, False, True),
    ("received grant", SOURCE, False, True),
    ("dumped", SOURCE, None, True),
    ("sent image", SOURCE, None, True),
    ("received prepared", SOURCE, None, None),
    ("committed handed_off", SOURCE, True, False),
    ("sent commit", SOURCE, True, False),
    ("received committed", SOURCE, True, False),
    ("sent grant", DESTINATION, False, True),
    ("received image", DESTINATION, None, True),
    ("restored", DESTINATION, None, None),
    ("committed prepared", DESTINATION, None, None),
    ("committed owned", DESTINATION, True, False),
    ("sent committed", DESTINATION, True, False),
]

# Of one that waits, which has no process to lose. But where the destination is killed after it has decided to begin
# it, and before it has: never twice means that it is lost then. The last word: does it survive that peer's end?
WAITING = [
    ("sent offer", SOURCE, True), ("received grant", SOURCE, True), ("sent bundle", SOURCE, True),
    ("received prepared", SOURCE, True), ("committed handed_off", SOURCE, True), ("sent commit", SOURCE, None),
    ("received committed", SOURCE, None),
    ("sent grant", DESTINATION, True), ("received bundle", DESTINATION, True),
    ("committed prepared", DESTINATION, True), ("committed owned", DESTINATION, False),
    ("sent committed", DESTINATION, False),
]

# Where CRIU is held, and it or peerd-task killed: after it has frozen and read everything, before and after it has built the tree.
CRIU_MOMENTS = [("dump", "pre-dump"), ("dump", "post-dump"), ("restore", "pre-restore"), ("restore", "post-restore")]


def load_of(peer):
    """Waiting, running and reserved."""
    return next(row["load"] for row in peer.peers() if row["state"] == "self")


def stat_of(pid):
    """Its state, and its parent."""
    with open(f"/proc/{pid}/stat") as file:
        state, parent = file.read().rsplit(")", 1)[1].split()[:2]
    return state, int(parent)


def minder_of(criu):
    """The operation's own process, the executor's child. CRIU is a child of its child."""
    return stat_of(stat_of(criu)[1])[1]


def zombies_of(executor):
    with open(f"/proc/{executor}/task/{executor}/children") as file:
        return [pid for pid in file.read().split() if stat_of(pid)[0] == "Z"]


class Handoff:
    """One step in a cluster of its own, again and again."""

    def __init__(self, step, side, slots=8):
        self.step = step
        self.cluster = Cluster()
        self.settings = settings_with(load={"slots": slots})
        self.side = side

    def begin(self):
        for name in SOURCE, DESTINATION:
            self.cluster.add(name, **self.settings)
        self.peers = self.source, self.destination = self.cluster.wait_joined()
        self.here = self.source if self.side == SOURCE else self.destination

    def move_until(self, task, condition):
        """Asks again: a peer that has just started may not have told yet that it can."""
        def asked():
            if not self.source.stands_still():
                client = self.source.ctl_start("migrate", task.task, DESTINATION)
                deadline = time.monotonic() + 1
                while not condition() and time.monotonic() < deadline:
                    time.sleep(0.01)
                client.kill()
            return condition()

        wait_until(asked, f"{self.side} has come to {self.step!r}")

    def kill(self, victim, at):
        """With the daemon here standing still; afterwards all run again."""
        if victim in ("peerd", "both"):
            at.kill()
        if victim in ("executor", "both"):
            at.kill_executor()
        if at is not self.here or victim == "executor":
            self.here.send_signal(signal.SIGCONT)
        if victim != "executor":
            at.start()

    def arm(self):
        """The daemon that is to stand still begins anew, and all are ready to move tasks."""
        self.here.kill()
        self.here.start(stop_at=self.step)
        for peer in self.peers:
            wait_until(lambda: "running tasks can be moved" in peer.log().rsplit("ready;", 1)[1], "it has CRIU")
        self.cluster.wait_joined()

    def running(self, victim, at, survives):
        self.arm()
        task = Beat(self.source, f"{victim}-{at.name}")
        task.goes_on()
        self.move_until(task, self.here.stands_still)
        self.kill(victim, at)
        before = task.count()
        wait_until(lambda: task.count() > before + 2 or task.ended(), f"{task.task} goes on or is over")
        self.check_end(task, True if victim == "peerd" else survives)
        self.check_nothing_left(task)

    def waiting(self, at, survives):
        self.arm()
        gate = os.path.join(self.source.directory, f"slot-{at.name}")
        blocker = self.source.submit("--pin", "sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")
        data = os.path.join(self.source.directory, "data")
        with open(data, "w") as file:
            file.write("brought along")
        task = Beat(self.source, at.name, "--input", data)
        self.move_until(task, self.here.stands_still)
        self.kill("peerd", at)
        open(gate, "w").close()  # it runs wherever it is
        wait_until(lambda: task.count() > 2 or task.ended(), f"{task.task} goes on or is over")
        self.check_end(task, survives)
        self.source.ctl("wait", blocker)
        self.check_nothing_left(task)

    def check_end(self, task, survives):
        code = task.end()
        task.check(code)
        if survives is not None and survives != (code == 7):
            raise Failure(f"{task.task} ended with {code}: {task.told()}")

    def check_nothing_left(self, task):
        for peer in self.peers:
            wait_until(lambda: not left_behind(peer), lambda: f"{peer.name} lets go of {left_behind(peer)}")
            # A reservation is in nobody's journal. Its grant is repeated, and would be the next case's.
            wait_until(lambda: load_of(peer) == 0, f"{peer.name} expects nothing")
        wait_until(lambda: not task.processes(), f"{task.task} has no processes any more")

    def guarded(self, work):
        """The seconds that it took, and the failure, if any, in words."""
        begun = time.monotonic()
        try:
            self.begin()
            work()
            return time.monotonic() - begun, None
        except BaseException as failure:
            logs = "".join(f"\n--- log of {peer.name}, its end:\n{peer.log()[-3000:]}"
                           for peer in self.cluster.peers)
            return time.monotonic() - begun, f"{failure}{logs}"
        finally:
            self.cluster.close()


class KilledCriu(Handoff):
    """CRIU stands still by itself: nobody is told to stop."""

    def begin(self):
        self.criu = ObedientCriu(os.path.join(self.cluster.directory, "criu"))
        for name in SOURCE, DESTINATION:
            peer = self.cluster.add(name, start=False, **self.settings)
            peer.environment["PATH"] = f"{self.criu.directory}:{os.environ['PATH']}"
            peer.start()
        self.peers = self.source, self.destination = self.cluster.wait_joined()
        self.here = self.source
        self.arm()

    def killed(self, victim, verb, moment):
        task = Beat(self.source, moment)
        task.goes_on()
        self.criu.hold(verb, moment)
        self.move_until(task, self.criu.held)
        if victim == "criu":
            os.kill(self.criu.held(), signal.SIGKILL)
        else:
            os.kill(minder_of(self.criu.held()), signal.SIGKILL)
            self.criu.reset()
        task.goes_on()
        if task.row()["owner"] != SOURCE:
            raise Failure(f"{task.task} is with {task.row()['owner']}: {task.told()}")
        # Nothing is broken by it: it moves the next time that it is asked.
        self.criu.reset()
        self.move_until(task, lambda: task.row()["owner"] == DESTINATION)
        task.goes_on()
        task.check(task.end())
        self.check_nothing_left(task)
        for peer in self.peers:
            wait_until(lambda: not zombies_of(executor_of(peer.state)), f"{peer.name} has reaped everybody")

    def stranded(self):
        """The destination is killed, executor and all, before it has heard that there is a copy."""
        task = Beat(self.source, "stranded")
        task.goes_on()
        self.criu.hold("restore", "post-restore")
        self.move_until(task, self.criu.held)
        executor = executor_of(self.destination.state)
        os.kill(executor, signal.SIGSTOP)
        self.criu.reset()
        wait_until(lambda: zombies_of(executor), "it is restored")
        self.destination.kill()
        self.destination.kill_executor()
        self.destination.start()
        task.goes_on()
        task.check(task.end())
        self.check_nothing_left(task)


def run_running(step, side, survives_source, survives_destination):
    handoff = Handoff(step, side)

    def cases():
        for at, survives in zip(handoff.peers, (survives_source, survives_destination)):
            for victim in "peerd", "executor", "both":
                try:
                    handoff.running(victim, at, survives)
                except BaseException as failure:
                    raise Failure(f"{victim} of {at.name} killed at {step!r} of {side}: {failure}") from failure

    return handoff.guarded(cases)


def run_waiting(step, side, survives_destination):
    handoff = Handoff(step, side, slots=1)

    def cases():
        for at, survives in zip(handoff.peers, (True, survives_destination)):
            try:
                handoff.waiting(at, survives)
            except BaseException as failure:
                raise Failure(f"{at.name} killed at {step!r} of {side}, waiting: {failure}") from failure

    return handoff.guarded(cases)


def run_criu(victim):
    handoff = KilledCriu("criu", SOURCE)

    def cases():
        for verb, moment in CRIU_MOMENTS:
            try:
                handoff.killed(victim, verb, moment)
            except BaseException as failure:
                raise Failure(f"{victim} killed at {moment}: {failure}") from failure

    return handoff.guarded(cases)


def run_stranded():
    handoff = KilledCriu("stranded", SOURCE)
    return handoff.guarded(handoff.stranded)


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Killed(Moving):
    # Nearly all of the time somebody waits for somebody: more at once than there are cores.
    AT_ONCE = 6

    def side_by_side(self, run, cases):
        self.moving_peers(1)  # or why it cannot be
        with multiprocessing.Pool(self.AT_ONCE, end_with_parent) as pool:
            results = pool.starmap(run, cases, chunksize=1)
        failures = [failure for _, failure in results if failure]
        if failures:
            self.fail("\n".join(["some are not as they should be:", *failures]))

    def test_while_it_runs(self):
        self.side_by_side(run_running, RUNNING)

    def test_while_it_waits(self):
        self.side_by_side(run_waiting, WAITING)

    def test_criu(self):
        self.side_by_side(run_criu, [("criu",), ("peerd-task",)])

    def test_a_copy_that_nobody_knows(self):
        self.side_by_side(run_stranded, [()])


if __name__ == "__main__":
    main()
