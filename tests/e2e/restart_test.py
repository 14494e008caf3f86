"""What the journal remembers: peers that are killed and started again, and journals that cannot be written."""

import os
import socket
import subprocess

from cluster import PATIENCE_S, PEERD, ClusterTest, SmallDisk, main, processes_with, wait_until

FAST = {"membership": {"probe_interval": "200ms", "probe_timeout": "100ms", "join_interval": "200ms",
                       "rejoin_interval": "1s"}}


def until(gate, *then):
    return ["sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done; " + "; ".join(then)]


def open_gate(gate):
    open(gate, "w").close()


class Restarted(ClusterTest):
    def test_an_acknowledged_task_survives_a_kill_with_its_inputs(self):
        peer = self.cluster.add()
        gate = os.path.join(peer.directory, "gate")
        data, result = (os.path.join(peer.directory, n) for n in ("data", "result"))
        with open(data, "w") as file:
            file.write("3\n1\n2\n")
        blocker = peer.submit(*until(gate))
        wait_until(lambda: peer.task(blocker)["state"] == "running", "it runs")
        waiting = [peer.submit("--stdin", data, "--output", "result", "--priority", str(n), "--env", f"N={n}",
                               "sh", "-c", "sort -n >result; echo $N") for n in range(3)]
        os.unlink(data)
        peer.lose_power()
        peer.start()
        # What ran is gone: it is told, and what waited goes on.
        peer.ctl("wait", *waiting)
        for n, task in enumerate(waiting):
            self.assertEqual(peer.ctl("logs", task).stdout, f"{n}\n".encode())
        with open(result) as file:
            self.assertEqual(file.read(), "1\n2\n3\n")
        ended = peer.ctl("wait", blocker, check=False)
        self.assertEqual(ended.returncode, 69)
        self.assertEqual(peer.task(blocker)["state"], "lost")

    def test_ended_tasks_are_remembered_with_output_and_end(self):
        peer = self.cluster.add()
        failing = peer.submit("sh", "-c", "echo said; exit 5")
        unknown = peer.submit("no-such-command")
        peer.ctl("wait", failing, unknown, check=False)
        before = peer.tasks("--all")
        peer.kill()
        peer.start()
        after = peer.tasks("--all")
        same = ("task", "state", "command", "priority", "status", "note", "owner")
        self.assertEqual([[row.get(key) for key in same] for row in after],
                         [[row.get(key) for key in same] for row in before])
        self.assertEqual(peer.ctl("logs", failing, check=False).stdout, b"said\n")
        self.assertEqual(peer.ctl("wait", failing, check=False).returncode, 5)
        self.assertEqual(peer.ctl("wait", unknown, check=False).returncode, 127)
        self.assertIn("command not found", peer.task(unknown)["note"])

    def test_a_guest_survives_its_peers_restart(self):
        first, second = self.peers(2, **{"policy": {"preset": "random"}, **FAST})
        gate = os.path.join(first.directory, "gate")
        data = os.path.join(first.directory, "data")
        with open(data, "w") as file:
            file.write("come back")
        blocker = second.submit("--pin", *until(gate))
        first.submit("--pin", *until(gate))
        tasks = [first.submit("--input", data, "cat", "data") for _ in range(3)]
        wait_until(lambda: any(first.task(t)["owner"] == "b2" for t in tasks), "one waits elsewhere")
        second.kill()
        open_gate(gate)
        second.start()
        self.assertEqual(second.ctl("wait", blocker).returncode, 0)
        for task in tasks:
            self.assertEqual(first.ctl("wait", task).returncode, 0)
            self.assertEqual(first.ctl("logs", task).stdout, b"come back")

    def test_what_ends_without_the_daemon_is_not_begun_again(self):
        peer, = self.peers(1)
        gate, pid = (os.path.join(peer.directory, name) for name in ("gate", "pid"))
        task = peer.submit("sh", "-c", f"echo $$ >>{pid}; until [ -e {gate} ]; do sleep 0.05; done; exit 3")
        wait_until(lambda: os.path.exists(pid) and os.path.getsize(pid), "it runs")
        with open(pid) as file:
            number = file.read()
        peer.kill()
        open_gate(gate)
        wait_until(lambda: not processes_with(gate), "it has ended")
        peer.start()
        self.assertEqual(peer.ctl("wait", task, check=False).returncode, 3)
        with open(pid) as file:
            self.assertEqual(file.read(), number)
        self.assertNotIn("warning", peer.log())

    def test_what_runs_goes_on_without_the_daemon(self):
        first, second = self.peers(2, **{"policy": {"preset": "sender"}, **FAST})
        gate = os.path.join(first.directory, "gate")
        script = ["sh", "-c", f"n=0; until [ -e {gate} ]; do n=$((n + 1)); echo $n; sleep 0.05; done; "
                  "echo told >&2; exit 7"]
        own, guest = first.submit("--pin", *script), first.submit(*script)
        wait_until(lambda: first.task(guest)["owner"] == "b2" and first.task(guest)["state"] == "running",
                   "one runs elsewhere")
        waiting = second.submit("--pin", "echo", "well")
        for peer in (first, second):
            wait_until(lambda: first.ctl("logs", own, check=False).stdout, "it prints")
            peer.kill()
            peer.start()
            self.assertIn("gone on without this daemon", peer.log())
            wait_until(lambda: first.task(own)["state"] == first.task(guest)["state"] == "running",
                       "both are known to run")
        printed = first.ctl("logs", guest, check=False).stdout
        wait_until(lambda: first.ctl("logs", guest, check=False).stdout != printed, "its output is followed")
        self.assertGreater(second.task(guest)["age_us"], 0)
        # What ends while nobody is there is told by the executor.
        second.kill()
        open_gate(gate)
        wait_until(lambda: first.ctl("wait", own, check=False).returncode == 7, "it has ended")
        second.start()
        self.assertEqual(second.ctl("wait", waiting).returncode, 0)
        for task in (own, guest):
            self.assertEqual(first.ctl("wait", task, check=False).returncode, 7)
            logs = first.ctl("logs", task, check=False)
            lines = logs.stdout.split()
            self.assertEqual(lines, [b"%d" % n for n in range(1, len(lines) + 1)])
            self.assertEqual(logs.stderr, b"told\n")
            self.assertEqual(first.task(task)["moves"], int(task == guest))

    def test_an_executor_of_another_version_is_left_alone(self):
        peer = self.cluster.add()
        peer.stop()
        hello = bytes([0x95, 0, 3, 0xa0, 0xc2, 0xa0])  # of an executor that speaks version 3
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(peer.state, "executor.sock"))
            listener.listen()
            daemon = subprocess.Popen([PEERD, "--config", peer.config], stderr=subprocess.PIPE)
            connection, _ = listener.accept()
            connection.sendall(len(hello).to_bytes(4, "big") + hello)
            said = daemon.communicate(timeout=PATIENCE_S)[1].decode()
            self.assertEqual(connection.recv(100), b"")
            connection.close()
            listener.setblocking(False)
            self.assertRaises(BlockingIOError, listener.accept)
        self.assertEqual(daemon.returncode, 69)
        self.assertIn("protocol version 3, this peer speaks 4; start that peerd again", said)
        self.assertFalse(os.path.exists(os.path.join(peer.state, "executor.pid")), "no other one was started")

    def test_tasks_that_run_end_with_their_executor(self):
        peer = self.cluster.add()
        task = peer.submit("sleep", "600")
        wait_until(lambda: peer.task(task)["state"] == "running", "it runs")
        peer.kill_executor()
        ended = peer.ctl("wait", task, check=False)
        self.assertEqual(ended.returncode, 69)
        self.assertEqual(peer.task(task)["state"], "lost")
        self.assertIn("the executor is gone", peer.log())
        self.assertEqual(peer.ctl("run", "echo", "well").stdout, b"well\n")

    def test_cancelled_while_the_daemon_is_down_means_cancelled(self):
        first, second = self.peers(2, **{"policy": {"preset": "sender"}, **FAST})
        gate = os.path.join(first.directory, "gate")
        first.submit("--pin", *until(gate))
        task = first.submit(*until(gate, "echo ran"))
        wait_until(lambda: first.task(task)["owner"] == "b2", "it runs elsewhere")
        first.ctl("cancel", task)
        first.kill()
        first.start()
        self.assertNotEqual(first.ctl("wait", task, check=False).returncode, 0)
        self.assertEqual(first.task(task)["state"], "cancelled")


