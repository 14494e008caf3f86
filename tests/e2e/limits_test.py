"""What a task may print and bring back, at home and elsewhere: the limit, the words, the exit code."""

from cluster import ClusterTest, main, wait_until

LIMIT = 64 << 10
NARROW = {"limits": {"output_bytes": LIMIT, "task_bytes": LIMIT}}
SENDER = {"policy": {"preset": "sender"}}
WORDS = f"more output than [limits] output_bytes allows: {LIMIT} bytes".encode()


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

    def test_elsewhere_and_ended_before_anybody_looked(self):
        first, second = self.pair(NARROW, {})
        result = first.ctl("run", "head", "-c", 2 * LIMIT, "/dev/zero", check=False)
        self.assertEqual(result.returncode, 71)
        self.assertIn(WORDS, result.stderr)
        wait_until(lambda: second.tasks() == [], "the other peer has nothing left")


if __name__ == "__main__":
    main()
