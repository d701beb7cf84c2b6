"""A sample host, `dex-1`, as node_exporter would show it.

Its load follows the exchange's traffic and the faults; the real machine is never touched.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from dexwatch import clock
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.metrics import host
from dexwatch.metrics.metric import Kind, Metric

PROCESSORS = 4
GIB = 1024**3
MEMORY = 16 * GIB
VOLUMES = {"/": ("/dev/vda1", 40 * GIB, 0.38), "/data": ("/dev/vdb1", 200 * GIB, 0.44)}
"""Size in bytes and usual fill of each mount point."""

_BOOTED_DAYS_AGO = 23
_REQUEST_BYTES, _ANSWER_BYTES = 900, 1_400
_INODES_A_GIB = 65_536
_DESCRIPTORS = 262_144
_CONNTRACK = 65_536

Labels = tuple[tuple[str, str], ...]
Line = tuple[Metric, Labels, float]


@dataclass
class Load:
    """Shares of the host's resources that a fault takes; None leaves them as usual."""

    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None
    """Fill of /data."""


class SampleHost(LoopbackServer):
    """Serves /metrics on loopback; `load` may be changed at any time."""

    def __init__(
        self, port: int, requests_per_second: Callable[[], float], *, seed: int = 1
    ) -> None:
        super().__init__(self._answer, port)
        self.load = Load()
        self._rate = requests_per_second
        self._random = random.Random(seed)
        self._counters: defaultdict[tuple[Metric, Labels], float] = defaultdict(float)
        self._at = time.monotonic()
        self._booted = clock.now().timestamp() - _BOOTED_DAYS_AGO * 86_400
        self._noise = 0.0
        self._load1 = 1.2

    async def _answer(self, request: Request) -> Reply:
        if request.path != "/metrics":
            return Reply(b"metrics are under /metrics", status=404, kind="text/plain")
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return Reply(self.render().encode(), kind=kind)

    def render(self) -> str:
        """Return the metrics of this moment; time passes between two calls."""
        self._pass_time()
        text: list[str] = []
        lines = sorted(self._lines(), key=lambda line: line[0].name)
        for metric, group in groupby(lines, key=lambda line: line[0]):
            text.append(f"# HELP {metric.name} {metric.help}")
            text.append(f"# TYPE {metric.name} {_kind(metric)}")
            for _, labels, value in group:
                inner = ",".join(f'{key}="{value}"' for key, value in labels)
                text.append(f"{metric.name}{f'{{{inner}}}' if inner else ''} {value:.15g}")
        return "\n".join(text) + "\n"

    def _cpu(self) -> float:
        if self.load.cpu is not None:
            return self.load.cpu + 0.2 * self._noise
        return min(0.55, 0.16 + 0.012 * self._rate() + self._noise)

    def _memory(self) -> float:
        return self.load.memory or 0.46 + 0.2 * self._noise

    def _pass_time(self) -> None:
        now = time.monotonic()
        seconds, self._at = now - self._at, now
        self._noise += 0.3 * (self._random.uniform(-0.03, 0.03) - self._noise)
        busy, rate = self._cpu(), self._rate()
        shares = {"user": 0.7 * busy, "system": 0.2 * busy, "iowait": 0.06 * busy}
        shares |= {"irq": 0.0, "nice": 0.0, "softirq": 0.04 * busy, "steal": 0.0}
        for cpu in range(PROCESSORS):
            for mode, share in {**shares, "idle": 1 - busy}.items():
                self._count(host.cpu_seconds, share * seconds, cpu=str(cpu), mode=mode)
        written = (20_000 + 2_500 * rate) * seconds
        for volume, part in (("vda", 0.2), ("vdb", 0.8)):
            self._count(host.disk_written_bytes, part * written, device=volume)
            self._count(host.disk_writes, part * written / 8_192, device=volume)
            self._count(host.disk_read_bytes, part * written / 4, device=volume)
            self._count(host.disk_reads, part * written / 40_000, device=volume)
            self._count(host.disk_io_seconds, part * 0.08 * seconds, device=volume)
        received = (_REQUEST_BYTES * rate + 4_000) * seconds
        sent = (_ANSWER_BYTES * rate + 3_000) * seconds
        self._count(host.network_received_bytes, received, device="eth0")
        self._count(host.network_sent_bytes, sent, device="eth0")
        self._count(host.network_received_packets, received / 700, device="eth0")
        self._count(host.network_sent_packets, sent / 900, device="eth0")
        self._count(host.tcp_sent, sent / 900)
        self._count(host.tcp_retransmitted, sent / 900 / 2_000)
        self._count(host.forks, 2 * seconds)
        self._load1 += min(1.0, seconds / 20) * (PROCESSORS * busy - self._load1)

    def _count(self, metric: Metric, more: float, **labels: str) -> None:
        self._counters[metric, tuple(labels.items())] += more

    def _lines(self) -> Iterator[Line]:
        for (metric, labels), value in self._counters.items():
            yield metric, labels, value
        for metric, value in self._gauges().items():
            yield metric, (), value
        for mount, (device, size, fill) in VOLUMES.items():
            yield from self._volume(mount, device, size, fill)
        for metric in (
            host.network_receive_errors,
            host.network_send_errors,
            host.network_receive_drops,
        ):
            yield metric, (("device", "eth0"),), 0
        for collector in host.COLLECTED:
            yield host.collector_success, (("collector", collector),), 1

    def _gauges(self) -> dict[Metric, float]:
        rate = round(self._rate())
        return {
            host.load1: self._load1,
            host.load5: 0.5 * self._load1 + 0.5,
            host.load15: 0.3 * self._load1 + 0.7,
            host.processes_running: max(1, round(self._load1)),
            host.processes_blocked: 0,
            host.files_open: 4_200 + 12 * rate,
            host.files_max: _DESCRIPTORS,
            host.boot_time: self._booted,
            host.clock_offset: 0.0004,
            host.clock_synced: 1,
            host.oom_kills: 0,
            host.major_faults: 1_204,
            host.memory_total: MEMORY,
            host.memory_available: round(MEMORY * (1 - self._memory())),
            host.swap_total: 2 * GIB,
            host.swap_free: 2 * GIB,
            host.tcp_established: 40 + 2 * rate,
            host.tcp_time_wait: 20 + 3 * rate,
            host.conntrack_entries: 180 + 4 * rate,
            host.conntrack_limit: _CONNTRACK,
        }

    def _volume(self, mount: str, device: str, size: int, fill: float) -> Iterator[Line]:
        if mount == "/data" and self.load.disk is not None:
            fill = self.load.disk
        labels = (("device", device), ("fstype", "ext4"), ("mountpoint", mount))
        inodes = size // GIB * _INODES_A_GIB
        yield host.filesystem_size, labels, size
        yield host.filesystem_available, labels, round(size * (1 - fill))
        yield host.filesystem_files, labels, inodes
        yield host.filesystem_files_free, labels, round(inodes * 0.9)
        yield host.filesystem_readonly, labels, 0


def _kind(metric: Metric) -> str:
    # What node_exporter copies from the kernel's tables has no type, and no `_total` in its name.
    if metric.kind is Kind.COUNTER:
        return "counter" if metric.name.endswith("_total") else "untyped"
    return "gauge"
