"""A sample host, `dex-1`, as node_exporter would show it.

Its load follows the exchange's traffic and the faults; the real machine is never touched.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

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

Line = tuple[Metric, dict[str, str], float]


@dataclass
class Load:
    """Shares of the host's resources that a fault takes; None leaves them as usual."""

    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None
    """Fill of /data."""


class SampleHost:
    """Serves /metrics on loopback; `load` may be changed at any time."""

    def __init__(
        self, port: int, requests_per_second: Callable[[], float], *, seed: int = 1
    ) -> None:
        self.load = Load()
        self._rate = requests_per_second
        self._random = random.Random(seed)
        self._server = LoopbackServer(self._answer, port)
        self._totals: defaultdict[tuple[str, str, str], float] = defaultdict(float)
        self._at = time.monotonic()
        self._booted = clock.now().timestamp() - _BOOTED_DAYS_AGO * 86_400
        self._noise = 0.0
        self._load1 = 1.2

    @property
    def url(self) -> str:
        """Where the metrics are."""
        return f"{self._server.url}/metrics"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._server.__aexit__(*exception)

    async def _answer(self, request: Request) -> Reply:
        if request.path != "/metrics":
            return Reply(b"metrics are under /metrics", status=404, kind="text/plain")
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return Reply(self.render().encode(), kind=kind)

    def render(self) -> str:
        """Return the metrics of this moment; time passes between two calls."""
        self._pass_time()
        text: list[str] = []
        named: set[str] = set()
        for metric, labels, value in self._lines():
            if metric.name not in named:
                named.add(metric.name)
                kind = _kind(metric)
                text.append(f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {kind}")
            inner = ",".join(f'{key}="{value}"' for key, value in labels.items())
            text.append(
                f"{metric.name}{{{inner}}} {value:.15g}" if inner else f"{metric.name} {value:.15g}"
            )
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
        for cpu in range(PROCESSORS):
            shares = {"user": 0.7 * busy, "system": 0.2 * busy, "iowait": 0.06 * busy}
            shares |= {"irq": 0.0, "nice": 0.0, "softirq": 0.04 * busy, "steal": 0.0}
            for mode, share in {**shares, "idle": 1 - busy}.items():
                self._totals["cpu", str(cpu), mode] += share * seconds
        written = (20_000 + 2_500 * rate) * seconds
        for volume, part in (("vda", 0.2), ("vdb", 0.8)):
            self._totals["written", volume, ""] += part * written
            self._totals["writes", volume, ""] += part * written / 8_192
            self._totals["read", volume, ""] += part * written / 4
            self._totals["reads", volume, ""] += part * written / 40_000
            self._totals["busy", volume, ""] += part * 0.08 * seconds
        self._totals["received", "eth0", ""] += (_REQUEST_BYTES * rate + 4_000) * seconds
        self._totals["sent", "eth0", ""] += (_ANSWER_BYTES * rate + 3_000) * seconds
        self._totals["forks", "", ""] += 2 * seconds
        self._load1 += min(1.0, seconds / 20) * (PROCESSORS * busy - self._load1)

    def _lines(self) -> Iterator[Line]:
        yield from self._processors()
        yield from self._memory_lines()
        for mount, (device, size, fill) in VOLUMES.items():
            yield from self._volume(mount, device, size, fill)
        for volume in ("vda", "vdb"):
            yield from self._disk(volume)
        yield from self._network()

    def _processors(self) -> Iterator[Line]:
        for (what, cpu, mode), value in self._totals.items():
            if what == "cpu":
                yield host.cpu_seconds, {"cpu": cpu, "mode": mode}, value
        yield host.load1, {}, self._load1
        yield host.load5, {}, 0.5 * self._load1 + 0.5
        yield host.load15, {}, 0.3 * self._load1 + 0.7
        yield host.processes_running, {}, max(1, round(self._load1))
        yield host.processes_blocked, {}, 0
        yield host.forks, {}, self._totals["forks", "", ""]
        yield host.files_open, {}, 4_200 + 12 * round(self._rate())
        yield host.files_max, {}, _DESCRIPTORS
        yield host.boot_time, {}, self._booted
        yield host.clock_offset, {}, 0.0004
        yield host.clock_synced, {}, 1
        yield host.oom_kills, {}, 0
        yield host.major_faults, {}, 1_204

    def _memory_lines(self) -> Iterator[Line]:
        yield host.memory_total, {}, MEMORY
        yield host.memory_available, {}, round(MEMORY * (1 - self._memory()))
        yield host.swap_total, {}, 2 * GIB
        yield host.swap_free, {}, 2 * GIB

    def _volume(self, mount: str, device: str, size: int, fill: float) -> Iterator[Line]:
        if mount == "/data" and self.load.disk is not None:
            fill = self.load.disk
        labels = {"device": device, "fstype": "ext4", "mountpoint": mount}
        inodes = size // GIB * _INODES_A_GIB
        yield host.filesystem_size, labels, size
        yield host.filesystem_available, labels, round(size * (1 - fill))
        yield host.filesystem_files, labels, inodes
        yield host.filesystem_files_free, labels, round(inodes * 0.9)
        yield host.filesystem_readonly, labels, 0

    def _disk(self, volume: str) -> Iterator[Line]:
        labels = {"device": volume}
        yield host.disk_read_bytes, labels, self._totals["read", volume, ""]
        yield host.disk_written_bytes, labels, self._totals["written", volume, ""]
        yield host.disk_reads, labels, self._totals["reads", volume, ""]
        yield host.disk_writes, labels, self._totals["writes", volume, ""]
        yield host.disk_io_seconds, labels, self._totals["busy", volume, ""]

    def _network(self) -> Iterator[Line]:
        labels = {"device": "eth0"}
        received, sent = self._totals["received", "eth0", ""], self._totals["sent", "eth0", ""]
        yield host.network_received_bytes, labels, received
        yield host.network_sent_bytes, labels, sent
        yield host.network_received_packets, labels, received / 700
        yield host.network_sent_packets, labels, sent / 900
        for metric in (
            host.network_receive_errors,
            host.network_send_errors,
            host.network_receive_drops,
        ):
            yield metric, labels, 0
        yield host.tcp_established, {}, 40 + 2 * round(self._rate())
        yield host.tcp_sent, {}, sent / 900
        yield host.tcp_retransmitted, {}, sent / 900 / 2_000
        yield host.tcp_time_wait, {}, 20 + 3 * round(self._rate())
        yield host.conntrack_entries, {}, 180 + 4 * round(self._rate())
        yield host.conntrack_limit, {}, _CONNTRACK


def _kind(metric: Metric) -> str:
    # What node_exporter copies from the kernel's tables has no type, and no `_total` in its name.
    if metric.kind is Kind.COUNTER:
        return "counter" if metric.name.endswith("_total") else "untyped"
    return "gauge"
