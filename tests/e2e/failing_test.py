"""Peers that die, stand still, leave and come back; and mistakes at the start."""

import os
import signal
import socket
import subprocess
import time

from cluster import PEERCTL, PEERD, ClusterTest, SmallDisk, main, processes_with, wait_until

FAST = {"membership": {"probe_interval": "200ms", "probe_timeout": "100ms", "join_interval": "200ms",
                       "rejoin_interval": "1s"}}


def forever():
    return ["sleep", "600"]


class Dying(ClusterTest):
    def with_a_task_elsewhere(self, **settings):
        merged = {"policy": {"preset": "sender"}, **FAST, **settings}
        first, second, third = self.peers(3, **merged)
        first.submit("--pin", *forever())
        task = first.submit(*forever())
        wait_until(lambda: first.task(task)["owner"] != "b1" and first.task(task)["state"] == "running",
                   "the task runs elsewhere")
        owner = next(p for p in (second, third) if p.name == first.task(task)["owner"])
        return first, owner, task

    def test_a_killed_peer_is_dead_on_every_peer(self):
        peers = self.peers(8, **FAST)
        peers[3].kill()
        for peer in peers[:3] + peers[4:]:
            wait_until(lambda: peer.sees(peers[3]) == "dead", f"{peer.name} holds b4 for dead")
            self.assertEqual(sum(p["state"] == "dead" for p in peer.peers()), 1)

    def test_a_task_on_a_killed_peer_is_lost_and_its_user_told(self):
        first, owner, task = self.with_a_task_elsewhere()
        waiting = first.ctl_start("wait", task)
        following = first.ctl_start("logs", "-f", task)
        owner.kill()
        out, err = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 69)
        self.assertIn(owner.name.encode(), out + err)
        self.assertEqual(following.wait(timeout=60), 69)
        self.assertEqual(first.ctl("logs", task, check=False).returncode, 69)
        self.assertEqual(first.task(task)["state"], "lost")
        self.assertIn(f"lost with {owner.name}", first.ctl("explain", task).stdout.decode())

    def test_a_peer_that_lost_power_has_lost_its_tasks_and_is_asked(self):
        first, owner, task = self.with_a_task_elsewhere()
        owner.lose_power()
        owner.start()
        wait_until(lambda: first.task(task)["state"] == "lost", "the home node knows")
        wait_until(lambda: first.sees(owner) == "alive", "the restarted peer is alive")

    def test_what_a_killed_peers_tasks_started_ends_with_its_restart(self):
        peer = self.cluster.add()
        bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
        self.addCleanup(lambda: (bystander.kill(), bystander.wait()))
        task = peer.submit("sh", "-c", "touch made; tail -f $PWD/made & setsid tail -f $PWD/made & tail -f $PWD/made")
        wait_until(lambda: len(processes_with(f"{peer.state}/work")) == 3, "the task runs")
        peer.lose_power()
        peer.start()
        wait_until(lambda: not processes_with(f"{peer.state}/work"), "all are gone")
        self.assertEqual(peer.ctl("wait", task, check=False).returncode, 69)
        self.assertIsNone(bystander.poll())

    def test_a_stopped_peer_is_not_dead(self):
        # The default membership periods, and every peer at work: one second is no death.
        peers = self.peers(4, policy={"preset": "none"})
        for peer in peers:
            peer.submit("sh", "-c", "while :; do :; done")
        for victim in peers[1:]:
            victim.send_signal(signal.SIGSTOP)
            time.sleep(1)  # what is tested: the length of the stop
            victim.send_signal(signal.SIGCONT)
        for peer in peers:
            for other in peers:
                if peer is not other:
                    wait_until(lambda: peer.sees(other) == "alive", f"{peer.name} sees {other.name}")
            self.assertEqual(peer.stat("peer_dead"), 0)

    def test_a_peer_that_was_dead_comes_back_when_it_goes_on(self):
        first, owner, task = self.with_a_task_elsewhere()
        owner.send_signal(signal.SIGSTOP)
        wait_until(lambda: first.task(task)["state"] == "lost", "it is taken for dead")
        owner.send_signal(signal.SIGCONT)
        wait_until(lambda: first.task(task)["state"] == "running", "it has been found again")
        self.assertEqual(first.sees(owner), "alive")

    def test_sigterm_hands_back_what_waits_and_finishes_what_runs(self):
        first, second = self.peers(2, **{"policy": {"preset": "none"}, **FAST})
        gate = os.path.join(first.directory, "gate")
        second.submit("sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done; echo done")
        second.process.terminate()
        wait_until(lambda: first.sees(second) == "draining", "the other peer drains")
        refused = second.ctl("run", "true", check=False)
        self.assertEqual(refused.returncode, 75)
        open(gate, "w").close()
        self.assertEqual(second.process.wait(timeout=60), 0)
        wait_until(lambda: first.sees(second) == "left", "it has left")

    def test_waiting_guests_go_home_before_a_shutdown(self):
        first, second = self.peers(2, **{"policy": {"preset": "random"}, **FAST})
        gate = os.path.join(first.directory, "gate")
        waits = f"until [ -e {gate} ]; do sleep 0.05; done"
        second.submit("--pin", "sh", "-c", waits)
        first.submit("--pin", "sh", "-c", waits)
        tasks = [first.submit("echo", n) for n in range(3)]
        wait_until(lambda: any(first.task(t)["owner"] == "b2" for t in tasks), "a guest waits there")
        second.process.terminate()
        wait_until(lambda: all(first.task(t)["owner"] == "b1" for t in tasks), "they are home")
        open(gate, "w").close()
        self.assertEqual(second.process.wait(timeout=60), 0)
        first.ctl("wait", "--all")
        self.assertTrue(all(first.task(t)["state"] == "finished" for t in tasks))

    def test_a_second_sigterm_stops_at_once(self):
        first, second = self.peers(2, **FAST)
        tasks = [second.submit("--pin", *forever()) for _ in range(2)]
        wait_until(lambda: second.tasks()[0]["state"] == "running", "the task runs")
        second.process.terminate()
        wait_until(lambda: "again to stop at once" in second.log(), "the first one is heard")
        second.process.terminate()
        self.assertEqual(second.process.wait(timeout=60), 75)
        self.assertIn("2 tasks submitted here have not ended; the next start goes on with them: "
                      + ", ".join(tasks), second.log())

    def test_hostile_bytes_do_no_harm(self):
        first, second = self.peers(2, **FAST)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for n in range(300):
            udp.sendto(os.urandom(n % 1400 + 1), (first.host, first.port))
        udp.sendto(b"\xdd\xff\xff\xff\xff" * 10, (first.host, first.port))
        udp.close()
        for payload in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x05\xdd\xff\xff\xff\xff", os.urandom(5000)):
            tcp = socket.create_connection((first.host, first.port), timeout=10)
            tcp.sendall(payload)
            tcp.close()
        self.assertEqual(first.ctl("run", "echo", "well").stdout, b"well\n")
        self.assertIn("ignored", first.log())
        self.assertLess(first.log().count("ignored"), 50)


