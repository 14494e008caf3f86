"""scripts/ping-pong.sh, very small: its table, and what it leaves behind."""

import csv
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from cluster import PATIENCE_S, main, wait_until

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/ping-pong.sh")
SMALL = ["--peers", "3", "--hot", "1", "--tasks", "12", "--mean-service", "0.1", "--input-size", "0.1",
         "--cpu-every", "6"]


class PingPong(unittest.TestCase):
    def setUp(self):
        # All that the script leaves for a while is in here, and named in the commands of its peers.
        self.scratch = tempfile.TemporaryDirectory(prefix="peerd-ping-pong-")
        self.addCleanup(self.scratch.cleanup)
        self.process = None
        self.addCleanup(self.end)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=2 * PATIENCE_S)
        for pid in self.processes():  # none, or a test has failed
            os.kill(pid, signal.SIGKILL)

    def start(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [SCRIPT, *SMALL, *arguments],
            env={**os.environ, "TMPDIR": self.scratch.name, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self):
        out, err = self.process.communicate(timeout=5 * PATIENCE_S)
        return self.process.returncode, out, err

    def processes(self):
        """All that was started for the scratch directory and still runs: pids and commands."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    command = file.read().decode(errors="replace").replace("\0", " ")
                with open(f"/proc/{pid}/environ", "rb") as file:
                    environment = file.read().decode(errors="replace")
                at = os.readlink(f"/proc/{pid}/cwd")
            except OSError:
                continue
            if self.scratch.name in command + environment + at and int(pid) != os.getpid():
                found[int(pid)] = command
        return found

    def assert_nothing_is_left(self):
        self.assertEqual(self.processes(), {})
        self.assertEqual(os.listdir(self.scratch.name), [])

    def test_every_variant_has_all_its_figures(self):
        with tempfile.TemporaryDirectory() as output:
            self.start("--variants", "no safeguard,all together", "--output", output)
            code, out, err = self.finish()
            self.assertEqual((code, err), (0, ""))
            with open(os.path.join(output, "ping-pong.csv"), newline="") as file:
                header, *rows = csv.reader(file)
            with open(os.path.join(output, "load.trace")) as file:
                trace = [line.split() for line in file][1:]
            with open(os.path.join(output, "ping-pong.md")) as file:
                self.assertIn("| no safeguard |", file.read())
        self.assertEqual([row[0] for row in rows], ["no safeguard", "all together"])
        pair = r" +[0-9.]+[* ]/ [0-9.]+"
        for name in ("no safeguard", "all together"):
            self.assertRegex(out, rf"(?m)^{name}({pair}){{5}}( +[0-9.]+ s){{2}}$")
        for row in rows:
            figures = dict(zip(header[1:], map(float, row[1:])))
            for side in ("measured", "simulated"):
                # Twelve tasks at one of three peers: some must have gone elsewhere, in both worlds.
                self.assertGreater(figures[f"moves/task, {side}"], 0)
                self.assertGreaterEqual(figures[f"most moves, {side}"], 1)
                self.assertGreater(figures[f"probes/task, {side}"], 0)
                self.assertGreater(figures[f"mean (s), {side}"], 0.01)
                self.assertGreaterEqual(figures[f"p99 (s), {side}"], figures[f"mean (s), {side}"])
            self.assertGreater(figures["a task (s)"], 0.01)
        self.assertEqual(len(trace), 12)
        self.assertEqual({peer for _, peer, _ in trace}, {"0"})
        self.assert_nothing_is_left()

    def test_the_same_seed_is_the_same_load(self):
        traces = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as output:
                self.start("--variants", "hop limit", "--tasks", "3", "--output", output)
                self.assertEqual(self.finish()[0], 0)
                with open(os.path.join(output, "load.trace")) as file:
                    traces.append(file.read())
        self.assertEqual(*traces)

    def interrupt(self, number, ready):
        self.start("--tasks", "500", "--load", "0.2", "--variants", "no safeguard")
        wait_until(ready, "the script is under way")
        self.process.send_signal(number)
        code, out, err = self.finish()
        self.assertEqual((code, err), (128 + number, "ping-pong: interrupted\n"))
        self.assertNotRegex(out, r"(?m)^no safeguard")
        self.assert_nothing_is_left()

    def log_of(self, name):
        for directory in os.listdir(self.scratch.name):
            path = os.path.join(self.scratch.name, directory, name, "log")
            if os.path.exists(path):
                with open(path) as file:
                    return file.read()
        return ""

    def test_interrupted_while_tasks_run(self):
        self.interrupt(signal.SIGINT,
                       lambda: any(command.startswith("sleep ")
                                   for command in self.processes().values()))

    def test_interrupted_while_peers_start(self):
        self.interrupt(signal.SIGTERM, lambda: "ready;" in self.log_of("b1"))

    def test_peers_do_not_outlive_a_killed_script(self):
        self.start("--tasks", "500", "--load", "0.2", "--variants", "no safeguard")
        wait_until(lambda: any(command.startswith("sleep ") for command in self.processes().values()),
                   "tasks run")
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)
        wait_until(lambda: not any("peerd --config" in command for command in self.processes().values()),
                   "the daemons have ended")
        # Tasks outlive their daemon, and wait for the next one; without its directory there is none.
        for name in os.listdir(self.scratch.name):
            shutil.rmtree(os.path.join(self.scratch.name, name), ignore_errors=True)
        wait_until(lambda: not self.processes(), "all that it started has ended")

    def test_what_peerctl_complains_of_is_shown(self):
        peerctl = os.path.join(self.scratch.name, "peerctl")
        with open(peerctl, "w") as file:
            file.write('#!/bin/sh\nfor word; do [ "$word" != submit ] || { echo "no room" >&2; exit 73; }'
                       f'; done\nexec {os.environ["PEERCTL"]} "$@"\n')
        os.chmod(peerctl, 0o755)
        self.start("--variants", "no safeguard", PEERCTL=peerctl)
        code, _, err = self.finish()
        self.assertEqual((code, err), (70, "ping-pong: peerctl submit: no room\n"))

    def test_wrong_options_are_refused(self):
        for wrong in (["--variants", "hope"], ["--peers", "1"], ["--peers", "65"], ["--hot", "4"],
                      ["--hot", "-1"], ["--load", "0"], ["--load", "nan"], ["--tasks", "1"],
                      ["--tasks", "many"], ["--tasks", "100001"], ["--retry", "-0.1"],
                      ["--retry", "61"], ["--probe-limit", "-1"], ["--probe-limit", "65"],
                      ["--cpu-every", "-1"], ["--input-size", "-1"], ["--input-size", "1025"],
                      ["--mean-service", "0"], ["--seed", "-1"], ["--frob"]):
            with self.subTest(wrong=wrong):
                self.start(*wrong)
                code, out, err = self.finish()
                self.assertEqual((code, out), (64, ""))
                self.assertRegex(err, r"\Aping-pong: .*; see ping-pong\.sh --help\n\Z")
                if len(wrong) > 1:
                    self.assertIn(wrong[1], err)
                self.assert_nothing_is_left()


if __name__ == "__main__":
    main()
