"""Cases of rules on what lies below: chain and hosts."""

from tests.fakes.promtool import Case, Counter, Gauge, Series

HOST = 'host="dex-1",instance="dex-1",job="node"'
DISK = f'{HOST},device="/dev/vda",fstype="ext4",mountpoint="/"'
FAULT = 45
"""Minutes: the lowest priority of a group waits for thirty."""


def cpu(rule: str, bad: float, just: float) -> Case:
    idle = f'node_cpu_seconds_total{{{HOST},cpu="0",mode="idle"}}'
    return Case(rule, (Counter(idle, 0.9, 1 - bad, 1 - just),), fault=FAULT)


def memory(rule: str, bad: float, just: float) -> Case:
    return Case(
        rule,
        (
            Gauge(f"node_memory_MemAvailable_bytes{{{HOST}}}", 800, 1000 - bad, 1000 - just),
            Gauge(f"node_memory_MemTotal_bytes{{{HOST}}}", 1000, 1000, 1000),
        ),
        fault=FAULT,
    )


def disk(rule: str, bad: float, just: float) -> Case:
    return Case(
        rule,
        (
            Gauge(f"node_filesystem_avail_bytes{{{DISK}}}", 800, 1000 - bad, 1000 - just),
            Gauge(f"node_filesystem_size_bytes{{{DISK}}}", 1000, 1000, 1000),
            # A full tmpfs is nobody's alarm.
            Gauge(
                f'node_filesystem_avail_bytes{{{HOST},fstype="tmpfs",mountpoint="/run"}}', 0, 0, 0
            ),
            Gauge(
                f'node_filesystem_size_bytes{{{HOST},fstype="tmpfs",mountpoint="/run"}}', 9, 9, 9
            ),
        ),
        fault=FAULT,
    )


