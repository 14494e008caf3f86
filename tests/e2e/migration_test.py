"""Running tasks that move: real programs, whose results must be those of an undisturbed run. Needs root and CRIU."""

import hashlib
import lzma
import os
import random
import signal
import time

from cluster import ClusterTest, main, wait_until

SETTINGS = {
    "policy": {"preset": "sender", "migration": "longest_running", "threshold": 8},
    "load": {"slots": 8, "weight": 1, "sample_interval": "100ms"},
    "limits": {"moves_per_task": 100, "min_residence": "0s", "search_retry": "100ms", "transfers_at_once": 8,
               "migrations_at_once": 8},
    "membership": {"probe_interval": "200ms", "probe_timeout": "100ms", "join_interval": "200ms",
                   "rejoin_interval": "1s"},
}

# Counts in two threads, and prints what both have come to.
COUNTING = """
import threading, time
counts = [0, 0]
def count(n):
    for _ in range(STEPS):
        counts[n] += 1
        time.sleep(0.02)
threads = [threading.Thread(target=count, args=(n,)) for n in range(2)]
for thread in threads: thread.start()
for line in range(STEPS // 5):
    print(line, flush=True)
    time.sleep(0.1)
for thread in threads: thread.join()
print(*counts)
"""

# A transaction that is open all the time.
DATABASE = """
import sqlite3, time
database = sqlite3.connect("data.db", isolation_level=None)
database.execute("create table t (n integer)")
database.execute("begin")
for n in range(STEPS):
    database.execute("insert into t values (?)", (n,))
    time.sleep(0.02)
database.execute("commit")
print(*database.execute("select count(*), sum(n) from t").fetchone())
print(*database.execute("pragma integrity_check").fetchone())
"""

# Uses a processor, and says for how long; a restored process begins at zero.
SPINNING = """
import time
told = 0
while True:
    used = time.process_time()
    if abs(used - told) > 0.1:
        told = used
        print(f"{used:.2f}", flush=True)
"""

# Processes, pipes and a signal handler.
PIPELINE = """
trap 'echo unexpected' USR1
n=0
while [ $n -lt LINES ]; do n=$((n + 1)); echo $n; sleep 0.1; done | (while read line; do echo $((line * 2)); done) | tee copy
wc -l <copy >&2
"""


