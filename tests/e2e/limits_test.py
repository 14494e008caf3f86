"""What a task may print and bring back, at home and elsewhere: the limit, the words, the exit code."""

import os

from cluster import ClusterTest, main, wait_until

LIMIT = 64 << 10
NARROW = {"limits": {"output_bytes": LIMIT, "task_bytes": LIMIT}}
SENDER = {"policy": {"preset": "sender"}}
FILES = f"outputs of more than {LIMIT} bytes: larger than [limits] task_bytes allows".encode()
WORDS = f"more output than [limits] output_bytes allows: {LIMIT} bytes".encode()


class AtHome(ClusterTest):
    def setUp(self):
        super().setUp()
        self.peer = self.cluster.add(**NARROW)

    def refused(self, words, *command):
        result = self.peer.ctl("run", *command, check=False)
        self.assertEqual(result.returncode, 71)
        self.assertIn(words, result.stderr)

    def test_output_without_end(self):
        self.refused(WORDS, "yes")

    def test_output_of_a_task_that_ends_before_anybody_looks(self):
        self.refused(WORDS, "head", "-c", 2 * LIMIT, "/dev/zero")
        task = self.peer.tasks()[0]["task"]
        self.assertEqual(len(self.peer.ctl("logs", task, check=False).stdout), LIMIT)

    def test_output_files(self):
        self.refused(FILES, "--output", "a", "--output", "b", "sh", "-c",
                     f"head -c {LIMIT - 10} /dev/zero >a; head -c 20 /dev/zero >b")
        self.assertEqual([f for f in os.listdir(self.peer.directory) if f[0] in "ab"], [])

    def test_up_to_the_limit(self):
        self.assertEqual(len(self.peer.ctl("run", "head", "-c", LIMIT, "/dev/zero").stdout), LIMIT)
        self.peer.ctl("run", "--output", "a", "sh", "-c", f"head -c {LIMIT} /dev/zero >a")


class Queue(ClusterTest):
    def test_a_full_queue_is_counted_and_told(self):
        peer = self.cluster.add(limits={"queue_length": 1})
        peer.submit("sleep", "600")
        wait_until(lambda: peer.tasks()[0]["state"] == "running", "the slot is taken")
        peer.submit("true")
        for _ in range(3):
            refused = peer.ctl("submit", "true", check=False)
            self.assertEqual(refused.returncode, 75)
            self.assertIn(b"queue full", refused.stderr)
        self.assertEqual((peer.stat("limit_queue"), peer.stat("task_refused")), (3, 3))
        self.assertIn("a submission is refused: queue full", peer.log())


class ExitCodes(ClusterTest):
    def setUp(self):
        super().setUp()
        self.peer = self.cluster.add(**NARROW)

    def code(self, *arguments):
        return self.peer.ctl(*arguments, check=False).returncode

    def test_no_such_task_in_every_verb(self):
        for verb in ("wait", "logs", "cancel", "explain"):
            for task in ("b1.999", "nowhere.1", "nonsense"):
                self.assertEqual(self.code(verb, task), 67, (verb, task))

    def test_cancelling_what_has_ended(self):
        task = self.peer.submit("true")
        self.peer.ctl("wait", task)
        self.assertEqual(self.code("cancel", task), 65)

    def test_inputs_beyond_the_limit(self):
        with open(os.path.join(self.peer.directory, "data"), "wb") as file:
            file.write(bytes(LIMIT + 1))
        result = self.peer.ctl("run", "--input", "data", "true", check=False)
        self.assertEqual(result.returncode, 65)
        self.assertIn(f"inputs of more than {LIMIT} bytes".encode(), result.stderr)

    def test_the_help_lists_them(self):
        text = self.peer.ctl("--help").stdout.decode()
        for line in ("65  the task's inputs are beyond a limit", "67  no such task here",
                     "69  no daemon answers, or it went away, or the task is lost", "71  the task failed"):
            self.assertIn(line, text)


class TooMuch(ClusterTest):
    def pair(self, home, other):
        """A busy home node, so that what is submitted to it runs on the other peer."""
        first = self.cluster.add(**SENDER, **home)
        second = self.cluster.add(**SENDER, **other)
        self.cluster.wait_joined()
        first.submit("--pin", "sleep", "600")
        wait_until(lambda: first.tasks()[0]["state"] == "running", "the home node is busy")
        return first, second

    def ends(self, first, second):
        result = first.ctl("run", "yes", check=False)
        self.assertEqual(result.returncode, 71)
        self.assertIn(WORDS, result.stderr)
        wait_until(lambda: second.tasks() == [], "the other peer has nothing left")
        self.assertIn("b2: started", first.ctl("explain", "b1.2").stdout.decode())
        return result

    def test_elsewhere_with_the_limit_on_both_peers(self):
        self.ends(*self.pair(NARROW, NARROW))

    def test_elsewhere_with_the_limit_at_home_alone(self):
        result = self.ends(*self.pair(NARROW, {}))
        self.assertLessEqual(len(result.stdout), LIMIT)

    def test_elsewhere_with_the_limit_there_alone(self):
        self.ends(*self.pair({}, NARROW))

    def test_output_files_from_elsewhere(self):
        first, second = self.pair(NARROW, {})
        result = first.ctl("run", "--output", "a", "sh", "-c", f"head -c {LIMIT + 1} /dev/zero >a",
                           check=False)
        self.assertEqual(result.returncode, 71)
        self.assertIn(FILES, result.stderr)

    def test_elsewhere_and_ended_before_anybody_looked(self):
        first, second = self.pair(NARROW, {})
        result = first.ctl("run", "head", "-c", 2 * LIMIT, "/dev/zero", check=False)
        self.assertEqual(result.returncode, 71)
        self.assertIn(WORDS, result.stderr)
        wait_until(lambda: second.tasks() == [], "the other peer has nothing left")


if __name__ == "__main__":
    main()
