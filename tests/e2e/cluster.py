"""Real daemons for end-to-end tests: started, talked to, killed and always cleaned up."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PEERD = os.environ["PEERD"]
# AddressSanitizer keeps what was freed for a while, by default a quarter of a GiB of it, and memory is measured here.
FRUGAL_ASAN = {"ASAN_OPTIONS": "quarantine_size_mb=4:thread_local_quarantine_size_kb=64"}
PEERCTL = os.environ["PEERCTL"]
# Generous: these bound failures, never measure. A loaded machine may take its time.
PATIENCE_S = 60


class Failure(AssertionError):
    pass


LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def end_with(parent):
    """For preexec_fn: a parent that is killed cannot clean up, so the kernel ends its child."""
    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    return prepare


def executor_of(state):
    """The process number of the executor on that state directory, or None."""
    try:
        with open(os.path.join(state, "executor.pid")) as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/comm") as file:
            return pid if file.read().strip() == "peerd-executor" else None
    except (OSError, ValueError):
        return None


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def processes_with(text):
    """Numbers of the processes, zombies apart, with that in their command lines: their own are others, in a
    namespace."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
        except OSError:
            continue
        if text.encode() in command and alive(pid):
            found.append(int(pid))
    return found


def wait_until(condition, what, patience_s=PATIENCE_S):
    """Polls until condition() is true and returns what it returned."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {patience_s} s in vain until {what() if callable(what) else what}")
        time.sleep(0.02)


class Peer:
    """One daemon with a directory of its own."""

    def __init__(self, cluster, name, settings, host="127.0.0.1", namespace=None):
        self.cluster = cluster
        self.name = name
        self.directory = os.path.join(cluster.directory, name)
        os.mkdir(self.directory)
        self.state = os.path.join(self.directory, "state")
        self.socket = os.path.join(self.directory, "s")
        self.config = os.path.join(self.directory, "peerd.conf")
        self.log_path = os.path.join(self.directory, "log")
        self.host = host
        self.prefix = ["ip", "netns", "exec", namespace] if namespace else []
        self.settings = {
            "node": {"name": name, "state_directory": self.state, "socket": self.socket, "task_user": "root"},
            "load": {"slots": 1},
            "policy": {},
            "limits": {"shutdown_timeout": "30s"},
            "membership": {},
            "network": {"listen": f"{host}:0"},
        }
        for section, values in settings.items():
            self.settings[section].update(values)
        self.environment = {}
        self.process = None
        self.port = None

    def write_config(self):
        with open(self.config, "w") as file:
            for section, values in self.settings.items():
                file.write(f"[{section}]\n")
                for key, value in values.items():
                    file.write(f"{key} = {value}\n")

    def start(self, stop_at=None):
        """Starts the daemon and waits until it is ready. After the first time, on the same port.

        With `stop_at` it stops itself there once (peerd/stop_point.h)."""
        if self.port:
            self.settings["network"]["listen"] = f"{self.host}:{self.port}"
        self.write_config()
        before = self.log().count("ready;")
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            self.prefix + [PEERD, "--config", self.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=end_with(os.getpid()),
            env={**FRUGAL_ASAN, **os.environ, **self.environment, "PEERD_STOP_AT": stop_at or ""})
        log.close()

        def ready():
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            return self.log().count("ready;") > before

        wait_until(ready, f"{self.name} is ready")
        own = next(p for p in self.peers() if p["state"] == "self")
        self.port = int(own["address"].rsplit(":", 1)[1])
        return self

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def send_signal(self, number):
        self.process.send_signal(number)

    def stands_still(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"

    def kill(self):
        """The daemon alone: its executor and the tasks go on."""
        self.process.kill()
        self.process.wait()

    def kill_executor(self):
        """And with it whatever runs; as far as nobody else, that is a loss of power."""
        pid = executor_of(self.state)
        if pid:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not alive(pid), "the executor is gone")

    def lose_power(self):
        self.kill()
        self.kill_executor()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE_S)

    def ctl(self, *arguments, check=True, cwd=None, stdin=subprocess.DEVNULL, timeout=PATIENCE_S * 3, **options):
        """Runs peerctl against this peer. `options`: subprocess.run's."""
        result = subprocess.run(
            [PEERCTL, "--socket", self.socket, *map(str, arguments)], cwd=cwd or self.directory,
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **options)
        if check and result.returncode != 0:
            raise Failure(f"peerctl {' '.join(map(str, arguments))} on {self.name}: exit "
                          f"{result.returncode}\n{result.stderr.decode()}\n{self.log()[-4000:]}")
        return result

    def ctl_start(self, *arguments, cwd=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE):
        """peerctl in the background; ended with the cluster."""
        process = subprocess.Popen(
            [PEERCTL, "--socket", self.socket, *map(str, arguments)], cwd=cwd or self.directory,
            stdin=stdin, stdout=stdout, stderr=stderr)
        self.cluster.clients.append(process)
        return process

    def rows(self, *arguments):
        """The JSON of a table verb."""
        return json.loads(self.ctl(*arguments, "--json").stdout)

    def peers(self):
        return self.rows("peers")

    def tasks(self, everything=True):
        return self.rows("ps", *(["--all"] if everything else []))

    def task(self, name):
        return next((row for row in self.tasks() if row["task"] == name), None)

    def submit(self, *arguments, cwd=None):
        return self.ctl("submit", *arguments, cwd=cwd).stdout.decode().strip()

    def stat(self, name, group=None):
        """A counter; `group` where two bear the name."""
        found = [counters[name] for title, counters in self.rows("stats").items()
                 if name in counters and group in (None, title)]
        if len(found) != 1:
            raise Failure(f"{len(found)} counters are named {name}")
        return found[0]

    def sees(self, other):
        """The state in which this peer sees the other, or None."""
        return next((p["state"] for p in self.peers() if p["name"] == other.name), None)


