"""Host metrics as node_exporter 1.5 exposes them; `tests/assumptions` asks the real binary."""

from functools import partial

from dexwatch.metrics import metric
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric, Unit

counter = partial(metric.counter, owner="node_exporter")
gauge = partial(metric.gauge, owner="node_exporter")
state = partial(metric.state, owner="node_exporter")

DEVICE = ("device",)
FILESYSTEM = ("device", "fstype", "mountpoint")
REAL_FILESYSTEMS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|autofs|devtmpfs"'
"""Matches the file systems that can fill up: rules and boards look at the same ones."""
device_counter = partial(counter, labels=DEVICE)
filesystem_gauge = partial(gauge, labels=FILESYSTEM)

cpu_seconds = counter(
    "node_cpu_seconds_total",
    "Seconds that each processor spent in each mode.",
    labels=("cpu", "mode"),
    requirements=("C-NODE-EXP", "M-SYS-CPU"),
)
IDLE = cpu_seconds.where('mode="idle"')
memory_total = gauge(
    "node_memory_MemTotal_bytes", "Memory of the host.", requirements=("C-NODE-EXP", "M-SYS-MEM")
)
memory_available = gauge(
    "node_memory_MemAvailable_bytes",
    "Memory that programs could still take without swapping.",
    requirements=("M-SYS-MEM",),
)
swap_total = gauge("node_memory_SwapTotal_bytes", "Swap space.")
swap_free = gauge("node_memory_SwapFree_bytes", "Unused swap space.")
filesystem_size = filesystem_gauge(
    "node_filesystem_size_bytes", "Size of a file system.", requirements=("M-SYS-DISK",)
)
filesystem_available = filesystem_gauge(
    "node_filesystem_avail_bytes",
    "Space of a file system that ordinary users may fill.",
    requirements=("M-SYS-DISK", "M-STORAGE"),
)
filesystem_files = filesystem_gauge("node_filesystem_files", "Inodes of a file system.")
filesystem_files_free = filesystem_gauge(
    "node_filesystem_files_free", "Unused inodes of a file system."
)
filesystem_readonly = filesystem_gauge(
    "node_filesystem_readonly", "1 while a file system is mounted read-only.", unit=Unit.BOOLEAN
)
disk_read_bytes = device_counter("node_disk_read_bytes_total", "Bytes read.")
disk_written_bytes = device_counter("node_disk_written_bytes_total", "Bytes written.")
disk_reads = device_counter(
    "node_disk_reads_completed_total", "Reads completed.", requirements=("M-SYS-DISK",)
)
disk_writes = device_counter("node_disk_writes_completed_total", "Writes completed.")
disk_io_seconds = device_counter(
    "node_disk_io_time_seconds_total", "Seconds in which the disk had work."
)
network_received_bytes = device_counter(
    "node_network_receive_bytes_total", "Bytes received.", requirements=("M-SYS-NET",)
)
network_sent_bytes = device_counter("node_network_transmit_bytes_total", "Bytes sent.")
network_received_packets = device_counter(
    "node_network_receive_packets_total", "Packets received.", requirements=("M-SYS-NET",)
)
network_sent_packets = device_counter("node_network_transmit_packets_total", "Packets sent.")
network_receive_errors = device_counter(
    "node_network_receive_errs_total", "Packets received with error.", requirements=("M-NET-PERF",)
)
network_send_errors = device_counter(
    "node_network_transmit_errs_total", "Packets that could not be sent."
)
network_receive_drops = device_counter(
    "node_network_receive_drop_total", "Received packets that were dropped."
)
tcp_established = gauge(
    "node_netstat_Tcp_CurrEstab", "Open TCP connections.", requirements=("M-NET-PERF",)
)
tcp_retransmitted = counter(
    "node_netstat_Tcp_RetransSegs", "TCP segments sent again.", requirements=("M-NET-PERF",)
)
tcp_sent = counter("node_netstat_Tcp_OutSegs", "TCP segments sent.")
tcp_time_wait = gauge("node_sockstat_TCP_tw", "TCP connections in time-wait.")
load1 = gauge("node_load1", "Load average of one minute.", requirements=("M-SYS-LOAD",))
load5 = gauge("node_load5", "Load average of five minutes.", requirements=("M-SYS-LOAD",))
load15 = gauge("node_load15", "Load average of fifteen minutes.", requirements=("M-SYS-LOAD",))
processes_running = gauge(
    "node_procs_running", "Processes that can run.", requirements=("M-SYS-PROC",)
)
processes_blocked = gauge(
    "node_procs_blocked", "Processes that wait for a disk.", requirements=("M-SYS-PROC",)
)
forks = counter("node_forks_total", "Processes ever started.", requirements=("M-SYS-PROC",))
files_open = gauge("node_filefd_allocated", "Open file descriptors.")
files_max = gauge("node_filefd_maximum", "Most open file descriptors.")
clock_offset = gauge("node_timex_offset_seconds", "How far the clock is from its reference.")
clock_synced = state("node_timex_sync_status", "1 while the clock is synchronised.")
oom_kills = counter("node_vmstat_oom_kill", "Processes killed for want of memory.")
major_faults = counter("node_vmstat_pgmajfault", "Page faults that had to read a disk.")
conntrack_entries = gauge("node_nf_conntrack_entries", "Tracked connections.")
conntrack_limit = gauge("node_nf_conntrack_entries_limit", "Most tracked connections.")
boot_time = gauge("node_boot_time_seconds", "When the host started.", unit=Unit.TIMESTAMP)
COLLECTED = (
    "conntrack",
    "cpu",
    "diskstats",
    "filefd",
    "filesystem",
    "loadavg",
    "meminfo",
    "netdev",
    "netstat",
    "sockstat",
    "stat",
    "timex",
    "vmstat",
)
"""The exporter's collectors that give the metrics above."""
collector_success = state(
    "node_scrape_collector_success",
    "1 when a collector of the exporter read all that it reads.",
    labels=("collector",),
)

HOST_METRICS = declared(Metric, globals())
