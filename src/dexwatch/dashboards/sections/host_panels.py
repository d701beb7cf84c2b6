"""Panels about hosts and the network; System Overview shows the first four, Infrastructure all."""

from functools import partial

from dexwatch.dashboards import sources
from dexwatch.dashboards.board import Expression, Level, Panel, PanelKind, Query, Threshold
from dexwatch.dashboards.queries import one, rate
from dexwatch.metrics import host, probes
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.scrape_class import HIGH

HOST_EMPTY = "No host is scraped; check daemons.node and the node targets on Targets."
DISKS = (host.REAL_FILESYSTEMS,)
OUTSIDE = ('device!~"lo|veth.*|docker.*|br-.*"',)
CPU_LIMITS = (
    Threshold(0.7, Level.INFO, "little room for a peak"),
    Threshold(0.8, Level.WARNING, "answers slow down"),
    Threshold(0.85, Level.CRITICAL, "work queues up"),
)


def _idle(seconds: int) -> Expression:
    return lambda w: f"1 - avg by (host) (rate({host.IDLE}[{w.window(seconds, HIGH)}]))"


panel = partial(Panel, empty=HOST_EMPTY, source=sources.HOSTS)
host_rate = partial(rate, by=("host",), scrape_class=HIGH)

CPU = panel(
    "cpu",
    "CPU use",
    one(_idle(120), "{{host}}"),
    Unit.RATIO,
    "Below 70% on every host.",
    ("M-SYS-CPU", "A-P1-CPU"),
    thresholds=CPU_LIMITS,
    width=3,
)
MEMORY = panel(
    "memory",
    "Memory use",
    one(
        f"1 - sum by (host) ({host.memory_available}) / sum by (host) ({host.memory_total})",
        "{{host}}",
    ),
    Unit.RATIO,
    "Below 75%, and flat: a steady rise is a leak.",
    ("M-SYS-MEM", "A-P1-MEM"),
    thresholds=(
        Threshold(0.75, Level.INFO, "little room for a peak"),
        Threshold(0.8, Level.WARNING, "caches shrink and answers slow down"),
        Threshold(0.85, Level.CRITICAL, "the kernel may soon stop a program"),
    ),
    width=3,
)
DISK = panel(
    "disk",
    "Disk use",
    one(
        (
            f"1 - max by (host, mountpoint) ({host.filesystem_available.where(*DISKS)})"
            f" / max by (host, mountpoint) ({host.filesystem_size.where(*DISKS)})"
        ),
        "{{host}} · {{mountpoint}}",
    ),
    Unit.RATIO,
    "Below 75% on every file system.",
    ("M-SYS-DISK", "A-P1-DISK"),
    kind=PanelKind.BARS,
    thresholds=(
        Threshold(0.75, Level.INFO, "plan more room"),
        Threshold(0.8, Level.WARNING, "days are left"),
        Threshold(0.9, Level.CRITICAL, "databases stop when it is full"),
    ),
    width=3,
    limit=6,
)
NETWORK = panel(
    "network",
    "Network traffic",
    (
        Query(host_rate(host.network_received_bytes, *OUTSIDE), "{{host}} · in"),
        Query(host_rate(host.network_sent_bytes, *OUTSIDE), "{{host}} · out"),
    ),
    Unit.BYTES_PER_SECOND,
    "Follows the requests; a spike without them is an attack or a leak.",
    ("M-SYS-NET", "M-NET-PERF"),
    width=3,
)
DISK_IO = panel(
    "disk-io",
    "Disk throughput",
    (
        Query(host_rate(host.disk_read_bytes), "{{host}} · read"),
        Query(host_rate(host.disk_written_bytes), "{{host}} · written"),
    ),
    Unit.BYTES_PER_SECOND,
    "Well below what the device can do.",
    ("M-SYS-DISK",),
)
LOAD = panel(
    "load",
    "Load per processor, 5 min",
    one(f"max by (host) ({host.load5}) / count by (host) ({host.IDLE})", "{{host}}"),
    Unit.COUNT,
    "Below one.",
    ("M-SYS-LOAD",),
    thresholds=(Threshold(1, Level.INFO, "programs wait for a processor"),),
    decimals=2,
)
PROCESSES = panel(
    "processes",
    "Processes",
    (
        Query(f"max by (host) ({host.processes_running})", "{{host}} · running"),
        Query(f"max by (host) ({host.processes_blocked})", "{{host}} · waiting for a disk"),
    ),
    Unit.COUNT,
    "None waits for a disk for long.",
    ("M-SYS-PROC",),
)
DISK_OPERATIONS = panel(
    "disk-operations",
    "Disk operations per second",
    (
        Query(host_rate(host.disk_reads), "{{host}} · reads"),
        Query(host_rate(host.disk_writes), "{{host}} · writes"),
    ),
    Unit.PER_SECOND,
    "Steady.",
    ("M-SYS-DISK",),
)
PACKETS = panel(
    "packets",
    "Packets per second",
    (
        Query(host_rate(host.network_received_packets, *OUTSIDE), "{{host}} · in"),
        Query(host_rate(host.network_sent_packets, *OUTSIDE), "{{host}} · out"),
    ),
    Unit.PER_SECOND,
    "Follows the traffic; many small packets are an attack.",
    ("M-SYS-NET",),
)
LOSS = panel(
    "packet-loss",
    "Segments sent again",
    one(
        lambda w: (
            f"sum by (host) (rate({host.tcp_retransmitted}[{w.window(120, HIGH)}]))"
            f" / (sum by (host) (rate({host.tcp_sent}[{w.window(120, HIGH)}])) > 0)"
        ),
        "{{host}}",
    ),
    Unit.RATIO,
    "Below 1%: every lost packet is sent again.",
    ("M-NET-PERF",),
    thresholds=(Threshold(0.01, Level.WARNING, "packets are lost on the way"),),
)
NETWORK_ERRORS = panel(
    "network-errors",
    "Network errors and drops per minute",
    (
        Query(host_rate(host.network_receive_errors, per=60), "{{host}} · received"),
        Query(host_rate(host.network_send_errors, per=60), "{{host}} · sent"),
        Query(host_rate(host.network_receive_drops, per=60), "{{host}} · dropped"),
    ),
    Unit.PER_MINUTE,
    "Zero.",
    ("M-NET-PERF",),
)
CONNECTIONS = panel(
    "tcp",
    "TCP connections",
    (
        Query(f"max by (host) ({host.tcp_established})", "{{host}} · open"),
        Query(f"max by (host) ({host.tcp_time_wait})", "{{host}} · closing"),
    ),
    Unit.COUNT,
    "Follows the users.",
    ("M-NET-PERF",),
)
PROBE_LATENCY = Panel(
    "probe-latency",
    "Time to answer a probe",
    one(f"max by (instance) ({probes.seconds})", "{{instance}}"),
    Unit.SECONDS,
    "Below 100 ms within one region.",
    ("M-NET-PERF", "A-P2-NETLAT"),
    source=sources.PROBES,
    empty="No probe reports: add one to daemons.probes, or check Targets.",
    thresholds=(Threshold(0.1, Level.INFO, "the way to it is slow"),),
)
GROWTH = panel(
    "growth",
    "Disk growth per day",
    one(
        (
            "sum by (host, mountpoint)"
            f" (-deriv({host.filesystem_available.where(*DISKS)}[1h])) * 86400"
        ),
        "{{host}} · {{mountpoint}}",
    ),
    Unit.BYTES,
    "Fits the room that is left.",
    ("M-STORAGE",),
    kind=PanelKind.BARS,
    limit=6,
)
