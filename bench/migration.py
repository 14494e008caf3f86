"""How long a moving process stands still, against CRIU, copy and CRIU by hand; and what moving is good for.

The process itself measures: ticker.cpp says when it was not running. Boards are network namespaces joined by
a cable, as wide as it comes or shaped by tbf."""

import contextlib
import ctypes
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import cluster
from table import Figure, median

CRIU = os.environ.get("CRIU", "")
TICKER = os.path.join(os.environ["BENCH_PROGRAMS"], "ticker")
LINKS = {"unlimited": None, "1 Gbit/s": "1gbit", "100 Mbit/s": "100mbit"}
ADDRESSES = ("10.78.0.1", "10.78.0.2")
CLONE_NEWNET = 0x40000000
TICKS_S = 600  # more than it takes; it is killed


def sh(*command):
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@contextlib.contextmanager
def cable(rate):
    """Two network namespaces with a veth between them."""
    names = [f"peerd-bench{os.getpid()}-{end}" for end in (1, 2)]
    try:
        for name in names:
            sh("ip", "netns", "add", name)
        sh("ip", "-n", names[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address in zip(names, ADDRESSES):
            sh("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            sh("ip", "-n", name, "link", "set", "eth0", "up")
            sh("ip", "-n", name, "link", "set", "lo", "up")
            if rate:
                sh("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate,
                   "burst", "256kb", "latency", "50ms")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def longest_gap_ms(printed):
    """Once the process has gone on: what it printed before it stood still may be late."""
    enough = printed().count("ticking") + 3
    cluster.wait_until(lambda: printed().count("ticking") >= enough, "the process goes on", 120)
    text = printed()
    return max(int(line.split()[1]) for line in text.splitlines() if line.startswith("gap"))


# --- By hand


def connected(names):
    """A connection from the first namespace to the second. A socket stays where it was made."""
    ends = {}

    def inside(name, work):
        def run():
            with open(f"/run/netns/{name}") as namespace:
                if ctypes.CDLL(None).setns(namespace.fileno(), CLONE_NEWNET) == 0:
                    work()
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    def listen():
        ends["listener"] = socket.create_server((ADDRESSES[1], 0))

    def connect():
        ends["from"] = socket.create_connection(ends["listener"].getsockname())

    inside(names[1], listen)
    inside(names[0], connect)
    ends["to"] = ends["listener"].accept()[0]
    ends["listener"].close()
    return ends["from"], ends["to"]


def receive(connection, directory):
    with connection, connection.makefile("rb") as stream:
        while True:
            header = stream.readline().split()
            if not header:
                return
            with open(os.path.join(directory, header[0].decode()), "wb") as file:
                left = int(header[1])
                while left:
                    piece = stream.read(min(left, 1 << 20))
                    file.write(piece)
                    left -= len(piece)


def copy(source, connection):
    with connection:
        for name in os.listdir(source):
            with open(os.path.join(source, name), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                connection.sendall(f"{name} {size}\n".encode())
                if size:
                    connection.sendfile(file)


def freeze_by_hand_ms(mebibytes, names):
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="peerd-bench-") as directory:
        images = [os.path.join(directory, end) for end in ("from", "to")]
        for path in images:
            os.mkdir(path)
        output = os.path.join(directory, "out")
        with open(output, "w") as file:
            process = subprocess.Popen([TICKER, str(mebibytes), str(TICKS_S)], stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
        pid = process.pid
        restored = os.path.join(directory, "pid")
        try:
            cluster.wait_until(lambda: os.path.getsize(output) > 0, "the process ticks")
            sender, receiver = connected(names)
            receiving = threading.Thread(target=receive, args=(receiver, images[1]))
            receiving.start()
            sh(CRIU, "dump", "--tree", pid, "--images-dir", images[0])
            copy(images[0], sender)
            receiving.join()
            process.wait()
            sh(CRIU, "restore", "--images-dir", images[1], "--restore-detached", "--pidfile", restored)

            def printed():
                with open(output) as file:
                    return file.read()

            return longest_gap_ms(printed)
        finally:
            process.kill()
            process.wait()
            if os.path.exists(restored):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)


# --- By peerd


class Peers:
    """Two, one in each namespace; nothing moves by itself."""

    def __init__(self, stack, names):
        self.cluster = cluster.Cluster()
        stack.callback(self.cluster.close)
        for name, address in zip(names, ADDRESSES):
            self.cluster.add(host=address, namespace=name, network={"insecure": "true"}, node={"migratable": "yes"},
                             policy={"preset": "none"}, limits={"moves_per_task": 100})
        self.here, self.there = self.cluster.wait_joined()
        cluster.wait_until(lambda: all("can be moved" in peer.log() for peer in self.cluster.peers),
                           "both can move running tasks")

    def freeze_ms(self, mebibytes):
        def printed():
            return self.here.ctl("logs", task).stdout.decode()

        task = self.here.submit(TICKER, mebibytes, TICKS_S)
        cluster.wait_until(lambda: "ticking" in printed(), "the process ticks")
        self.here.ctl("migrate", task, self.there.name)
        cluster.wait_until(lambda: self.here.task(task)["owner"] == self.there.name, "it has moved", 120)
        longest_ms = longest_gap_ms(printed)
        self.here.ctl("cancel", task)
        self.here.ctl("wait", task, check=False)
        return longest_ms


def freezes(short):
    figures = []
    for link, rate in LINKS.items():
        with contextlib.ExitStack() as stack:
            names = stack.enter_context(cable(rate))
            peers = Peers(stack, names)
            for mebibytes in (1, 64) if short else (1, 64, 256):
                rounds = 1 if short else 3 if rate == "100mbit" else 5
                by_hand, moved = [], []
                for _ in range(rounds):
                    by_hand.append(freeze_by_hand_ms(mebibytes, names))
                    moved.append(peers.freeze_ms(mebibytes))
                    print(f"   {link}, {mebibytes} MiB: by hand {by_hand[-1]} ms, peerd {moved[-1]} ms", flush=True)
                ratio = median([a / b for a, b in zip(moved, by_hand)])
                what = f"freeze, {link}, {mebibytes} MiB"
                figures += [Figure(f"{what}: criu dump, copy, criu restore", f"{median(by_hand):.0f} ms"),
                            Figure(f"{what}: peerd", f"{median(moved):.0f} ms"),
                            Figure(f"{what}: peerd / by hand", f"{ratio:.2f}", "at most 1", ratio <= 1)]
    return figures


# --- What it is good for

PEERS = 4

# A number of steps: by the clock of its CPU time, which begins at zero wherever it has moved to, it would start over.
SPIN = "import sys\nfor _ in range(int(sys.argv[1])): pass"
TIMED = f"import time\nbegan = time.process_time()\n{SPIN}\nprint(time.process_time() - began)"


def spin_s(steps):
    timed = subprocess.run(["python3", "-c", TIMED, str(steps)], check=True, stdout=subprocess.PIPE)
    return float(timed.stdout)


def steps_per_s():
    """Of SPIN, on a processor that does nothing else: the fastest of some."""
    steps = 1000
    while spin_s(steps) < 0.3:
        steps *= 2
    return steps / min(spin_s(steps) for _ in range(5))


def run_times(short):
    """Unequal: the longest are many times the shortest."""
    chance = random.Random(5)
    return [min(12.0, 0.5 * chance.paretovariate(1.1)) / (4 if short else 1) for _ in range(16)]


def makespan_s(work, preset, migration):
    """All submitted to one of PEERS peers, each on one processor, which several share where there are fewer."""
    processors = sorted(os.sched_getaffinity(0))
    peers = cluster.Cluster()
    try:
        for peer in range(PEERS):
            os.sched_setaffinity(0, {processors[peer % len(processors)]})
            peers.add(load={"slots": 4, "weight": 1}, policy={"preset": preset, "migration": migration},
                      node={"migratable": "yes" if migration != "never" else "no"},
                      limits={"min_residence": "500ms", "moves_per_task": 20})
        os.sched_setaffinity(0, set(processors))
        first = peers.wait_joined()[0]
        if migration != "never":
            cluster.wait_until(lambda: all("can be moved" in peer.log() for peer in peers.peers),
                               "running tasks can be moved")
        began = time.monotonic()
        tasks = [first.submit("python3", "-c", SPIN, steps) for steps in work]
        first.ctl("wait", *tasks, timeout=600)
        return time.monotonic() - began
    finally:
        os.sched_setaffinity(0, set(processors))
        peers.close()


def makespans(short):
    times = run_times(short)
    rate = steps_per_s()
    work = [round(seconds * rate) for seconds in times]
    processors = min(PEERS, len(os.sched_getaffinity(0)))
    bound = max(max(times), sum(times) / processors)
    figures = [Figure("makespan: lower bound", f"{bound:.1f} s")]
    for what, preset, migration in (("no balancing", "none", "never"), ("placement alone", "adaptive", "never"),
                                    ("placement and migration", "adaptive", "worth_moving")):
        taken = median([makespan_s(work, preset, migration) for _ in range(1 if short else 3)])
        print(f"   {what}: {taken:.1f} s", flush=True)
        figures += [Figure(f"makespan, {PEERS} peers: {what}", f"{taken:.1f} s"),
                    Figure(f"makespan, {PEERS} peers: {what} / lower bound", f"{taken / bound:.2f}")]
    return figures


def measure(short):
    if os.geteuid() != 0 or not CRIU or not shutil.which("tc"):
        return [Figure("migration", "not measured: needs root, CRIU and tc")]
    return freezes(short) + makespans(short)
