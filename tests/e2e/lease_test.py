"""--restart after-lease: a task whose owner is gone runs again, and never twice at once."""

import os
import signal
from unittest import mock

from cluster import ClusterTest, alive, main, processes_with, wait_until

FAST = {"policy": {"preset": "sender"},
        "limits": {"lease": "4s"},
        "membership": {"probe_interval": "200ms", "probe_timeout": "100ms", "join_interval": "200ms",
                       "rejoin_interval": "1s"}}


def states_of(session):
    """Of the processes of that session, as /proc has them: R, S, T (stopped) ..."""
    states = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            states.append(fields[0])
    return states


def frozen(session):
    """A shell whose child was stopped before it became another program waits for it in state D."""
    states = states_of(session)
    return "T" in states and set(states) <= {"T", "D"}


class Leasing(ClusterTest):
    settings = FAST

    def boards(self, count):
        boards = self.peers(count, **self.settings)
        self.gate = os.path.join(boards[0].directory, "gate")
        self.starts = os.path.join(boards[0].directory, "starts")
        # The home node's own slot is taken.
        boards[0].submit("--pin", "sleep", "600")
        return boards

    def program(self, work):
        """Says where it runs, counts in a file while it does, and does its work in the end."""
        return ["sh", "-c", f"echo begun >>{self.starts}; echo begun; "
                f"until [ -e {self.gate} ]; do sleep 0.05; done; {work}"]

    def begun(self):
        """How often."""
        try:
            with open(self.starts) as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    def session(self):
        """Of the one copy that there is."""
        found, = {os.getsid(pid) for pid in processes_with(self.gate)}
        return found

    def submit(self, home, comes_as="--input", work="sort -n data >sorted; echo sorted >>data; cat sorted"):
        data = os.path.join(home.directory, "data")
        with open(data, "w") as file:
            file.write("3\n1\n2\n")
        task = home.submit("--restart", "after-lease", comes_as, data, *self.program(work))
        os.unlink(data)
        wait_until(lambda: self.begun() == 1, "it runs")
        wait_until(lambda: home.task(task)["state"] == "running", "its home node knows")
        return task

    def owner(self, task):
        name = self.cluster.peers[0].task(task)["owner"]
        return next(peer for peer in self.cluster.peers if peer.name == name)

    def check_result(self, task):
        home = self.cluster.peers[0]
        open(self.gate, "w").close()
        self.assertEqual(home.ctl("wait", task).returncode, 0)
        logs = home.ctl("logs", task)
        self.assertEqual(logs.stdout, b"begun\n1\n2\n3\n")