class Full(SmallDisk):
    def test_a_full_disk_refuses_new_work_and_loses_nothing(self):
        peer = self.small("b1")
        gate = os.path.join(peer.directory, "gate")
        running = peer.submit("sh", "-c", f"echo before; until [ -e {gate} ]; do sleep 0.05; done; exit 7")
        waiting = peer.submit("true")
        wait_until(lambda: peer.ctl("logs", running, check=False).stdout, "it has printed")
        ballast = os.path.join(peer.state, "ballast")
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4096"], stderr=subprocess.DEVNULL)
        taken = []

        def refused():
            answer = peer.ctl("submit", "--env", "FILL=" + "x" * 60000, "true", check=False)
            if answer.returncode == 0:
                taken.append(answer.stdout.decode().strip())
            else:
                self.assertEqual(answer.returncode, 75)
                self.assertIn(b"journal cannot be written", answer.stderr)
            return answer.returncode != 0

        wait_until(refused, "no new work is taken")
        self.assertIn("the journal cannot be written", peer.log())
        # What was taken before still runs, ends and is told, with the disk as full as it is.
        open_gate(gate)
        self.assertEqual(peer.ctl("wait", running, check=False).returncode, 7)
        peer.ctl("wait", waiting, *taken)
        self.assertEqual(peer.ctl("submit", "true", check=False).returncode, 75)
        os.unlink(ballast)
        wait_until(lambda: "can be written again" in peer.log(), "the journal goes on")
        self.assertEqual(peer.ctl("run", "echo", "well").stdout, b"well\n")
        peer.kill()
        peer.start()
        self.assertEqual(peer.ctl("wait", running, check=False).returncode, 7)
        self.assertEqual(peer.ctl("logs", running, check=False).stdout, b"before\n")


if __name__ == "__main__":
    main()
