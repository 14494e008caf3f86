"""Whose tasks run as whom, who may steer them, and a daemon that leaves root to its executor. Needs root, and for
moving CRIU; uses accounts that every Debian has."""

import grp
import os
import pwd
import shutil
import time

import cluster
import moving
from cluster import PATIENCE_S, ClusterTest, executor_of, main, wait_until

GAMES, MAN, NOBODY, DAEMON = (pwd.getpwnam(name).pw_uid for name in ("games", "man", "nobody", "daemon"))
GROUP = grp.getgrnam("games").gr_gid


def as_user(uid):
    """For Peer.ctl: in the group that may use the socket."""
    return {"user": uid, "group": GROUP, "extra_groups": []}


def uid_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("Uid:")).split()[1])


class Users(ClusterTest):
    def setUp(self):
        if os.geteuid() != 0:
            if os.environ.get("CI") == "true":
                self.fail("tasks of several users need root")
            self.skipTest("tasks of several users need root")
        super().setUp()
        os.chmod(self.cluster.directory, 0o711)
        # Other users may not get to where it was built.
        self.addCleanup(setattr, cluster, "PEERCTL", cluster.PEERCTL)
        cluster.PEERCTL = shutil.copy(cluster.PEERCTL, self.cluster.directory)

    def peer(self, node=None, **settings):
        return self.cluster.add(node={"task_user": "nobody", "control_group": "games", **(node or {})}, **settings)

    def folder(self, peer, uid):
        """A directory of that user's alone."""
        path = os.path.join(peer.directory, f"of-{uid}")
        os.mkdir(path, 0o700)
        os.chown(path, uid, GROUP)
        return path

    def file(self, folder, name, uid, text):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        os.chown(path, uid, GROUP)
        return path

    def wait_clean(self, peer):
        """Empty directories wait there for the next tasks."""
        work = os.path.join(peer.state, "work")
        wait_until(lambda: not any(files for _, _, files in os.walk(work)) and
                   all(name.count(".") == 2 for name in os.listdir(work)),
                   lambda: f"nothing is left in {[*os.walk(work)]}")

    def outcome(self, peer, *arguments, **options):
        return peer.ctl("run", *arguments, **options).stdout.decode().split()


class Submitters(Users):
    def test_a_task_is_its_submitter(self):
        peer = self.peer()
        self.assertEqual(self.outcome(peer, "id", "-u", **as_user(GAMES)), [str(GAMES)])
        self.assertEqual(self.outcome(peer, "id", "-g", **as_user(GAMES)), [str(pwd.getpwnam("games").pw_gid)])
        self.assertEqual(self.outcome(peer, "grep", "NoNewPrivs", "/proc/self/status", **as_user(GAMES))[1], "1")
        self.assertEqual(self.outcome(peer, "sh", "-c", "touch a; stat -c %u . a; pwd -P", **as_user(GAMES))[:2],
                         [str(GAMES)] * 2)

    def test_roots_tasks_are_somebody_elses_unless_root_is_meant(self):
        peer = self.peer()
        self.assertEqual(self.outcome(peer, "id", "-u"), [str(NOBODY)])
        doctor = peer.ctl("doctor", check=False).stdout.decode()
        self.assertIn("users of tasks: submitters here, nobody for root", doctor)
        self.assertIn("ok       tasks are contained", doctor)
        other = self.cluster.add(node={"task_user": "root"})
        self.assertEqual(self.outcome(other, "id", "-u"), ["0"])

    def test_files_are_read_and_written_as_the_submitter(self):
        peer = self.peer()
        folder = self.folder(peer, GAMES)
        self.file(folder, "in", GAMES, "mine\n")
        secret = self.file(peer.directory, "secret", 0, "root's\n")
        copy = ["--input", "in", "--output", "out", "--stdin", "in", "sh", "-c", "cat in - > out; chmod 400 out"]
        peer.ctl("run", *copy, cwd=folder, **as_user(GAMES))
        with open(os.path.join(folder, "out")) as file:
            self.assertEqual(file.read(), "mine\nmine\n")
        self.assertEqual(os.stat(os.path.join(folder, "out")).st_uid, GAMES)
        refused = peer.ctl("run", "--input", secret, "true", check=False, cwd=folder, **as_user(GAMES))
        self.assertEqual(refused.returncode, 66)
        self.assertIn(f"input {secret}: Permission denied", refused.stderr.decode())
        beyond = os.path.join(self.folder(peer, MAN), "out")
        refused = peer.ctl("run", "--output", f"out={beyond}", "touch", "out", check=False, cwd=folder, **as_user(GAMES))
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("Permission denied", refused.stderr.decode())
        self.assertEqual(os.listdir(os.path.dirname(beyond)), [])

    def test_only_its_user_and_root_steer_a_task(self):
        peer = self.peer()
        task = peer.ctl("submit", "sh", "-c", "echo said; exec sleep 600", **as_user(GAMES)).stdout.decode().strip()
        wait_until(lambda: peer.task(task)["state"] == "running", "the task runs")
        for verb in ("cancel", "hold", "migrate", "logs"):
            refused = peer.ctl(verb, task, check=False, **as_user(MAN))
            self.assertEqual(refused.returncode, 77, verb)
            self.assertIn("only its user and root may do that", refused.stderr.decode())
        self.assertEqual(peer.ctl("drain", check=False, **as_user(GAMES)).returncode, 77)
        wait_until(lambda: peer.ctl("logs", task, **as_user(GAMES)).stdout == b"said\n", "its user reads it")
        peer.ctl("cancel", task)
        stranger = peer.ctl("ps", check=False, user=MAN, group=pwd.getpwnam("man").pw_gid, extra_groups=[])
        self.assertNotEqual(stranger.returncode, 0)  # not in the group