class Full(SmallDisk):
    def data(self, peer, size):
        with open(os.path.join(peer.directory, "data"), "wb") as file:
            file.write(os.urandom(size))

    def test_no_room_for_the_inputs(self):
        peer = self.small("b1")
        self.data(peer, 5 << 20)
        result = peer.ctl("run", "--input", "data", "true", check=False)
        self.assertEqual(result.returncode, 71)
        self.assertIn(b"No space left on device", result.stderr)
        self.assertEqual(peer.ctl("run", "echo", "well").stdout, b"well\n")

    def test_a_task_fills_the_disk(self):
        peer = self.small("b1")
        result = peer.ctl("run", "sh", "-c", "head -c 5000000 /dev/zero >file", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"no space left", result.stderr)
        work = os.path.join(peer.state, "work")
        wait_until(lambda: os.listdir(work) == [], "the task's directory is gone")
        wait_until(lambda: peer.ctl("run", "echo", "well", check=False).stdout == b"well\n",
                   "new work is taken again")

    def test_a_peer_without_room_refuses(self):
        first = self.cluster.add("b1", policy={"preset": "sender"})
        self.small("b2", policy={"preset": "sender"})
        self.cluster.wait_joined()
        gate = os.path.join(first.directory, "gate")
        first.submit("--pin", "sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")
        self.data(first, 5 << 20)
        task = first.submit("--input", "data", "true")
        wait_until(lambda: "insufficient disk space" in first.ctl("explain", task).stdout.decode(),
                   "the other peer refuses")
        open(gate, "w").close()
        first.ctl("wait", task)
        self.assertEqual(first.task(task)["owner"], "b1")


