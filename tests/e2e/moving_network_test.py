"""Running tasks that move between network namespaces, and networks that break in the middle of it."""

import random
import signal

from cluster import main, wait_until
from moving import Beat, check_movable, left_behind, settings_with
from network_test import Namespaces

# A peer that is cut off is soon taken for dead.
SETTINGS = settings_with(membership={"probe_interval": "200ms", "probe_timeout": "100ms"},
                         network={"insecure": "true"})


class MovingFar(Namespaces):
    def three(self):
        for name, address in zip(self.bridge.names[:3], self.bridge.addresses):
            self.cluster.add(host=address, namespace=name, **SETTINGS)
        peers = self.cluster.wait_joined()
        for peer in peers:
            check_movable(self, peer)
        return peers

    def ask(self, peer, task, to, condition):
        def asked():
            if not any(p.stands_still() for p in self.cluster.peers):
                client = peer.ctl_start("migrate", task.task, to.name)
                try:
                    wait_until(condition, "it is on its way", 1)
                except AssertionError:
                    pass
                client.kill()
            return condition()

        wait_until(asked, "it is on its way")

    def test_from_namespace_to_namespace(self):
        peers = self.three()
        chance = random.Random(23)
        task = Beat(peers[0], "wandering")
        task.goes_on()
        owner = peers[0]
        for move in range(1, 7):
            to = chance.choice([peer for peer in peers if peer is not owner])
            self.ask(owner, task, to, lambda: task.row()["owner"] == to.name)
            owner = to
            task.goes_on()
        self.assertEqual(task.row()["moves"], 6)
        task.check(task.end())

    def broken(self, step, side, kept):
        """The link of the destination is down from that step on until each side has buried the other."""
        first, second, _ = self.three()
        here = first if side == "source" else second
        here.kill()
        here.start(stop_at=step)
        self.cluster.wait_joined()
        check_movable(self, here)
        task = Beat(first, "broken")
        task.goes_on()
        self.ask(first, task, second, here.stands_still)
        self.bridge.cut(2)
        here.send_signal(signal.SIGCONT)
        wait_until(lambda: first.sees(second) == "dead", "the source buries the destination")
        wait_until(lambda: second.sees(first) == "dead", "and the other way round")
        if kept:
            task.goes_on()  # the source has not decided: its copy is the one
        before = task.count()
        self.bridge.mend(2)
        wait_until(lambda: first.sees(second) == second.sees(first) == "alive", "they have found each other")
        wait_until(lambda: task.count() > before + 2, lambda: f"it goes on: {task.told()}")
        wait_until(lambda: task.state() == "running" and
                   task.row()["owner"] == (first if kept else second).name, lambda: f"{task.row()}, {task.told()}")
        task.check(task.end())
        for peer in first, second:
            wait_until(lambda: not left_behind(peer), lambda: f"{peer.name} lets go of {left_behind(peer)}")

    def test_before_the_image_is_sent(self):
        self.broken("dumped", "source", kept=True)

    def test_before_it_is_prepared(self):
        self.broken("received image", "destination", kept=True)

    def test_before_it_is_said_to_be_prepared(self):
        self.broken("committed prepared", "destination", kept=True)

    def test_before_the_commit(self):
        self.broken("committed handed_off", "source", kept=False)

    def test_before_it_is_committed(self):
        self.broken("committed owned", "destination", kept=False)


if __name__ == "__main__":
    main()