class Guests(Users):
    def test_guests_are_the_task_user_and_results_their_submitters(self):
        home, other = self.peer(load={"slots": 1}, policy={"preset": "sender"}), self.peer(policy={"preset": "sender"})
        self.cluster.wait_joined()
        home.submit("--pin", "sleep", "600")
        folder = self.folder(home, GAMES)
        self.file(folder, "in", GAMES, "data\n")
        self.assertEqual(self.outcome(home, "--input", "in", "--output", "out", "sh", "-c",
                                      "id -u; stat -c %u in; cat in in > out", cwd=folder, **as_user(GAMES)),
                         [str(NOBODY)] * 2)
        self.assertEqual(other.tasks(), [])
        with open(os.path.join(folder, "out")) as file:
            self.assertEqual(file.read(), "data\ndata\n")
        self.assertEqual(os.stat(os.path.join(folder, "out")).st_uid, GAMES)
        self.wait_clean(other)

    def test_guests_are_their_submitters_where_boards_share_users(self):
        settings = {"node": {"task_user": "submitter"}, "policy": {"preset": "sender"}}
        home, _ = self.peer(**settings), self.peer(**settings)
        self.cluster.wait_joined()
        home.submit("--pin", "sleep", "600")
        self.assertEqual(self.outcome(home, "id", "-u", **as_user(GAMES)), [str(GAMES)])
        self.assertEqual(self.outcome(home, "id", "-u"), [str(NOBODY)])


