"""Real programs that are moved at random moments: what they say is what they say undisturbed. Needs root and CRIU."""

import os
import random
import time

from cluster import main, wait_until
from moving import Moving

MOVES = 3  # of each program, at least

# Every script gets a directory with "data", a large text, and goes on until "gate" is there, if it must wait for
# the moves: how often is of no consequence for what it prints.
WAIT = "until [ -e GATE ]; do sleep 0.1; done; "

GZIP = "gzip -9 -c <data >data.gz && " + WAIT + "gzip -9 -c <data >again.gz; gzip -dc data.gz again.gz | sha256sum"

DIGEST = """
(n=0; while [ $n -lt 10 ] || ! [ -e GATE ]; do cat data; n=$((n + 1)); [ $n -le 10 ] || : >more; sleep 0.1; done) |
  head -c $((10 * $(wc -c <data))) | openssl dgst -sha256
openssl speed -seconds 1 -bytes 1024 sha256 2>&1 | grep -c 'Doing sha256'
"""

MEMORY = """
import hashlib, os, time
MIB = 1 << 20
memory = bytearray(256 * MIB)
step = 0
while step < 512 or not os.path.exists("GATE"):
    block = step % 256
    if step < 512:
        memory[block * MIB:(block + 1) * MIB] = hashlib.sha256(b"%d" % step).digest() * (MIB // 32)
    else:  # it keeps changing, to what it is
        memory[block * MIB] ^= 1
        memory[block * MIB] ^= 1
    step += 1
    time.sleep(0.005)
print(hashlib.sha256(memory).hexdigest())
"""

SLEEP = WAIT + "sleep 2; echo slept $?; sleep 1.5 & wait $!; echo waited $?"

SIGNALS = """
import os, signal, time
caught = {signal.SIGUSR1: 0, signal.SIGALRM: 0}
def catch(number, frame): caught[number] += 1
for number in caught: signal.signal(number, catch)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGTERM})
os.kill(os.getpid(), signal.SIGUSR2)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
for _ in range(50):
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(0.02)
while not os.path.exists("GATE"): time.sleep(0.02)
alarms = caught[signal.SIGALRM]
while caught[signal.SIGALRM] < alarms + 10: time.sleep(0.02)
signal.setitimer(signal.ITIMER_REAL, 0)
print(caught[signal.SIGUSR1], sorted(signal.sigpending()), sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
"""

CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import sys\\nfor line in sys.stdin: print(int(line) ** 2, flush=True)"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
deleted = open("deleted", "w+")
os.unlink("deleted")
with open("log", "w+") as log:
    n = 0
    while n < 200:
        child.stdin.write(f"{n}\\n")
        square = child.stdout.readline()
        log.write(square); log.flush()
        deleted.write(square)
        n += 1
        time.sleep(0.01)
        while n == 150 and not os.path.exists("GATE"): time.sleep(0.02)
    log.seek(0); deleted.seek(0)
    text = log.read()
    print(len(text), sum(map(int, text.split())), text == deleted.read(), os.path.getsize("log"))
    print(os.path.samestat(os.fstat(log.fileno()), os.stat("log")))
child.stdin.close()
print(child.wait())
"""

SCRIPTS = {"gzip": ["sh", "-c", GZIP], "digest": ["sh", "-c", DIGEST], "memory": ["python3", "-c", MEMORY],
           "sleep": ["sh", "-c", SLEEP], "signals": ["python3", "-c", SIGNALS], "child": ["python3", "-c", CHILD]}


class Programs(Moving):
    def submit(self, peer, words, gate, *options):
        words = [*words[:-1], words[-1].replace("GATE", gate)]
        return peer.submit("--input", self.data, *options, *words)

    def test_results_are_those_of_an_undisturbed_run(self):
        peers = self.moving_peers(3)
        first = peers[0]
        chance = random.Random(17)
        self.data = os.path.join(first.directory, "data")
        gate = os.path.join(first.directory, "gate")
        open_gate = os.path.join(first.directory, "open")
        open(open_gate, "w").close()
        with open(self.data, "wb") as file:
            file.write(b"".join(b"%d %d\n" % (n, chance.getrandbits(40)) for n in range(150_000)))
        undisturbed = {name: self.submit(first, words, open_gate, "--pin") for name, words in SCRIPTS.items()}
        tasks = {name: self.submit(first, words, gate) for name, words in SCRIPTS.items()}
        moves = dict.fromkeys(tasks, 0)
        while any(count < MOVES for count in moves.values()):
            name = chance.choice([name for name, count in moves.items() if count < MOVES])
            time.sleep(chance.uniform(0, 0.2))
            row = wait_until(lambda: self.running(first, tasks[name]), f"{name} runs")
            self.assertEqual(row["state"], "running", f"{name}: {self.told(first, tasks[name])}")
            to = chance.choice([peer for peer in peers if peer.name != row["owner"]])
            self.hop(first, tasks[name], to)
            moves[name] = first.task(tasks[name])["moves"]
        open(gate, "w").close()
        for name, task in tasks.items():
            codes = [first.ctl("wait", one, check=False).returncode for one in (undisturbed[name], task)]
            self.assertEqual(codes, [0, 0], f"{name}: {self.told(first, task)}")
            alone, moved = (first.ctl("logs", one) for one in (undisturbed[name], task))
            self.assertEqual((moved.stdout, moved.stderr), (alone.stdout, alone.stderr), name)
            self.assertTrue(moved.stdout, name)

    def running(self, first, task):
        row = first.task(task)
        return row if row["state"] != "waiting" else None  # for the moment between two owners

    def told(self, first, task):
        return first.ctl("explain", task).stdout.decode() + first.ctl("logs", task, check=False).stderr.decode()


if __name__ == "__main__":
    main()
