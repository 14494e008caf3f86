"""Tasks of /bin/true per second, each contestant with as many at once as there are processors."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time

import cluster
from table import Figure, median

PARALLEL = os.cpu_count()
COMMAND = shutil.which("true", path="/bin:/usr/bin")
AIM = 0.7


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)


def ended(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class SpawnLoop:
    """The machine's limit: posix_spawn and waitpid, nothing else."""

    name = "bare posix_spawn loop"

    def __init__(self, _stack, _directory):
        self.program = os.path.join(os.environ["BENCH_PROGRAMS"], "spawn_loop")

    def run_tasks(self, count):
        run(self.program, count, PARALLEL, COMMAND)


class Peerd:
    name = "peerd"
    place = None

    def __init__(self, stack, directory):
        peers = cluster.Cluster(self.place)
        stack.callback(peers.close)
        os.chmod(peers.directory, 0o711)
        self.peer = peers.add(load={"slots": PARALLEL}, node={"task_user": "nobody"})
        self.list = os.path.join(directory, "tasks")

    def run_tasks(self, count):
        with open(self.list, "w") as file:
            file.write((COMMAND + "\n") * count)
        began = time.monotonic()
        self.peer.ctl("submit", "--wait", "--from", self.list)
        return time.monotonic() - began


class PeerdInMemory(Peerd):
    """A file system that costs nearly nothing: what is left is peerd's own."""

    name = "peerd, state on tmpfs"
    place = "/dev/shm"


class Gearmand:
    """Two workers that exec it; more clients than workers, since each waits for its job's end."""

    name = "gearmand, 2 workers"
    WORKERS = 2
    CLIENTS = 4

    def __init__(self, stack, directory):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.at = ["-h", "127.0.0.1", "-p", str(port), "-f", "true"]
        self.start(stack, "gearmand", "--listen", "127.0.0.1", "--port", str(port), "--pid-file",
                   os.path.join(directory, "gearmand.pid"), "--log-file", "none",
                   path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        cluster.wait_until(lambda: self.listens(port), "gearmand listens")
        for _ in range(self.WORKERS):
            self.start(stack, "gearman", "-w", *self.at, COMMAND)

    @staticmethod
    def start(stack, *command, path=None):
        process = subprocess.Popen([shutil.which(command[0], path=path), *command[1:]],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        stack.callback(ended, process)

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def run_tasks(self, count):
        """Each client runs one job per line, one after the other. A job without a payload is none."""
        with contextlib.ExitStack() as stack:
            clients = []
            for _ in range(self.CLIENTS):
                lines = stack.enter_context(tempfile.TemporaryFile())
                lines.write(b"x\n" * (count // self.CLIENTS))
                lines.seek(0)
                clients.append((lines, ["gearman", "-N", *self.at]))
            processes = []
            for lines, command in clients:
                process = subprocess.Popen(command, stdin=lines, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
                stack.callback(ended, process)
                processes.append(process)
            if any([process.wait() for process in processes]):
                raise RuntimeError("a gearman client failed")


class TaskSpooler:
    name = "task-spooler"

    def __init__(self, stack, directory):
        self.environment = dict(os.environ, TS_SOCKET=os.path.join(directory, "tsp"),
                                TS_SLOTS=str(PARALLEL), TMPDIR=directory)
        run("tsp", "-S", PARALLEL, env=self.environment)
        stack.callback(run, "tsp", "-K", env=self.environment)

    def run_tasks(self, count):
        """It has no way to submit many at once; the last ones are waited for."""
        run("sh", "-c", 'n=0; while [ $n -lt "$1" ]; do last=$before; before=$(tsp -n "$2"); '
            'n=$((n + 1)); done; tsp -w $last; tsp -w $before; tsp -C', "sh", count, COMMAND,
            env=self.environment)


def rate(contestant, count):
    began = time.monotonic()
    taken_s = contestant.run_tasks(count)
    return count / (taken_s or time.monotonic() - began)


def measure(short):
    rounds = 3 if short else 7
    counts = {SpawnLoop: 4000, Peerd: 4000, PeerdInMemory: 4000, Gearmand: 2000, TaskSpooler: 400}
    if short:
        counts = {kind: count // 4 for kind, count in counts.items()}
    rates = {kind: [] for kind in counts}
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="peerd-bench-"))
        contestants = [kind(stack, directory) for kind in counts]
        for contestant in contestants:
            contestant.run_tasks(100)
        for number in range(rounds):
            for i in range(len(contestants)):  # in another order each time
                contestant = contestants[(number + i) % len(contestants)]
                rates[type(contestant)].append(rate(contestant, counts[type(contestant)]))
            print(f"   round {number + 1} of {rounds}: " + ", ".join(
                f"{kind.name} {rates[kind][-1]:.0f}/s" for kind in counts), flush=True)
    figures = [Figure(f"throughput: {kind.name}", f"{median(rates[kind]):.0f} tasks/s") for kind in counts]
    for own, other, aim in ((Peerd, SpawnLoop, AIM), (PeerdInMemory, SpawnLoop, AIM),
                            (Peerd, Gearmand, 1), (Peerd, TaskSpooler, 1)):
        ratio = median([mine / theirs for mine, theirs in zip(rates[own], rates[other])])
        words = f"at least {aim}" if aim < 1 else "above 1"
        met = ratio >= aim if aim < 1 else ratio > aim
        figures.append(Figure(f"throughput: {own.name} / {other.name}", f"{ratio:.2f}", words, met))
    return figures