class Unprivileged(Users):
    NODE = {"user": "daemon"}

    def test_only_the_executor_is_root(self):
        peer = self.peer(node=self.NODE)
        self.assertEqual(uid_of(peer.process.pid), DAEMON)
        self.assertEqual(uid_of(executor_of(peer.state)), 0)
        folder = self.folder(peer, GAMES)
        self.file(folder, "in", GAMES, "mine\n")
        self.assertEqual(self.outcome(peer, "--input", "in", "--output", "out", "--stdin", "in", "sh", "-c",
                                      "id -u; umask 077; mkdir d; echo x > d/f; chmod 0 d; cat in - > out; chmod 0 out",
                                      cwd=folder, **as_user(GAMES)), [str(GAMES)])
        with open(os.path.join(folder, "out")) as file:
            self.assertEqual(file.read(), "mine\nmine\n")
        self.assertEqual(self.outcome(peer, "id", "-u"), [str(NOBODY)])
        self.wait_clean(peer)
        self.assertIn("peerd is daemon, its executor root", peer.ctl("doctor", check=False).stdout.decode())

    def test_tasks_outlive_it_and_what_was_cancelled_leaves_nothing(self):
        peer = self.peer(node=self.NODE, load={"slots": 2})
        gate = os.path.join(peer.directory, "gate")
        task = peer.submit("sh", "-c", f"echo begin; until [ -e {gate} ]; do sleep 0.05; done; echo end")
        other = peer.ctl("submit", "sh", "-c", "mkdir d; touch d/f; exec sleep 600", **as_user(GAMES)).stdout.decode().strip()
        wait_until(lambda: peer.task(other)["state"] == "running", "both run")
        peer.kill()
        peer.start()
        self.assertEqual(uid_of(peer.process.pid), DAEMON)
        open(gate, "w").close()
        self.assertEqual(peer.ctl("wait", task).returncode, 0)
        self.assertEqual(peer.ctl("logs", task).stdout, b"begin\nend\n")
        peer.ctl("cancel", other)
        peer.ctl("wait", other, check=False)
        self.wait_clean(peer)

    def test_without_its_executor_it_ends(self):
        peer = self.peer(node=self.NODE)
        peer.ctl("submit", "sleep", "600", **as_user(GAMES))
        wait_until(lambda: peer.tasks()[0]["state"] == "running", "the task runs")
        peer.kill_executor()
        self.assertEqual(peer.process.wait(timeout=PATIENCE_S), 71)
        self.assertIn("only root can start another one", peer.log())
        peer.start()
        wait_until(lambda: peer.tasks()[0]["state"] in ("lost", "failed"), "its end is known")

    def test_accounts_that_are_not_there(self):
        for key in ("user", "task_user"):
            peer = self.cluster.add(name=f"no-{key}", start=False, node={key: "nosuchuser"})
            with self.assertRaises(AssertionError):
                peer.start()
            self.assertEqual(peer.process.returncode, 67)
            self.assertIn(f"node.{key}: this board has no user nosuchuser", peer.log())


class Moving(Users, moving.Moving):
    COUNT = """
import itertools, os, sys, time
for n in itertools.count():
    print(n, flush=True)
    open("copy", "a").write("x")
    if n == 20000 or os.path.exists(sys.argv[1]): break
    time.sleep(0.05)
"""

    def moving_peers(self):
        for _ in range(2):
            self.peer(node={"user": "daemon", "migratable": "yes"}, policy={"preset": "none"},
                      limits={"moves_per_task": 10, "min_residence": "0s"})
        peers = self.cluster.wait_joined()
        wait_until(lambda: all("can be moved" in peer.log() for peer in peers), "running tasks can be moved")
        return peers

    def test_a_running_task_moves_among_unprivileged_daemons(self):
        home, other = self.moving_peers()
        gate = os.path.join(home.directory, "gate")
        task = home.submit("--output", "copy", "python3", "-c", self.COUNT, gate, cwd=self.folder(home, NOBODY))
        for here, there in ((home, other), (other, home), (home, other)):
            wait_until(lambda: home.task(task)["state"] == "running" and home.task(task)["owner"] == here.name,
                       "it runs there")
            time.sleep(0.2)
            self.assertEqual(self.hop(home, task, there)["owner"], there.name)
        open(gate, "w").close()
        self.assertEqual(home.ctl("wait", task).returncode, 0)
        lines = home.ctl("logs", task).stdout.decode().split()
        self.assertEqual(lines, [str(n) for n in range(len(lines))])
        with open(os.path.join(home.directory, f"of-{NOBODY}", "copy")) as file:
            self.assertEqual(file.read(), "x" * len(lines))
        for peer in (home, other):
            self.wait_clean(peer)

    def test_who_would_be_somebody_else_there_stays(self):
        home, _ = self.moving_peers()
        task = home.ctl("submit", "sleep", "600", **as_user(GAMES)).stdout.decode().strip()
        wait_until(lambda: "it runs as games, and would be nobody there" in home.ctl("explain", task).stdout.decode(),
                   "it is told why it stays")
        home.ctl("cancel", task)


if __name__ == "__main__":
    main()
