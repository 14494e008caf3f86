"""What the tests of running tasks that move have in common: peers that can, programs that tell, a CRIU that obeys."""

import os
import shutil
import sqlite3
import subprocess

from cluster import ClusterTest, Failure, wait_until

# Nobody moves anything unless asked to, and what fails is over soon.
SETTINGS = {
    "node": {"migratable": "yes"},
    "policy": {"preset": "none"},
    "load": {"slots": 8, "sample_interval": "100ms"},
    "limits": {"moves_per_task": 100, "transfers_at_once": 8, "migrations_at_once": 8,
               "resend_interval": "100ms"},
    "membership": {"probe_interval": "500ms", "probe_timeout": "250ms", "join_interval": "100ms",
                   "rejoin_interval": "1s"},
}

ENDED = ("finished", "lost", "failed", "cancelled")

# Counts until the gate opens, and says so at home and, for each step, by a directory: a second copy of it
# finds it there already.
BEATING = """
import os, sys, time
n = 0
while n < 20000 and not os.path.exists(sys.argv[1]):  # a test that was killed opens no gate
    n += 1
    try: os.mkdir(f"{sys.argv[2]}/{n}")
    except FileExistsError: os.mkdir(f"{sys.argv[2]}/twice"); sys.exit(99)
    print(n, flush=True)
    time.sleep(0.01)
print("end")
sys.exit(7)
"""

# Passes all on to the real one, unless the directory has an order for this verb. One is carried out once:
# "VERB.fail" as it says; "VERB.wait" holds CRIU at the moment that it names, until somebody kills it; "dump.trap"
# ends it and the task, as when it is killed while the task executes its code.
CRIU = """#!/bin/sh
real=REAL
orders=ORDERS
if [ -e $orders/$1.fail ] && mv $orders/$1.fail $orders/done; then
  cat $orders/done
  exit 1
fi
if [ -e $orders/$1.trap ] && mv $orders/$1.trap $orders/done; then
  read main others </proc/$3/task/$3/children
  kill -TRAP $main
  kill -9 $$
fi
if [ -e $orders/$1.wait ] && mv $orders/$1.wait $orders/moment; then
  echo $$ >$orders/pid
  exec $real "$@" --action-script $orders/hook
fi
exec $real "$@"
"""

HOOK = """#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" = "$(cat ORDERS/moment)" ] || exit 0
mv ORDERS/pid ORDERS/waits
while kill -0 "$(cat ORDERS/waits)" 2>/dev/null && ! [ -e ORDERS/go ]; do sleep 0.02; done
"""


def find_criu():
    for program in (shutil.which("criu"), "/usr/local/lib/peerd/criu/criu"):
        if program and subprocess.run([program, "check"], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL).returncode == 0:
            return program
    return None


class ObedientCriu:
    """A program `criu` in a directory of its own, for PATH."""

    def __init__(self, directory):
        self.directory = directory
        os.mkdir(directory)
        self.write("criu", CRIU.replace("REAL", find_criu() or "false").replace("ORDERS", directory))
        self.write("hook", HOOK.replace("ORDERS", directory))

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), 0o755)

    def fail(self, verb, saying):
        self.write(f"{verb}.fail", saying + "\n")

    def trap(self):
        self.write("dump.trap", "")

    def hold(self, verb, moment):
        self.write(f"{verb}.wait", moment)

    def held(self):
        """The process number of the CRIU that was held, or None."""
        try:
            with open(self.path("waits")) as file:
                return int(file.read())
        except OSError:
            return None

    def reset(self):
        for name in os.listdir(self.directory):
            if name not in ("criu", "hook"):
                os.unlink(self.path(name))


class Beat:
    """A task that counts."""

    def __init__(self, home, name, *options):
        self.home = home
        self.gate = os.path.join(home.directory, f"gate-{name}")
        self.steps = os.path.join(home.directory, f"steps-{name}")
        os.mkdir(self.steps)
        self.task = home.submit(*options, "python3", "-S", "-c", BEATING, self.gate, self.steps)

    def count(self):
        return len(os.listdir(self.steps))

    def goes_on(self, steps=3):
        before = self.count()
        wait_until(lambda: self.count() >= before + steps, f"{self.task} goes on")

    def row(self):
        return self.home.task(self.task)

    def state(self):
        return self.row()["state"]

    def ended(self):
        return self.state() in ENDED

    def end(self):
        open(self.gate, "w").close()
        return self.home.ctl("wait", self.task, check=False).returncode

    def processes(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if self.steps.encode() in words and words[0] == b"python3":
                found.append(int(pid))
        return found

    def check(self, code):
        """Ended as it should be, and only once."""
        if os.path.exists(os.path.join(self.steps, "twice")):
            raise Failure(f"{self.task} ran twice: {self.told()}")
        lines = self.home.ctl("logs", self.task, check=False).stdout.decode().split()
        steps = [str(n) for n in range(1, self.count() + 1)]
        # Of a lost one the last step may have been made and not yet told.
        good = lines in (steps, steps[:-1]) if code == 69 else code == 7 and lines == steps + ["end"]
        if not good:
            raise Failure(f"{self.task} ended with {code} after {self.count()} steps, and printed "
                          f"{lines[-3:]}, {len(lines)} lines: {self.told()}")

    def told(self):
        return self.home.ctl("explain", self.task, check=False).stdout.decode()


def check_movable(test, peer):
    wait_until(lambda: "running tasks" in peer.log(), "it has looked for CRIU")
    if "running tasks can be moved" in peer.log():
        return
    reason = next(line for line in peer.log().splitlines() if "running tasks are not moved" in line)
    if os.environ.get("CI") == "true":
        test.fail(reason)
    test.skipTest(reason)


def is_spare(work, name):
    """An empty directory, which is kept for the next task."""
    try:
        return name.count(".") == 2 and not os.listdir(os.path.join(work, name))
    except OSError:
        return False


def left_behind(peer):
    """Of any task: on this peer's disk, and handoffs in its journal that are not settled."""
    work = os.path.join(peer.state, "work")
    names = sorted(os.listdir(work)) if os.path.isdir(work) else []
    left = [name for name in names if not is_spare(work, name)]
    journal = sqlite3.connect(f"file:{peer.state}/journal.db?mode=ro", uri=True, timeout=10)
    for table in "owned", "prepared", "decided":
        left += [(table, *row) for row in journal.execute(f"select serial, epoch from {table}")]
    journal.close()
    return left


def settings_with(**settings):
    return {section: {**SETTINGS.get(section, {}), **settings.get(section, {})}
            for section in {*SETTINGS, *settings}}


class Moving(ClusterTest):
    def hop(self, home, task, to):
        """Moves a task that runs; asks again where it could not be just then. Its row, there or ended."""
        def there():
            row = home.task(task)
            return row if row["state"] in ENDED or (row["state"], row["owner"]) == ("running", to.name) else None

        def asked():
            owner = next(peer for peer in self.cluster.peers if peer.name == home.task(task)["owner"])
            if owner is not to:
                owner.ctl("migrate", task, to.name, check=False)
            try:
                return wait_until(there, "it has moved", 3)
            except Failure:
                return None

        return wait_until(asked, f"{task} is with {to.name}")

    def moving_peers(self, count, **settings):
        peers = self.peers(count, **settings_with(**settings))
        for peer in peers:
            check_movable(self, peer)
        return peers