class Moving(ClusterTest):
    def moving_peers(self, count):
        peers = self.peers(count, **SETTINGS)
        for peer in peers:
            wait_until(lambda: "running tasks" in peer.log(), "it has looked for CRIU")
            if "running tasks can be moved" not in peer.log():
                reason = next(line for line in peer.log().splitlines() if "running tasks are not moved" in line)
                if os.environ.get("CI") == "true":
                    self.fail(reason)
                self.skipTest(reason)
            # Ballast: a peer is only relieved of what would leave it with more than the other has.
            peer.submit("--pin", "sleep", "600")
        time.sleep(0.3)  # a sample: from then on they tell each other so
        return peers

    def set_pressure(self, peer, on):
        """As if it were a very weak board: what runs there goes, and nothing comes."""
        peer.settings["load"]["weight"] = "0.001" if on else "1"
        peer.write_config()
        peer.process.send_signal(1)

    def start_counting(self, peer, steps=400):
        task = peer.submit("python3", "-c", COUNTING.replace("STEPS", str(steps)))
        wait_until(lambda: peer.ctl("logs", task, check=False).stdout, "it prints")
        return task

    def check_counting(self, peer, task, steps=400):
        self.assertEqual(peer.ctl("wait", task, check=False).returncode, 0,
                         peer.ctl("explain", task).stdout.decode())
        expected = [str(n) for n in range(steps // 5)] + [f"{steps} {steps}"]
        self.assertEqual(peer.ctl("logs", task).stdout.decode().splitlines(), expected)

    def running_owners(self, peer, tasks):
        """Who has those that run; None while one is on its way."""
        rows = [peer.task(task) for task in tasks]
        if any(row["state"] not in ("running", "finished") for row in rows):
            return None
        return {row["owner"] for row in rows if row["state"] == "running"}

    def has_none_of(self, peer, home, tasks):
        owners = self.running_owners(home, tasks)
        return owners is not None and peer.name not in owners


class Programs(Moving):
    def test_results_are_those_of_an_undisturbed_run(self):
        peers = self.moving_peers(3)
        first = peers[0]
        data = os.path.join(first.directory, "data")
        noise = random.Random(7)
        text = b"".join(b"%d %d\n" % (n, noise.getrandbits(40)) for n in range(80_000))
        with open(data, "wb") as file:
            file.write(text)
        compressed = os.path.join(first.directory, "data.xz")
        tasks = {
            "count": self.start_counting(first, 900),
            # Without --keep it compares inode numbers of before and after, and these are others.
            "xz": first.submit("--input", data, "--output", "data.xz", "xz", "-9e", "--keep", "data"),
            "database": first.submit("python3", "-c", DATABASE.replace("STEPS", "900")),
            "pipeline": first.submit("sh", "-c", PIPELINE.replace("LINES", "200")),
        }
        followed = first.ctl_start("logs", "-f", tasks["pipeline"])
        for peer in peers * 2:
            self.set_pressure(peer, True)
            wait_until(lambda: self.has_none_of(peer, first, tasks.values()), f"nothing runs on {peer.name}")
            self.set_pressure(peer, False)
        for name, task in tasks.items():
            code = first.ctl("wait", task, check=False).returncode
            self.assertEqual(code, 0, f"{name}: {first.ctl('explain', task).stdout.decode()}")
        moves = {name: first.task(task)["moves"] for name, task in tasks.items()}
        self.assertGreaterEqual(moves["count"], 3, moves)
        self.assertGreaterEqual(moves["pipeline"], 3, moves)
        self.assertGreaterEqual(moves["database"], 3, moves)
        self.check_counting(first, tasks["count"], 900)
        self.assertEqual(first.ctl("logs", tasks["database"]).stdout, b"900 404550\nok\n")
        expected = b"".join(b"%d\n" % (2 * n) for n in range(1, 201))
        logs = first.ctl("logs", tasks["pipeline"])
        self.assertEqual((logs.stdout, logs.stderr), (expected, b"200\n"))
        self.assertEqual(followed.communicate(timeout=60)[0], expected)
        with open(compressed, "rb") as file:
            unpacked = lzma.decompress(file.read())
        self.assertEqual(hashlib.sha256(unpacked).digest(), hashlib.sha256(text).digest())
        self.assertIn("restore", first.ctl("explain", tasks["count"]).stdout.decode())


class Limits(Moving):
    def test_a_cpu_limit_counts_on(self):
        first, second = self.moving_peers(2)
        task = first.submit("--priority", "10", "--cpu-limit", "4", "python3", "-c", SPINNING)

        def told():
            return [float(line) for line in first.ctl("logs", task, check=False).stdout.split()]

        wait_until(lambda: max(told(), default=0) >= 2, "it has used half of it", 120)
        first.ctl("migrate", task, second.name)
        ended = first.ctl("wait", task, check=False)
        self.assertIn(ended.returncode, (128 + signal.SIGXCPU, 128 + signal.SIGKILL))
        self.assertIn(b"CPU limit of 4 s exceeded", ended.stdout)
        self.assertEqual(first.task(task)["moves"], 1)
        used = told()
        there = next(n for n, (before, after) in enumerate(zip(used, used[1:]), 1) if after < before)
        self.assertLess(used[there - 1] + used[-1], 5.5)


class Killed(Moving):
    def test_daemons_that_are_killed_while_it_moves(self):
        peers = self.moving_peers(2)
        first = peers[0]
        steps = 1000
        task = self.start_counting(first, steps)
        chance = random.Random(11)
        for n in range(6):
            owner = wait_until(lambda: self.running_owners(first, [task]), "it runs").pop()
            source = next(p for p in peers if p.name == owner)
            other = next(p for p in peers if p is not source)
            wait_until(lambda: source.sees(other) == "alive", "both see each other")
            self.set_pressure(source, True)
            victim = source if n % 2 == 0 else other
            time.sleep(chance.uniform(0.05, 0.5))  # at any moment of the move
            victim.kill()
            source.settings["load"]["weight"] = "1"
            victim.start()
            if victim is other:
                self.set_pressure(source, False)
        self.check_counting(first, task, steps)

    def test_a_daemon_restart_disturbs_no_task(self):
        peer, = self.moving_peers(1)
        task = self.start_counting(peer)
        for _ in range(2):
            peer.kill()
            time.sleep(0.2)  # it prints meanwhile
            peer.start()
            self.assertIn("gone on without this daemon", peer.log())
        self.check_counting(peer, task)
        self.assertEqual(peer.task(task)["moves"], 0)

    def test_what_runs_is_lost_with_its_executor_and_told(self):
        first, second = self.moving_peers(2)
        task = self.start_counting(first)
        self.set_pressure(first, True)
        wait_until(lambda: self.running_owners(first, [task]) == {"b2"}, "it has moved")
        second.kill_executor()
        self.assertEqual(first.ctl("wait", task, check=False).returncode, 69)
        self.assertEqual(first.task(task)["state"], "lost")

    def test_cancelled_after_a_move(self):
        first, second = self.moving_peers(2)
        task = self.start_counting(first)
        self.set_pressure(first, True)
        wait_until(lambda: self.running_owners(first, [task]) == {"b2"}, "it has moved")
        first.ctl("cancel", task)
        self.assertNotEqual(first.ctl("wait", task, check=False).returncode, 0)
        wait_until(lambda: not any(".stay" in name for name in os.listdir(os.path.join(second.state, "work"))),
                   "nothing is left of it")


if __name__ == "__main__":
    main()
