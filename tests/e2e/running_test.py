"""Tasks as real processes on one peer and on others: output, exit codes, files, limits, mistakes."""

import hashlib
import os
import signal
import subprocess
import time

from cluster import ClusterTest, main, processes_with, wait_until

SENDER = {"policy": {"preset": "sender"}}


def forever():
    return ["sleep", "600"]


class OnePeer(ClusterTest):
    def setUp(self):
        super().setUp()
        self.peer = self.cluster.add()

    def test_output_and_exit_code_come_back(self):
        result = self.peer.ctl("run", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
        self.assertEqual((result.stdout, result.stderr, result.returncode), (b"out\n", b"err\n", 7))

    def test_a_signal_is_128_plus_its_number(self):
        result = self.peer.ctl("run", "sh", "-c", "kill -9 $$", check=False)
        self.assertEqual(result.returncode, 137)

    def test_command_not_found_is_127(self):
        result = self.peer.ctl("run", "no-such-command", check=False)
        self.assertEqual(result.returncode, 127)
        self.assertIn(b"no-such-command: command not found", result.stderr)

    def test_not_executable_is_126(self):
        path = os.path.join(self.peer.directory, "plain.txt")
        open(path, "w").close()
        result = self.peer.ctl("run", path, check=False)
        self.assertEqual(result.returncode, 126)

    def test_environment_directory_and_stdin(self):
        with open(os.path.join(self.peer.directory, "in.txt"), "w") as file:
            file.write("from stdin\n")
        result = self.peer.ctl("run", "--env", "COLOUR=red", "--stdin", "in.txt", "--chdir", "/usr",
                               "sh", "-c", "echo $COLOUR; pwd; cat")
        self.assertEqual(result.stdout, b"red\n/usr\nfrom stdin\n")

    def test_stdin_is_empty_by_default(self):
        self.assertEqual(self.peer.ctl("run", "cat").stdout, b"")

    def test_input_missing(self):
        result = self.peer.ctl("run", "--input", "nowhere.bin", "cat", "nowhere.bin", check=False)
        self.assertEqual(result.returncode, 66)
        self.assertIn(b"nowhere.bin", result.stderr)

    def test_output_not_produced(self):
        result = self.peer.ctl("run", "--output", "result.txt", "true", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"output result.txt was not produced", result.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.peer.directory, "result.txt")))

    def test_output_is_brought_back_whole(self):
        data = os.urandom(3 << 20)
        with open(os.path.join(self.peer.directory, "data"), "wb") as file:
            file.write(data)
        self.peer.ctl("run", "--input", "data", "--output", "data.xz", "xz", "-1", "-k", "data")
        unpacked = subprocess.run(["xz", "-dc", os.path.join(self.peer.directory, "data.xz")],
                                  stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(unpacked, data)

    def test_cpu_limit(self):
        result = self.peer.ctl("run", "--cpu-limit", "1", "sh", "-c", "while :; do :; done", check=False)
        self.assertIn(result.returncode, (128 + signal.SIGXCPU, 128 + signal.SIGKILL))
        self.assertIn(b"CPU limit", result.stderr)

    def test_memory_limit(self):
        code = "b = bytearray(400 << 20); print(len(b))"
        result = self.peer.ctl("run", "--memory-limit", "128M", "python3", "-c", code, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(self.peer.ctl("run", "--memory-limit", "1G", "python3", "-c", code).stdout,
                         b"419430400\n")

    def test_interrupting_run_cancels_the_task(self):
        client = self.peer.ctl_start("run", "sh", "-c", "echo here; exec sleep 600")
        self.assertEqual(client.stdout.readline(), b"here\n")
        client.send_signal(signal.SIGINT)
        self.assertEqual(client.wait(timeout=60), 130)
        self.assertEqual(self.peer.tasks(everything=False), [])

    def test_a_task_that_ignores_sigterm_is_killed_after_the_grace(self):
        self.peer.settings["limits"]["kill_grace"] = "200ms"
        self.peer.write_config()
        self.peer.send_signal(signal.SIGHUP)
        wait_until(lambda: "kill_grace" in self.peer.log(), "the new grace is read")
        client = self.peer.ctl_start("run", "sh", "-c", "trap '' TERM; echo here; while :; do sleep 1; done")
        self.assertEqual(client.stdout.readline(), b"here\n")
        task = self.peer.tasks(everything=False)[0]["task"]
        self.peer.ctl("cancel", task)
        client.wait(timeout=60)
        self.assertEqual(self.peer.task(task)["state"], "cancelled")

    def test_cancelling_what_has_ended_is_an_error(self):
        self.peer.ctl("run", "true")
        task = self.peer.tasks()[0]["task"]
        result = self.peer.ctl("cancel", task, check=False)
        self.assertEqual(result.returncode, 65)
        self.assertIn(b"has ended already: exit 0", result.stderr)

    def test_cancelling_a_waiting_task(self):
        running = self.peer.submit(*forever())
        waiting = self.peer.submit(*forever())
        self.peer.ctl("cancel", waiting)
        self.peer.ctl("wait", waiting, check=False)
        self.assertEqual(self.peer.task(waiting)["state"], "cancelled")
        self.assertEqual(self.peer.task(running)["state"], "running")

    def test_higher_priorities_start_first(self):
        order = os.path.join(self.peer.directory, "order")
        gate = os.path.join(self.peer.directory, "gate")
        self.peer.submit("sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")
        for priority in (0, -5, 8, 3):
            self.peer.submit("--priority", priority, "sh", "-c", f"echo {priority} >>{order}")
        open(gate, "w").close()
        self.peer.ctl("wait", "--all")
        with open(order) as file:
            self.assertEqual(file.read().split(), ["8", "3", "0", "-5"])

    def test_many_from_a_file(self):
        lines = os.path.join(self.peer.directory, "tasks")
        with open(lines, "w") as file:
            file.write("# a comment\n\n")
            for n in range(30):
                file.write(f"sh -c 'exit {1 if n == 7 else 0}'\n")
        result = self.peer.ctl("submit", "--from", lines, "--wait", check=False)
        self.assertEqual(result.returncode, 1)
        rows = self.peer.tasks()
        self.assertEqual(len(rows), 30)
        self.assertEqual(sum(row["state"] == "finished" for row in rows), 30)

    def test_logs_again_and_again(self):
        task = self.peer.submit("sh", "-c", "echo one; echo two >&2")
        self.peer.ctl("wait", task)
        for _ in range(2):
            logs = self.peer.ctl("logs", task)
            self.assertEqual((logs.stdout, logs.stderr), (b"one\n", b"two\n"))

    def test_nothing_of_a_task_stays_behind(self):
        """Of what it made; its empty directory may serve another."""
        task = self.peer.submit("sh", "-c", "touch made; tail -f $PWD/made & exit 0")
        self.peer.ctl("wait", task)
        self.peer.ctl("run", "true")
        wait_until(lambda: not processes_with(f"{self.peer.state}/work"), "the task's child is gone")
        work = os.path.join(self.peer.state, "work")
        wait_until(lambda: not any(files + folders for _, folders, files in list(os.walk(work))[1:]),
                   "what the task made is gone")
        self.assertEqual(self.peer.stop(), 0)
        self.assertEqual(os.listdir(work), [])


class OtherPeers(ClusterTest):
    def occupied(self, count=2, **settings):
        """Peers of which the first one is busy, so that what is submitted to it runs elsewhere."""
        peers = self.peers(count, **(settings or SENDER))
        self.blocker = peers[0].submit("--pin", *forever())
        wait_until(lambda: peers[0].task(self.blocker)["state"] == "running", "the first one is busy")
        return peers

    def test_a_task_runs_elsewhere_and_its_results_come_home(self):
        first, second = self.occupied()
        data = os.urandom(1 << 20)
        with open(os.path.join(first.directory, "data"), "wb") as file:
            file.write(data)
        result = first.ctl("run", "--input", "data", "--output", "digest", "sh", "-c",
                           "echo to stderr >&2; sha256sum <data >digest; cat digest; exit 3", check=False)
        self.assertEqual(result.returncode, 3)
        self.assertIn(hashlib.sha256(data).hexdigest().encode(), result.stdout)
        self.assertEqual(result.stderr, b"to stderr\n")
        with open(os.path.join(first.directory, "digest"), "rb") as file:
            self.assertEqual(file.read(), result.stdout)
        row = next(row for row in first.tasks() if row["task"] != self.blocker)
        self.assertEqual((row["owner"], row["moves"]), ("b2", 1))
        wait_until(lambda: second.tasks() == [], "the other peer has forgotten the task")
        wait_until(lambda: not os.listdir(os.path.join(second.state, "work")), "nothing is left of it there")

    def test_output_streams_live(self):
        first, _ = self.occupied()
        gate = os.path.join(first.directory, "gate")
        client = first.ctl_start("run", "sh", "-c",
                                 f"echo begin; until [ -e {gate} ]; do sleep 0.05; done; echo end")
        self.assertEqual(client.stdout.readline(), b"begin\n")
        open(gate, "w").close()
        self.assertEqual(client.stdout.readline(), b"end\n")
        self.assertEqual(client.wait(timeout=60), 0)

    def test_large_output_without_gap_or_repeat(self):
        first, _ = self.occupied()
        result = first.ctl("run", "seq", "400000")
        self.assertEqual(result.stdout, "".join(f"{n}\n" for n in range(1, 400001)).encode())

    def test_large_files_do_not_need_large_memory(self):
        first, second = self.occupied()
        with open(os.path.join(first.directory, "big"), "wb") as file:
            block = os.urandom(1 << 20)
            for _ in range(256):
                file.write(block)
        first.ctl("run", "--input", "big", "--output", "copy", "cp", "big", "copy")
        for peer in (first, second):
            with open(f"/proc/{peer.process.pid}/status") as status:
                peak_kib = int(next(l for l in status if l.startswith("VmHWM")).split()[1])
            self.assertLess(peak_kib, 64 << 10, f"peak memory of {peer.name}")
        self.assertEqual(subprocess.run(["cmp", "big", "copy"], cwd=first.directory).returncode, 0)

    def test_cancelling_a_task_that_runs_elsewhere(self):
        first, second = self.occupied()
        task = first.submit(*forever())
        wait_until(lambda: (first.task(task)["owner"], first.task(task)["state"]) == ("b2", "running"),
                   "it runs on the other peer")
        first.ctl("cancel", task)
        first.ctl("wait", task, check=False)
        self.assertEqual(first.task(task)["state"], "cancelled")
        wait_until(lambda: second.tasks() == [], "the other peer has nothing left")

    def test_command_not_found_on_the_other_peer(self):
        first, _ = self.occupied()
        result = first.ctl("run", "no-such-command", check=False)
        self.assertEqual(result.returncode, 127)
        self.assertIn(b"no-such-command: command not found", result.stderr)

    def test_explain_tells_the_story(self):
        first, _ = self.occupied()
        task = first.submit("true")
        first.ctl("wait", task)
        story = first.ctl("explain", task).stdout.decode()
        for words in ("above the threshold", "goes to b2", "b2 answers", "offered to b2",
                      "b2 grants", "handed over to b2", "b2: started", "finished on b2: exit 0"):
            self.assertIn(words, story)

    def test_a_burst_of_real_work_is_spread_and_right(self):
        peers = self.peers(4, policy={"preset": "adaptive"})
        first = peers[0]
        contents = {}
        with open(os.path.join(first.directory, "tasks"), "w") as tasks:
            for n in range(24):
                contents[n] = os.urandom(20_000) + b"peerd " * 60_000
                with open(os.path.join(first.directory, f"file{n}"), "wb") as file:
                    file.write(contents[n])
                tasks.write(f"--input file{n} --output file{n}.xz -- xz -9 -k file{n}\n")
        first.ctl("submit", "--from", "tasks", "--wait")
        for n, data in contents.items():
            path = os.path.join(first.directory, f"file{n}.xz")
            unpacked = subprocess.run(["xz", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
            self.assertEqual(unpacked, data)
        owners = {row["owner"] for row in first.tasks()}
        self.assertGreaterEqual(len(owners), 3, owners)
        self.assertTrue(all(row["moves"] <= 3 for row in first.tasks()))

    def test_a_receiver_fetches_waiting_work(self):
        first, second = self.occupied(policy={"preset": "receiver"}, limits={"search_retry": "100ms"})
        task = first.submit("true")
        first.ctl("wait", task)
        self.assertEqual(first.task(task)["owner"], "b2")

    def test_none_moves_nothing(self):
        first, second = self.peers(2, policy={"preset": "none"})
        for _ in range(6):
            first.submit("true")
        first.ctl("wait", "--all")
        self.assertEqual({row["owner"] for row in first.tasks()}, {"b1"})
        self.assertEqual(first.stat("probe", "messages sent"), 0)


if __name__ == "__main__":
    main()