CASES_GROUND = (
    Case("NodeUnreachable", (Gauge('bsc_endpoint_up{endpoint="a"}', 1, 0, 1, blip=1),)),
    Case("NodeLagging", (Gauge('bsc_endpoint_lag_blocks{endpoint="a"}', 0, 11, 10),)),
    Case("NodePeersLow", (Gauge('bsc_endpoint_peers{endpoint="a"}', 40, 4, 5),)),
    Case(
        "NodesDisagree",
        (
            Counter('bsc_endpoint_head_divergences_total{endpoint="a"}', 0, 0.011, 0.0099),
            Counter('bsc_reorgs_refused_total{endpoint="a"}', 0, 0, 0),
            # One refused reorganisation within five minutes is enough.
            Counter('bsc_endpoint_head_divergences_total{endpoint="b"}', 0, 0, 0),
            Counter('bsc_reorgs_refused_total{endpoint="b"}', 0, 0.0034, 0.0009),
            # And one false block.
            Counter('bsc_endpoint_head_divergences_total{endpoint="c"}', 0, 0, 0),
            Counter('bsc_reorgs_refused_total{endpoint="c"}', 0, 0, 0),
            *(
                Counter(
                    f'bsc_blocks_refused_total{{endpoint="{name}",part="header"}}', 0, rate, below
                )
                for name, rate, below in (("a", 0, 0), ("b", 0, 0), ("c", 0.0034, 0.0009))
            ),
        ),
        alerts=3,
    ),
    Case(
        "NodeUnverified",
        (
            # Below: nine and a half minutes to catch up.
            Series('bsc_endpoint_verified{endpoint="a"}', "1*420 0*720 1*840", "1*570 0*570 1*840"),
            # The other one, which is well.
            Series('bsc_endpoint_verified{endpoint="b"}', "1*1980"),
        ),
        fault=12,
    ),
    Case("BlocksNotConsumed", (Gauge('bsc_consumer_lag_events{consumer="figures"}', 0, 41, 40),)),
    Case("BlockStoreNotDurable", (Gauge("bsc_block_store_durable", 1, 0, 1, blip=1),)),
    Case(
        "ChainHeadStalled",
        (Counter("bsc_head_received_timestamp_seconds", 1, 0, 1, after=3, just_start=-3),),
    ),
    Case("FinalityStalled", (Gauge("bsc_finality_lag_blocks", 3, 16, 15),)),
    Case("BlocksMissing", (Gauge("bsc_block_gaps_open", 0, 6, 5),)),
    Case(
        "ReorgDeep",
        (
            Counter('bsc_reorgs_total{depth="3-5"}', 0, 0.01, 0),
            Counter('bsc_reorgs_total{depth="1"}', 0.01, 0.01, 0.01),
        ),
        after=14,
    ),
    Case(
        "GasPriceHigh",
        (Gauge('bsc_gas_price_wei{source="oracle"}', 1e8, 3.1e8, 3e8),),
        warm=90,
    ),
    cpu("CpuUse60", 0.61, 0.599),
    cpu("CpuUse70", 0.71, 0.699),
    cpu("CpuUse80", 0.81, 0.799),
    cpu("CpuHigh", 0.86, 0.849),
    memory("MemoryUse60", 601, 600),
    memory("MemoryUse75", 751, 750),
    memory("MemoryUse80", 801, 799),
    memory("MemoryHigh", 851, 849),
    memory("MemoryCritical", 901, 899),
    disk("DiskUse60", 601, 600),
    disk("DiskUse75", 751, 750),
    disk("DiskUse80", 801, 799),
    disk("DiskAlmostFull", 901, 899),
    Case(
        "InodesAlmostUsedUp",
        (
            Gauge(f"node_filesystem_files_free{{{DISK}}}", 800, 49, 51),
            Gauge(f"node_filesystem_files{{{DISK}}}", 1000, 1000, 1000),
        ),
    ),
    Case(
        "DiskFillsWithinADay",
        (
            Counter(f"node_filesystem_avail_bytes{{{DISK}}}", 0, -2e6, -0.5e6, start=1e11, after=0),
            Gauge(f"node_filesystem_size_bytes{{{DISK}}}", 2e11, 2e11, 2e11),
        ),
        warm=60,
        fault=150,
        after=420,
    ),
    Case("FilesystemReadOnly", (Gauge(f"node_filesystem_readonly{{{DISK}}}", 0, 1, 0),)),
    Case(
        "DiskBusy",
        (Counter(f'node_disk_io_time_seconds_total{{{HOST},device="vda"}}', 0.1, 0.96, 0.949),),
    ),
    Case(
        "LoadHigh",
        (
            Gauge(f"node_load5{{{HOST}}}", 1, 4.1, 4),
            Counter(f'node_cpu_seconds_total{{{HOST},cpu="0",mode="idle"}}', 1, 1, 1),
            Counter(f'node_cpu_seconds_total{{{HOST},cpu="1",mode="idle"}}', 1, 1, 1),
        ),
    ),
    Case("ProcessesBlocked", (Gauge(f"node_procs_blocked{{{HOST}}}", 0, 11, 10),)),
    Case(
        "FileHandlesShort",
        (
            Gauge(f"node_filefd_allocated{{{HOST}}}", 100, 801, 800),
            Gauge(f"node_filefd_maximum{{{HOST}}}", 1000, 1000, 1000),
        ),
    ),
    Case("ClockWrong", (Gauge(f"node_timex_offset_seconds{{{HOST}}}", 0, -0.051, -0.05),)),
    Case("KilledForMemory", (Counter(f"node_vmstat_oom_kill{{{HOST}}}", 0, 0.002, 0),)),
    Case(
        "NetworkErrors",
        (
            Counter(f'node_network_receive_errs_total{{{HOST},device="eth0"}}', 0, 1.1, 0.99),
            Counter(f'node_network_receive_packets_total{{{HOST},device="eth0"}}', 100, 100, 100),
        ),
    ),
    Case(
        "TcpRetransmitsMany",
        (
            Counter(f"node_netstat_Tcp_RetransSegs{{{HOST}}}", 0, 5.1, 4.99),
            Counter(f"node_netstat_Tcp_OutSegs{{{HOST}}}", 100, 100, 100),
        ),
    ),
    Case(
        "ConnectionTrackingFull",
        (
            Gauge(f"node_nf_conntrack_entries{{{HOST}}}", 100, 801, 800),
            Gauge(f"node_nf_conntrack_entries_limit{{{HOST}}}", 1000, 1000, 1000),
        ),
    ),
    Case(
        "HostMetricsIncomplete",
        (
            Gauge(f'node_scrape_collector_success{{{HOST},collector="diskstats"}}', 1, 0, 1),
            # What a host does not have has no metrics, and no rule of ours misses them.
            Series(f'node_scrape_collector_success{{{HOST},collector="zfs"}}', "0*4500"),
            Series(f'node_scrape_collector_success{{{HOST},collector="conntrack"}}', "0*4500"),
        ),
    ),
)