class Plain(Leasing):
    def test_a_task_whose_owner_is_killed_with_all_its_processes_runs_again(self):
        home, *others = self.boards(3)
        task = self.submit(home)
        owner = self.owner(task)
        self.assertIn(owner, others)
        wait_until(lambda: owner.stat("lease_renewed") >= 2, "the lease is renewed")
        first = self.session()
        follower = home.ctl_start("logs", "-f", task)
        wait_until(lambda: home.ctl("logs", task).stdout, "its output is home")
        owner.lose_power()
        wait_until(lambda: not alive(first), "the first copy is gone")
        wait_until(lambda: self.begun() == 2, "it runs again")
        self.assertNotEqual(home.task(task)["state"], "lost")
        self.assertNotEqual(self.owner(task), owner)
        self.check_result(task)
        self.assertEqual(home.stat("task_restarted"), 1)
        self.assertEqual(home.stat("task_lost"), 0)
        output, words = follower.communicate(timeout=60)
        self.assertEqual(output, b"begun\nbegun\n1\n2\n3\n")
        self.assertIn(f"is begun anew: {owner.name}, which had it, is gone".encode(), words)

    def test_one_that_hangs_has_its_process_frozen_before_another_starts(self):
        home, *others = self.boards(3)
        task = self.submit(home)
        owner = self.owner(task)
        first = self.session()
        owner.send_signal(signal.SIGSTOP)
        try:
            # Whichever is seen first: never may the second start while the first runs.
            wait_until(lambda: frozen(first), "its executor freezes it")
            self.assertEqual(self.begun(), 1)
            wait_until(lambda: self.begun() == 2, "it runs again")
            self.assertTrue(frozen(first))
        finally:
            owner.send_signal(signal.SIGCONT)
        wait_until(lambda: not alive(first), "the first copy is ended")
        wait_until(lambda: owner.stat("lease_refused") == 1, "it was refused")
        self.check_result(task)
        self.assertEqual(self.begun(), 2)

    def test_one_whose_home_node_hangs_is_frozen_and_goes_on(self):
        home, *others = self.boards(2)
        task = self.submit(home)
        owner = self.owner(task)
        first = self.session()
        home.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: frozen(first), "it is frozen")
            wait_until(lambda: owner.stat("task_frozen") == 1, "its owner knows")
            self.assertEqual(owner.task(task)["state"], "frozen")
        finally:
            home.send_signal(signal.SIGCONT)
        wait_until(lambda: alive(first) and not frozen(first), "it goes on")
        self.check_result(task)
        self.assertEqual(owner.stat("task_thawed"), 1)
        self.assertEqual(self.begun(), 1)

    def test_an_owner_that_is_started_anew_disturbs_nothing(self):
        home, *others = self.boards(2)
        task = self.submit(home)
        owner = self.owner(task)
        owner.kill()
        owner.start()
        renewed = owner.stat("lease_renewed")
        wait_until(lambda: owner.stat("lease_renewed") >= renewed + 2, "the lease is renewed again")
        self.assertEqual(owner.stat("task_frozen"), 0)
        self.check_result(task)
        self.assertEqual(self.begun(), 1)

    def test_an_executor_that_is_killed_has_its_task_run_again_at_once(self):
        home, *others = self.boards(2)
        task = self.submit(home)
        self.owner(task).kill_executor()
        wait_until(lambda: self.begun() == 2, "it runs again")
        self.check_result(task)

    def test_one_that_has_standard_input_alone_runs_again(self):
        home, *others = self.boards(2)
        task = self.submit(home, "--stdin", "sort -n")
        self.owner(task).kill_executor()
        wait_until(lambda: self.begun() == 2, "it runs again")
        self.check_result(task)

    def begun_anew_for_ever(self, home):
        """A task whose inputs are being copied, into a pipe that nobody reads: task, pipe, beginning of its files'
        names."""
        task = self.submit(home)
        work = os.path.join(home.state, "work")
        serial = next(name for name in os.listdir(work) if name.endswith(".0"))[:-1]
        unfinished = os.path.join(work, f"{serial}{1 << 24 | 1}.peerd-unfinished")
        os.mkdir(unfinished)
        pipe = os.path.join(unfinished, "data")
        os.mkfifo(pipe)
        self.owner(task).kill_executor()
        wait_until(lambda: home.task(task)["owner"] == home.name, "it is begun anew, and its home node answers")
        return task, pipe, serial

    def test_copying_inputs_keeps_nobody_waiting(self):
        home, *others = self.boards(2)
        task, pipe, serial = self.begun_anew_for_ever(home)
        work = os.path.join(home.state, "work")
        home.ctl("cancel", task)
        with open(pipe) as reader:
            reader.read()
        home.ctl("wait", task, check=False)
        self.assertEqual(self.begun(), 1)
        wait_until(lambda: not [name for name in os.listdir(work) if name.startswith(serial)], "nothing is left of it")

    # What has been freed is overwritten, so that using it is noticed.
    @mock.patch.dict(os.environ, MALLOC_PERTURB_="170")
    def test_a_home_node_may_end_while_it_copies_inputs(self):
        home, *others = self.boards(2)
        _, pipe, _ = self.begun_anew_for_ever(home)
        for times in (1, 2):
            home.send_signal(signal.SIGTERM)
            wait_until(lambda: home.log().count("SIGTERM") == times, "it is told to end")
        wait_until(lambda: not os.path.exists(home.socket), "it has ended but for the copy")
        with open(pipe) as reader:
            reader.read()
        self.assertEqual(home.process.wait(60), os.EX_TEMPFAIL)

    def test_a_task_of_ones_own_runs_again_after_a_loss_of_power(self):
        home = self.cluster.add(**self.settings)
        self.gate = os.path.join(home.directory, "gate")
        self.starts = os.path.join(home.directory, "starts")
        task = self.submit(home)
        home.lose_power()
        home.start()
        wait_until(lambda: self.begun() == 2, "it runs again")
        self.check_result(task)

    def test_never_is_what_it_was(self):
        home, *others = self.boards(2)
        task = home.submit("sleep", "600")
        wait_until(lambda: home.task(task)["owner"] == "b2" and home.task(task)["state"] == "running",
                   "it runs elsewhere")
        others[0].lose_power()
        self.assertEqual(home.ctl("wait", task, check=False).returncode, 69)
        self.assertEqual(home.task(task)["state"], "lost")
        self.assertEqual(home.stat("lease_given"), 0)
        usage = home.ctl("submit", "--restart", "soon", "true", check=False)
        self.assertEqual(usage.returncode, 64)
        self.assertIn(b"never or after-lease is needed", usage.stderr)


