"""Moves of running tasks that cannot succeed: the source goes on with its copy, and does not try again at once."""

import os
import shutil
import subprocess
import time

import cluster
from cluster import SmallDisk, main, wait_until
from moving import Beat, Moving, ObedientCriu, check_movable, left_behind, settings_with

# Asks for nothing and gives away what runs, all the time.
EAGER = settings_with(policy={"preset": "sender", "migration": "longest_running", "threshold": 8},
                      load={"weight": 1}, limits={"search_retry": "100ms", "min_residence": "0s"})

FILLED = """
import os, sys, time
with open("ballast", "wb") as file: file.write(os.urandom(8 << 20))
print("full", flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.02)
print(os.path.getsize("ballast"))
"""

# Starting takes its time, as on a busy board.
SLOW = """#!/bin/sh
[ $1 = start ] && sleep 1
exec REAL "$@"
"""

TRIES = "is not moved while it runs"


def get_rid_of_all(peer, on=True):
    """As if it were a very weak board: what runs there should go, and nothing come."""
    peer.settings["load"]["weight"] = "0.001" if on else "1"
    peer.write_config()
    peer.send_signal(1)


class Hindered(Moving, SmallDisk):
    def eager_peers(self, obedient=False):
        criu = ObedientCriu(os.path.join(self.cluster.directory, "criu")) if obedient else None
        for _ in range(2):
            peer = self.cluster.add(start=False, **EAGER)
            if criu:
                peer.environment["PATH"] = f"{criu.directory}:{os.environ['PATH']}"
            peer.start()
        return self.ready(), criu

    def ready(self):
        peers = self.cluster.wait_joined()
        for peer in peers:
            check_movable(self, peer)
            # A peer is only relieved of what would leave it with more than the other has.
            peer.submit("--pin", "sleep", "600")
        return peers

    def check_kept(self, first, second, task, reason):
        """It is tried once, goes on at home, and for some seconds nobody tries again."""
        wait_until(lambda: TRIES in first.log(), "a move has failed")
        task.goes_on()
        time.sleep(2)  # the pause is five seconds
        tries = [line for line in first.log().splitlines() if TRIES in line]
        self.assertEqual(len(tries), 1, tries)
        self.assertIn(reason, tries[0])
        self.assertIn(reason, task.told())
        row = task.row()
        self.assertEqual((row["state"], row["owner"], row["moves"]), ("running", "b1", 0))
        task.goes_on()

    def test_restore_refused(self):
        (first, second), criu = self.eager_peers(obedient=True)
        task = Beat(first, "refused")
        task.goes_on()
        criu.fail("restore", "no restoring today")
        get_rid_of_all(first)
        self.check_kept(first, second, task, "no restoring today")
        task.check(task.end())
        wait_until(lambda: task.task and not self.stays(second), "nothing is left of the copy")

    def test_dump_refused(self):
        (first, second), criu = self.eager_peers(obedient=True)
        task = Beat(first, "refused")
        task.goes_on()
        criu.fail("dump", "no dumping today")
        get_rid_of_all(first)
        self.check_kept(first, second, task, "no dumping today")
        task.check(task.end())
        wait_until(lambda: not self.stays(second), "nothing is left of the copy")

    def test_a_killed_criu_takes_the_task_along(self):
        (first, second), criu = self.eager_peers(obedient=True)
        task = Beat(first, "taken")
        task.goes_on()
        criu.trap()
        get_rid_of_all(first)
        # It is not the program's failure.
        code = first.ctl("wait", task.task, check=False).returncode
        self.assertEqual(code, 69)
        task.check(code)
        self.assertIn("a CRIU that was killed", task.row()["note"])
        wait_until(lambda: not self.stays(first) and not self.stays(second), "nothing is left of either")

    def stays(self, peer):
        return [name for name in left_behind(peer) if isinstance(name, str) and ".stay" in name]

    def test_the_destinations_disk_is_full(self):
        first = self.cluster.add("b1", **settings_with())
        second = self.small("b2", **settings_with())
        self.cluster.wait_joined()
        for peer in first, second:
            check_movable(self, peer)
        gate = os.path.join(first.directory, "gate")
        task = first.submit("python3", "-c", FILLED, gate)
        wait_until(lambda: first.ctl("logs", task, check=False).stdout, "it has written")

        def tried():
            first.ctl("migrate", task, "b2", check=False)
            return TRIES in first.log()

        wait_until(tried, "a move has failed")
        self.assertIn("No space left", first.log())
        wait_until(lambda: first.task(task)["owner"] == "b1" and first.task(task)["state"] == "running", "it is kept")
        wait_until(lambda: not self.stays(second), "there is room again")
        # The daemon there is none the worse for it.
        self.assertEqual(second.ctl("run", "echo", "well").stdout, b"well\n")
        open(gate, "w").close()
        self.assertEqual(first.ctl("wait", task).returncode, 0)
        self.assertEqual(first.ctl("logs", task).stdout, b"full\n8388608\n")

    def test_the_destination_lacks_memory(self):
        peers, _ = self.eager_peers()
        first, second = peers
        second.settings["load"]["min_memory"] = "1TiB"
        second.write_config()
        second.send_signal(1)
        wait_until(lambda: "min_memory" in second.log(), "it heeds it")
        task = Beat(first, "memory")
        task.goes_on()
        get_rid_of_all(first)
        first.ctl("migrate", task.task, "b2")
        wait_until(lambda: "memory" in task.told(), "it is told why not")
        task.goes_on(50)
        self.assertEqual(task.row()["moves"], 0)
        self.assertNotIn(TRIES, first.log())  # it is not even frozen
        task.check(task.end())

    def test_both_want_to_be_rid_of_it(self):
        (first, second), _ = self.eager_peers()
        tasks = [Beat(peer, f"{peer.name}") for peer in (first, second)]
        for task in tasks:
            task.goes_on()
        for peer in first, second:
            get_rid_of_all(peer)
        for task in tasks:
            task.goes_on(100)
        # A peer that wants to be rid of everything takes nothing: what crossed at the beginning has at most
        # changed places.
        self.assertLessEqual(sum(task.row()["moves"] for task in tasks), 2)
        before = [task.row()["moves"] for task in tasks]
        for task in tasks:
            task.goes_on(100)
        self.assertEqual([task.row()["moves"] for task in tasks], before)
        for task in tasks:
            task.check(task.end())

    def test_both_offer_at_the_same_time(self):
        first, second = self.moving_peers(2, load={"slots": 1})
        tasks = [Beat(peer, peer.name) for peer in (first, second)]
        for task in tasks:
            task.goes_on()
        for _ in range(5):
            clients = [task.home.ctl_start("migrate", task.task, other.name)
                       for task, other in zip(tasks, (second, first))]
            for client in clients:
                client.wait(timeout=60)
            for task in tasks:
                task.goes_on()
        # There is no slot for it on either side.
        self.assertEqual([task.row()["moves"] for task in tasks], [0, 0])
        for task in tasks:
            task.check(task.end())

    def test_a_task_that_is_being_started_moves_when_it_has_been(self):
        programs = os.path.dirname(cluster.PEERD)
        copies = os.path.join(self.cluster.directory, "programs")
        os.mkdir(copies)
        for name in "peerd", "peerd-executor":
            shutil.copy(os.path.join(programs, name), copies)
        slow = os.path.join(copies, "peerd-task")
        with open(slow, "w") as file:
            file.write(SLOW.replace("REAL", os.path.join(programs, "peerd-task")))
        os.chmod(slow, 0o755)
        self.addCleanup(setattr, cluster, "PEERD", cluster.PEERD)
        cluster.PEERD = os.path.join(copies, "peerd")
        first, second = self.moving_peers(2)
        known = Beat(first, "known")  # that tasks can go there
        self.hop(first, known.task, second)
        task = Beat(first, "slow")
        wait_until(lambda: task.state() == "running", "it is being started")
        first.ctl("migrate", task.task, "b2")
        wait_until(lambda: task.row()["owner"] == "b2", "it has moved")
        self.assertNotIn("it is not running", first.log())
        for each in known, task:
            each.goes_on()
            each.check(each.end())


if __name__ == "__main__":
    main()
