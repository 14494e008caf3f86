"""A board that is to be empty, and what `peerctl doctor` says of one."""

import json
import signal

from cluster import ClusterTest, main, wait_until

GATE = "until [ -e gate ]; do sleep 0.05; done; echo done"


class Drain(ClusterTest):
    def setUp(self):
        super().setUp()
        # The policies would move nothing.
        for _ in range(3):
            self.cluster.add(load={"slots": 1}, policy={"preset": "none"}, node={"migratable": "no"})
        self.cluster.wait_joined()
        self.first, *self.others = self.cluster.peers

    def start_work(self):
        """One that runs until finish() and six that wait behind it."""
        runs = self.first.submit("--chdir", self.first.directory, "sh", "-c", GATE)
        wait_until(lambda: self.first.task(runs)["state"] == "running", "the first task runs")
        return [runs] + [self.first.submit("sh", "-c", f"echo {i}") for i in range(6)]

    def finish(self):
        open(f"{self.first.directory}/gate", "w").close()

    def test_it_hands_over_what_waits_and_returns_when_what_runs_has_ended(self):
        tasks = self.start_work()
        drain = self.first.ctl_start("drain")
        for number, task in enumerate(tasks[1:]):
            self.assertEqual(self.first.ctl("wait", task).returncode, 0)
            row = self.first.task(task)
            self.assertNotEqual(row["owner"], self.first.name)
            self.assertEqual(self.first.ctl("logs", task).stdout, b"%d\n" % number)
        self.assertIsNone(drain.poll(), "what runs is still here")
        for other in self.others:
            wait_until(lambda: other.sees(self.first) == "draining", "the others know")
        refused = self.first.ctl("run", "true", check=False)
        self.assertEqual(refused.returncode, 75)
        self.assertIn(b"draining", refused.stderr)
        self.finish()
        self.assertEqual(drain.wait(timeout=60), 0)
        self.assertEqual(self.first.task(tasks[0])["state"], "finished")

    def test_undrain_calls_it_off(self):
        tasks = self.start_work()
        drain = self.first.ctl_start("drain")
        wait_until(lambda: self.others[0].sees(self.first) == "draining", "it drains")
        self.first.ctl("undrain")
        self.assertEqual(drain.wait(timeout=60), 75)
        self.assertIn(b"called off", drain.stderr.read())
        self.finish()
        self.first.ctl("wait", *tasks)
        self.assertEqual(self.first.ctl("run", "echo", "again").stdout, b"again\n")
        wait_until(lambda: self.others[0].sees(self.first) == "alive", "the others know")
        twice = self.first.ctl("undrain", check=False)
        self.assertEqual((twice.returncode, twice.stderr), (65, b"peerctl: this peer is not draining\n"))

    def test_interrupted_it_goes_on(self):
        self.start_work()
        drain = self.first.ctl_start("drain")
        wait_until(lambda: self.others[0].sees(self.first) == "draining", "it drains")
        drain.send_signal(signal.SIGINT)
        drain.wait(timeout=60)
        self.finish()
        wait_until(lambda: all(t["state"] == "finished" for t in self.first.tasks()), "all is done elsewhere")
        self.assertEqual(self.first.ctl("drain").returncode, 0)

    def test_an_empty_peer_may_leave(self):
        self.first.ctl("drain")
        self.assertEqual(self.first.stop(), 0)


class Doctor(ClusterTest):
    def test_what_is_missing_is_said_with_the_mend(self):
        alone = self.cluster.add(policy={"migration": "never"})
        result = alone.ctl("doctor", check=False)
        self.assertEqual(result.returncode, 1)
        lines = result.stdout.decode().splitlines()
        self.assertIn("missing  peers: none is alive; mend: membership.seeds, and peerd on the other boards", lines)
        self.assertIn("ok       the journal can be written", lines)
        self.assertIn("off      moving of running tasks: see policy.migration and node.migratable", lines)
        other = self.cluster.add()
        self.cluster.wait_joined()
        self.assertIn("ok       peers alive: 1", alone.ctl("doctor", check=False).stdout.decode())
        other.ctl("drain")
        findings = json.loads(other.ctl("doctor", "--json", check=False).stdout)["findings"]
        self.assertEqual(findings[-1], "off      taking of tasks: this peer drains; mend: peerctl undrain")


if __name__ == "__main__":
    main()