class Surrounded(Leasing):
    """Tasks that can move while they run: their processes are in namespaces of their own. Needs root and CRIU."""

    settings = {**FAST, "node": {"migratable": "yes"}}

    def boards(self, count):
        boards = super().boards(count)
        for board in boards:
            wait_until(lambda: "running tasks" in board.log(), "it has looked for CRIU")
            if "running tasks can be moved" not in board.log():
                reason = next(line for line in board.log().splitlines() if "running tasks are not moved" in line)
                if os.environ.get("CI") == "true":
                    self.fail(reason)
                self.skipTest(reason)
        return boards

    def states(self):
        """Of the task's shells, wherever they are. What such a shell has forked is not one, before it execs, too."""
        states, parents = {}, {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                with open(f"/proc/{pid}/stat") as stat:
                    state, parent = stat.read().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if words[:2] == [b"sh", b"-c"] and self.gate.encode() in words[2] and state != "Z":
                states[pid], parents[pid] = state, parent
        return [state for pid, state in states.items() if parents[pid] not in states]

    def test_one_that_hangs_has_its_process_frozen_before_another_starts(self):
        home, *others = self.boards(3)
        task = self.submit(home)
        owner = self.owner(task)
        owner.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: self.states() and set(self.states()) <= {"T", "D"}, "its executor freezes it")
            self.assertEqual(self.begun(), 1)
            wait_until(lambda: self.begun() == 2, "it runs again")
            self.assertEqual(len(self.states()), 2)
        finally:
            owner.send_signal(signal.SIGCONT)
        wait_until(lambda: len(self.states()) == 1, "the first copy is ended")
        self.check_result(task)

    def test_one_whose_home_node_hangs_is_frozen_and_goes_on(self):
        home, *others = self.boards(2)
        task = self.submit(home)
        home.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: self.states() and set(self.states()) <= {"T", "D"}, "it is frozen")
        finally:
            home.send_signal(signal.SIGCONT)
        self.check_result(task)
        self.assertEqual(self.begun(), 1)

    def test_one_that_moves_goes_on_under_a_lease_of_its_new_owner(self):
        home, *others = self.boards(3)
        task = self.submit(home)
        before = self.owner(task)
        after = next(peer for peer in others if peer is not before)

        def moved():
            # Asked again: the destination may not yet know that it can take what runs.
            if self.owner(task) is before:
                before.ctl("migrate", task, after.name, check=False)
            return self.owner(task) is after and home.task(task)["state"] == "running"

        wait_until(moved, "it goes on there")
        renewed = after.stat("lease_renewed")
        self.assertGreaterEqual(renewed, 1)
        wait_until(lambda: after.stat("lease_renewed") > renewed, "its lease is renewed")
        self.check_result(task)
        self.assertEqual(self.begun(), 1)


if __name__ == "__main__":
    main()
