"""What a peer costs that has nothing to do, among few and among many."""

import glob
import time

import cluster
from table import Figure, median

SIZES = (2, 16, 64)
MEMORY_AIM_MIB = 12
CPU_AIM_PERCENT = 0.2
# Messages must not grow with the number of peers. Two have but one another to ask, fewer than a search
# may: beyond the probe limit growth would be growth.
BASE = 16
GROWTH_ALLOWED = 1.1  # noise


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as file:
        kib = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return kib / 1024


def cpu_seconds(pid):
    """Of all its threads, in nanoseconds by the scheduler's account: /proc/PID/stat counts ticks."""
    total_ns = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path) as file:
            total_ns += int(file.read().split()[0])
    return total_ns / 1e9


def messages_sent(peer):
    return time.monotonic(), sum(peer.rows("stats")["messages sent"].values())


def per_second(before, after):
    return (after[1] - before[1]) / (after[0] - before[0])


def among(size, settle_s, span_s):
    peers = cluster.Cluster()
    try:
        for _ in range(size):
            peers.add(policy={"preset": "adaptive"})
        running = peers.wait_joined()
        time.sleep(settle_s)
        messages = [messages_sent(peer) for peer in running]
        cpu = [cpu_seconds(peer.process.pid) for peer in running]
        began = time.monotonic()
        time.sleep(span_s)
        took_s = time.monotonic() - began
        # Asking costs CPU: the account is closed first.
        cpu = [cpu_seconds(peer.process.pid) - before for peer, before in zip(running, cpu)]
        memory = [resident_mib(peer.process.pid) for peer in running]
        messages = [per_second(before, messages_sent(peer)) for peer, before in zip(running, messages)]
        return (median(memory), max(memory), 100 * sum(cpu) / size / took_s, 100 * max(cpu) / took_s,
                sum(messages) / size)
    finally:
        peers.close()


def measure(short):
    settle_s, span_s = (3, 5) if short else (10, 20)
    figures, rates = [], {}
    for size in SIZES:
        memory, most, cpu, busiest, rates[size] = among(size, settle_s, span_s)
        what = f"idle among {size}"
        print(f"   {what}: {memory:.1f} MiB, {cpu:.3f} %, {rates[size]:.2f} messages/s", flush=True)
        figures += [
            Figure(f"{what}: resident, median (most)", f"{memory:.1f} ({most:.1f}) MiB",
                   f"under {MEMORY_AIM_MIB} MiB", most < MEMORY_AIM_MIB),
            Figure(f"{what}: CPU, mean (most)", f"{cpu:.3f} ({busiest:.3f}) %",
                   f"under {CPU_AIM_PERCENT} %", cpu < CPU_AIM_PERCENT),
            Figure(f"{what}: messages per peer", f"{rates[size]:.2f} /s",
                   f"as among {BASE}" if size > BASE else "",
                   rates[size] <= rates[BASE] * GROWTH_ALLOWED if size > BASE else None)]
    return figures
