"""Peers in network namespaces of their own, on a bridge: what crosses a real network, and its loss.

Needs root. Where it cannot run it says so; in continuous integration (CI=true) that is a failure."""

import os
import subprocess
import sys
import unittest

from cluster import ClusterTest, main, wait_until

FAST = {"membership": {"probe_interval": "200ms", "probe_timeout": "100ms", "rejoin_interval": "1s"}}


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def obstacle():
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = subprocess.run(["ip", "netns", "add", f"peerd-probe-{os.getpid()}"], stderr=subprocess.PIPE)
    if probe.returncode != 0:
        return f"no network namespaces here: {probe.stderr.decode().strip()}"
    ip("netns", "del", f"peerd-probe-{os.getpid()}")
    return None


class Bridge:
    """Namespaces around a bridge, itself in a namespace: nothing of the host's network is touched."""

    def __init__(self, count):
        self.tag = f"peerd{os.getpid()}"
        self.hub = f"{self.tag}-hub"
        self.names = [f"{self.tag}-{n}" for n in range(1, count + 1)]
        self.addresses = [f"10.77.0.{n}" for n in range(1, count + 1)]

    def build(self):
        ip("netns", "add", self.hub)
        ip("-n", self.hub, "link", "add", "br0", "type", "bridge")
        ip("-n", self.hub, "link", "set", "br0", "up")
        for n, (name, address) in enumerate(zip(self.names, self.addresses), 1):
            ip("netns", "add", name)
            ip("-n", self.hub, "link", "add", f"port{n}", "type", "veth", "peer", "name", "eth0",
               "netns", name)
            ip("-n", self.hub, "link", "set", f"port{n}", "master", "br0", "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def cut(self, n):
        ip("-n", self.hub, "link", "set", f"port{n}", "down")

    def mend(self, n):
        ip("-n", self.hub, "link", "set", f"port{n}", "up")

    def close(self):
        for name in [*self.names, self.hub]:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


class Namespaces(ClusterTest):
    """A test in four of them."""

    def setUp(self):
        reason = obstacle()
        if reason:
            if os.environ.get("CI") == "true":
                self.fail(reason)
            self.skipTest(reason)
        # Cleanups run last first: the peers are gone before their networks are.
        self.bridge = Bridge(4)
        self.addCleanup(self.bridge.close)
        self.bridge.build()
        super().setUp()


class Network(Namespaces):
    def four(self, **settings):
        for name, address in zip(self.bridge.names, self.bridge.addresses):
            self.cluster.add(host=address, namespace=name, **{"network": {"insecure": "true"}, **settings})
        return self.cluster.wait_joined()

    def test_work_crosses_the_network(self):
        peers = self.four(policy={"preset": "adaptive"})
        data = os.urandom(500_000)
        with open(os.path.join(peers[0].directory, "data"), "wb") as file:
            file.write(data)
        with open(os.path.join(peers[0].directory, "tasks"), "w") as file:
            for n in range(12):
                file.write(f"--input data --output data.{n} sh -c 'sleep 0.2; cp data data.{n}'\n")
        peers[0].ctl("submit", "--from", "tasks", "--wait")
        for n in range(12):
            with open(os.path.join(peers[0].directory, f"data.{n}"), "rb") as file:
                self.assertEqual(file.read(), data)
        self.assertGreater(len({row["owner"] for row in peers[0].tasks()}), 1)

    def test_a_partition_and_its_end(self):
        peers = self.four(policy={"preset": "none"}, **FAST)
        self.bridge.cut(4)
        wait_until(lambda: all(p.sees(peers[3]) == "dead" for p in peers[:3]), "the others bury b4")
        wait_until(lambda: all(peers[3].sees(p) == "dead" for p in peers[:3]), "b4 buries the others")
        self.bridge.mend(4)
        wait_until(lambda: all(p.sees(peers[3]) == "alive" for p in peers[:3]), "b4 is back")
        wait_until(lambda: all(peers[3].sees(p) == "alive" for p in peers[:3]), "b4 sees them again")

    def test_a_task_is_found_again_after_a_partition(self):
        peers = self.four(policy={"preset": "sender"}, **FAST)
        peers[0].submit("--pin", "sleep", "600")
        gate = os.path.join(peers[0].directory, "gate")
        task = peers[0].submit("sh", "-c", f"echo begin; until [ -e {gate} ]; do sleep 0.05; done; echo end")
        wait_until(lambda: peers[0].task(task)["state"] == "running" and
                   peers[0].task(task)["owner"] != "b1", "the task runs elsewhere")
        owner = int(peers[0].task(task)["owner"][1:])
        self.bridge.cut(owner)
        wait_until(lambda: peers[0].task(task)["state"] == "lost", "it is taken for lost")
        open(gate, "w").close()
        self.bridge.mend(owner)
        wait_until(lambda: peers[0].task(task)["state"] == "finished", "its end is known")
        self.assertEqual(peers[0].ctl("logs", task).stdout, b"begin\nend\n")


if __name__ == "__main__":
    main()
