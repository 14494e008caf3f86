"""A task that moves a hundred times, as often as one may: nothing is missing, and nothing piles up."""

import contextlib
import os
import re

from cluster import executor_of, main, wait_until
from moving import Beat, Moving, left_behind

HOPS = 100


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def mounts_of_tasks(pid):
    with open(f"/proc/{pid}/mountinfo") as file:
        return [line for line in file if "/run/peerd" in line or ".stay" in line]


def images_of(peer):
    identity = re.search(r" \(([0-9a-f]{16})\) on ", peer.log()).group(1)
    directories = [directory for directory in (f"/run/peerd/{identity}", f"/dev/shm/peerd/{identity}")
                   if os.path.isdir(directory)]
    return [name for directory in directories for name in os.listdir(directory) if name.startswith("images-")]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def at_work(peer):
    """Operations of the executor's: an image is wiped when its task runs already."""
    def name(pid):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    return [pid for pid in children(executor_of(peer.state)) if name(pid) == "peerd-task"]


class Hops(Moving):
    def possessions(self, peer):
        executor = executor_of(peer.state)
        return {"open files of peerd": open_files(peer.process.pid), "of its executor": open_files(executor),
                "processes": len(children(executor)), "of peerd": len(children(peer.process.pid)),
                "mounts": mounts_of_tasks(executor), "stays": left_behind(peer),
                "files": sum(len(names) + len(files) for _, names, files in os.walk(peer.state)),
                "images": images_of(peer)}

    def gained(self, peers, before):
        """What is not as it was. The task is at the first peer: its stay, and two files of its state more or less."""
        changed = []
        for index, (peer, had) in enumerate(zip(peers, before)):
            has = self.possessions(peer)
            if index == 0:
                has["stays"] = had["stays"]
                has["files"] = max(had["files"], has["files"] - 2)
            changed += [(peer.name, name, had[name], has[name]) for name in has if has[name] != had[name]]
        return changed

    def test_a_hundred(self):
        first, second = self.moving_peers(2)
        task = Beat(first, "hops")
        before = None
        for hop in range(1, HOPS + 1):
            task.goes_on(1)
            row = self.hop(first, task.task, first if hop % 2 == 0 else second)
            self.assertEqual((row["state"], row["moves"]), ("running", hop), task.told())
            # The first has everything in place: the pool of threads, what is kept open for good.
            if hop in (10, HOPS):
                wait_until(lambda: not left_behind(second), f"{second.name} lets go of it")
                wait_until(lambda: not children(executor_of(second.state)), f"{second.name} has reaped it")
                wait_until(lambda: not at_work(first), f"{first.name} has wiped the image")
                memory = [resident_kib(peer.process.pid) for peer in (first, second)]
                if before:
                    # A connection may linger for a moment.
                    wait_until(lambda: not self.gained((first, second), before[0]),
                               lambda: f"they let go of {self.gained((first, second), before[0])}")
                    for was, is_now in zip(before[1], memory):
                        self.assertLess(is_now, was + 4096, "KiB more than after ten hops")
                before = before or ([self.possessions(peer) for peer in (first, second)], memory)
        task.goes_on()
        task.check(task.end())
        for peer in first, second:
            wait_until(lambda: not left_behind(peer), lambda: f"{peer.name} lets go of {left_behind(peer)}")


if __name__ == "__main__":
    main()