class Pressed(ClusterTest):
    def test_memory_pressure_vetoes(self):
        first = self.cluster.add(policy={"preset": "sender"})
        self.cluster.add(policy={"preset": "sender"}, load={"min_memory": "1TiB"})
        self.cluster.wait_joined()
        gate = os.path.join(first.directory, "gate")
        first.submit("--pin", "sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")
        task = first.submit("true")
        wait_until(lambda: "memory pressure" in first.ctl("explain", task).stdout.decode(),
                   "the other peer's veto is in the story")
        open(gate, "w").close()
        first.ctl("wait", task)
        self.assertEqual(first.task(task)["owner"], "b1")


class Starting(ClusterTest):
    def fails(self, *arguments):
        result = subprocess.run([PEERD, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=60)
        return result.returncode, result.stdout.decode()

    def test_no_daemon(self):
        result = subprocess.run([PEERCTL, "--socket", os.path.join(self.cluster.directory, "none"), "ps"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(result.returncode, 69)
        self.assertIn(b"no peerd answers", result.stderr)

    def test_two_daemons_on_one_state_directory(self):
        peer = self.cluster.add()
        code, text = self.fails("--config", peer.config, "--network.listen", "127.0.0.1:0")
        self.assertEqual(code, 75)
        self.assertIn(f"in use by peerd (pid {peer.process.pid})", text)

    def test_port_in_use(self):
        peer = self.cluster.add()
        code, text = self.fails("--config", peer.config, "--network.listen", peer.address,
                                "--node.state_directory", os.path.join(self.cluster.directory, "other"),
                                "--node.socket", os.path.join(self.cluster.directory, "other.sock"))
        self.assertEqual(code, 69)
        self.assertIn("in use", text)

    def test_mistakes_in_the_configuration(self):
        path = os.path.join(self.cluster.directory, "bad.conf")
        with open(path, "w") as file:
            file.write("[policy]\ntransfer = dual_threshold\nlow = 3\nhigh = 2\ntreshold = 1\n")
        code, text = self.fails("--config", path)
        self.assertEqual(code, 78)
        self.assertIn(f"{path}:5:", text)
        self.assertIn("threshold", text)

    def test_only_loopback_without_insecure(self):
        code, text = self.fails("--network.listen", "192.0.2.7:7400", "--node.state_directory",
                                os.path.join(self.cluster.directory, "s"))
        self.assertEqual(code, 78)
        self.assertIn("insecure", text)

    def test_check_config(self):
        peer = self.cluster.add(start=False)
        peer.write_config()
        code, _ = self.fails("--config", peer.config, "--check-config")
        self.assertEqual(code, 0)
        self.assertFalse(os.path.exists(peer.state))

    def test_reload_at_run_time(self):
        peer = self.cluster.add()
        peer.settings["policy"]["preset"] = "sender"
        peer.settings["limits"]["probe_limit"] = 7
        peer.settings["node"]["name"] = "renamed"
        peer.write_config()
        peer.send_signal(signal.SIGHUP)
        wait_until(lambda: "limits.probe_limit: 3 -> 7" in peer.log(), "the change is told")
        self.assertIn("needs a restart: node.name", peer.log())
        peer.settings["limits"]["probe_limit"] = "many"
        peer.write_config()
        peer.send_signal(signal.SIGHUP)
        wait_until(lambda: "stays as it was" in peer.log(), "the mistake is told")
        self.assertEqual(peer.ctl("run", "echo", "alive").stdout, b"alive\n")

    def test_seeds_change_at_run_time(self):
        first = self.cluster.add()
        lone = self.cluster.add(membership={"seeds": "127.0.0.1:1", "join_interval": "200ms"})
        self.assertEqual(lone.sees(first), None)
        lone.settings["membership"]["seeds"] = "no-such-host.invalid:1"
        lone.write_config()
        lone.send_signal(signal.SIGHUP)
        wait_until(lambda: "the seeds stay as they were" in lone.log(), "the mistake is told")
        lone.settings["membership"]["seeds"] = first.address
        lone.write_config()
        lone.send_signal(signal.SIGHUP)
        wait_until(lambda: lone.sees(first) == "alive", "it has joined")
        self.assertNotIn("needs a restart", lone.log())

    def test_task_numbers_are_never_reused(self):
        peer = self.cluster.add()
        first = peer.submit("true")
        peer.kill()
        peer.start()
        self.assertNotEqual(peer.submit("true"), first)


if __name__ == "__main__":
    main()