class Cluster:
    def __init__(self, directory=None):
        """In a new directory within `directory`, by default the one for temporary files."""
        self.directory = tempfile.mkdtemp(prefix="peerd-e2e-", dir=directory)
        self.peers = []
        self.clients = []

    def add(self, name=None, seed=None, start=True, host="127.0.0.1", namespace=None, **settings):
        """A peer that joins through `seed`, by default the first one."""
        peer = Peer(self, name or f"b{len(self.peers) + 1}", settings, host, namespace)
        seed = seed or (self.peers[0] if self.peers else None)
        if seed is not None and seed.port:
            peer.settings["membership"].setdefault("seeds", seed.address)
        self.peers.append(peer)
        return peer.start() if start else peer

    def wait_joined(self):
        """Until every running peer sees every other alive."""
        running = [p for p in self.peers if p.process and p.process.poll() is None]
        for peer in running:
            wait_until(lambda: sum(p["state"] == "alive" for p in peer.peers()) >= len(running) - 1,
                       f"{peer.name} sees all others")
        return running

    def stop_peer(self, peer):
        """At once: SIGTERM again and again, and SIGKILL for what does not heed it."""
        if not peer.process:
            return
        deadline = time.monotonic() + PATIENCE_S
        while peer.process.poll() is None:
            peer.process.terminate() if time.monotonic() < deadline else peer.process.kill()
            try:
                peer.process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                pass

    def stop_executor(self, peer):
        """Of a daemon that was killed: its executor and what runs there would stay."""
        pid = executor_of(peer.state)
        if not pid:
            return
        os.kill(pid, signal.SIGTERM)
        try:
            wait_until(lambda: not alive(pid), "the executor has ended", 20)
        except Failure:
            os.kill(pid, signal.SIGKILL)

    def close(self):
        for client in self.clients:
            if client.poll() is None:
                client.kill()
            client.communicate()
        for peer in self.peers:
            if peer.process and peer.process.poll() is None:
                peer.process.send_signal(signal.SIGCONT)
                peer.process.terminate()
        for peer in self.peers:
            self.stop_peer(peer)
            self.stop_executor(peer)
        shutil.rmtree(self.directory, ignore_errors=True)


class ClusterTest(unittest.TestCase):
    """A cluster per test, gone afterwards whatever happens; the logs are shown when it fails."""

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)

    def _callTestMethod(self, method):
        try:
            method()
        except unittest.SkipTest:
            raise
        except BaseException:
            for peer in self.cluster.peers:
                print(f"--- log of {peer.name}, its end:\n{peer.log()[-3000:]}", file=sys.stderr)
            raise

    def peers(self, count, **settings):
        """`count` peers that know each other."""
        for _ in range(count):
            self.cluster.add(**settings)
        return self.cluster.wait_joined()


class SmallDisk(ClusterTest):
    """Peers whose state directory is a small file system of its own. Needs root, as network_test does."""

    def small(self, name, **settings):
        peer = self.cluster.add(name, start=False, **settings)
        os.mkdir(peer.state)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "peerd-test", peer.state],
                                 stderr=subprocess.PIPE)
        if mounted.returncode != 0:
            reason = f"cannot mount a small file system: {mounted.stderr.decode().strip()}"
            if os.environ.get("CI") == "true":
                self.fail(reason)
            self.skipTest(reason)
        # Cleanups run last first, but the cluster's own was added before: the peer is stopped here.
        self.addCleanup(lambda: (self.cluster.stop_peer(peer), self.cluster.stop_executor(peer),
                                 subprocess.run(["umount", peer.state])))
        return peer.start()


def main():
    unittest.main(verbosity=2)
