"""What else goes wrong on a host: inodes, read-only disks, clock, handles, network."""

from dexwatch.metrics import host, prometheus
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Metric, Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.scrape_class import STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.catalogue.host_resource_alerts import ALERTING, still_filling
from dexwatch.rules.recording_rules import REAL_FILESYSTEMS
from dexwatch.rules.rule import AlertRule, Expression, Operator, Runbook

P1, P2 = Severity.P1, Severity.P2


def _of_host(
    rule_id: str,
    value: Expression,
    *,
    severity: Severity,
    alert_group: str,
    operator: Operator,
    threshold: float,
    unit: Unit,
    for_seconds: float,
    why: str,
    summary: str,
    description: str,
    check: tuple[str, ...],
    fix: tuple[str, ...],
    requirement: str,
    group_priority: int = 1,
    condition: Expression | None = None,
) -> AlertRule:
    return AlertRule(
        id=rule_id,
        severity=severity,
        component=Component.HOSTS,
        team="platform",
        alert_group=alert_group,
        group_priority=group_priority,
        condition=condition,
        value=value,
        operator=operator,
        threshold=threshold,
        unit=unit,
        for_seconds=for_seconds,
        keep_firing_seconds=180,
        why=why,
        summary=summary,
        description=description,
        runbook=Runbook(
            meaning=description,
            check=check,
            fix=fix,
            escalate="Call the platform team's lead when services on the host fail.",
        ),
        requirements=(requirement,),
    )


def _rate(metric: Metric) -> Expression:
    series = metric.where(ALERTING)
    return lambda p: f"sum by (host) (rate({series}[{p.window(300, STANDARD)}]))"


DISKS = (REAL_FILESYSTEMS, ALERTING)
READ_ONLY = host.filesystem_readonly.where(*DISKS)


def _was_writable(profile: EvaluationProfile) -> str:
    day = profile.window(86_400, STANDARD)
    told = prometheus.alerts.where('alertname="FilesystemReadOnly"', 'alertstate="firing"')
    return (
        "and on (host, mountpoint) ("
        f"min by (host, mountpoint) (min_over_time({READ_ONLY}[{day}])) == 0"
        f" or on (host, mountpoint) last_over_time({told}[1h]))"
    )


IDLE = 'mode="idle"'

MACHINE_ALERTS = (
    _of_host(
        "InodesAlmostUsedUp",
        lambda _: (
            "1 - max by (host, mountpoint) ("
            f"{host.filesystem_files_free.where(*DISKS)}) / max by (host, mountpoint) ("
            f"{host.filesystem_files.where(*DISKS)} > 0)"
        ),
        severity=P1,
        alert_group="inodes",
        operator=">",
        threshold=0.95,
        unit=Unit.RATIO,
        for_seconds=600,
        why="Files are made and removed in bursts; ten minutes outlast them.",
        summary="{value} of the inodes of {{ $labels.host }} at {{ $labels.mountpoint }} are used.",
        description="No more files can be made, though there may be space.",
        check=("Find the folder with very many small files.",),
        fix=("Remove them: sessions, caches, mail queues are the usual ones.",),
        requirement="M-SYS-DISK",
    ),
    _of_host(
        "DiskFillsWithinADay",
        lambda p: (
            "min by (host, mountpoint) (predict_linear("
            f"{host.filesystem_available.where(*DISKS)}[{p.window(21_600, STANDARD)}],"
            f" {4 * p.window_seconds(21_600, STANDARD):g}))"
        ),
        severity=P2,
        alert_group="disk",
        group_priority=4,
        condition=still_filling,
        operator="<",
        threshold=0,
        unit=Unit.BYTES,
        for_seconds=3600,
        why=(
            "Six hours give the trend, and for an hour it must point to full without a break."
            " Above 90 per cent DiskAlmostFull speaks; what has been freed since fills no more."
        ),
        summary="At this rate {{ $labels.mountpoint }} of {{ $labels.host }} is full in a day.",
        description="The straight line through the last six hours meets zero within a day.",
        check=("See what grows, and whether it will stop by itself.",),
        fix=("Clean up, or enlarge the volume in time.",),
        requirement="M-STORAGE",
    ),
    _of_host(
        "FilesystemReadOnly",
        lambda _: f"max by (host, mountpoint) ({READ_ONLY})",
        condition=_was_writable,
        severity=P1,
        alert_group="disk-readonly",
        operator=">",
        threshold=0,
        unit=Unit.BOOLEAN,
        for_seconds=60,
        why=(
            "What could be written within the last day has changed; what never could is mounted so"
            " by intention. Once told, it is told until the disk can be written again."
        ),
        summary="{{ $labels.mountpoint }} of {{ $labels.host }} can only be read.",
        description="The kernel stops writing to a disk whose errors it cannot trust.",
        check=("Read dmesg for disk errors.",),
        fix=("Move services away, check the file system, replace the disk.",),
        requirement="M-SYS-DISK",
    ),
    _of_host(
        "DiskBusy",
        lambda p: (
            "max by (host, device) (rate("
            f"{host.disk_io_seconds.where(ALERTING)}[{p.window(300, STANDARD)}]))"
        ),
        severity=P2,
        alert_group="disk-busy",
        operator=">",
        threshold=0.95,
        unit=Unit.RATIO,
        for_seconds=900,
        why="A backup keeps a disk busy for minutes; a quarter of an hour hurts.",
        summary=(
            "{{ $labels.device }} of {{ $labels.host }} is busy for {value}; threshold {threshold}."
        ),
        description="Reads and writes queue up behind each other.",
        check=("See which process reads or writes most (iotop).",),
        fix=("Move the backup or report to a quieter hour.", "Use a faster volume."),
        requirement="M-SYS-DISK",
    ),
    _of_host(
        "LoadHigh",
        lambda _: (
            f"max by (host) ({host.load5.where(ALERTING)}) / count by (host) ("
            f"{host.cpu_seconds.where(ALERTING, IDLE)})"
        ),
        severity=P2,
        alert_group="load",
        operator=">",
        threshold=2,
        unit=Unit.COUNT,
        for_seconds=900,
        why="Two waiting for each processor over a quarter of an hour is no burst.",
        summary=(
            "{value} tasks wait for each processor of {{ $labels.host }}; threshold {threshold}."
        ),
        description="Work waits for processors or disks.",
        check=("See whether processors are busy or processes wait for the disk.",),
        fix=("Stop batch work, or add processors.",),
        requirement="M-SYS-LOAD",
    ),
    _of_host(
        "ProcessesBlocked",
        lambda p: (
            "max by (host) (avg_over_time("
            f"{host.processes_blocked.where(ALERTING)}[{p.window(300, STANDARD)}]))"
        ),
        severity=P2,
        alert_group="processes",
        operator=">",
        threshold=10,
        unit=Unit.COUNT,
        for_seconds=300,
        why="The average of five minutes hides the short waits of every write.",
        summary=(
            "{value} processes of {{ $labels.host }} hang on the disk;"
            " the threshold is {threshold}."
        ),
        description="Processes cannot go on because a disk or network share does not answer.",
        check=("List processes in state D.", "Read dmesg."),
        fix=("Repair or unmount the share or disk that hangs.",),
        requirement="M-SYS-PROC",
    ),
    _of_host(
        "FileHandlesShort",
        lambda _: (
            f"max by (host) ({host.files_open.where(ALERTING)})"
            f" / max by (host) ({host.files_max.where(ALERTING)})"
        ),
        severity=P1,
        alert_group="file-handles",
        operator=">",
        threshold=0.8,
        unit=Unit.RATIO,
        for_seconds=300,
        why="A leak does not go down again; five minutes tell it from a burst of connections.",
        summary=(
            "{value} of the file handles of {{ $labels.host }} are in use; threshold {threshold}."
        ),
        description="Soon no process can open a file or a connection.",
        check=("Count open files by process (lsof).",),
        fix=("Restart the process that leaks.",),
        requirement="M-SYS-PROC",
    ),
    _of_host(
        "ClockWrong",
        lambda _: f"max by (host) (abs({host.clock_offset.where(ALERTING)}))",
        severity=P2,
        alert_group="clock",
        operator=">",
        threshold=0.05,
        unit=Unit.SECONDS,
        for_seconds=600,
        why="After a start the clock is pulled in slowly; ten minutes are enough for that.",
        summary="The clock of {{ $labels.host }} is off by {value}; the threshold is {threshold}.",
        description="Times of trades, logs and sessions are wrong, and some will be refused.",
        check=("See whether chrony or timesyncd runs and reaches its servers.",),
        fix=("Start it, and let it step the clock once.",),
        requirement="M-SYS-LOAD",
    ),
    _of_host(
        "KilledForMemory",
        lambda p: (
            f"sum by (host) (increase({host.oom_kills.where(ALERTING)}[{p.window(900, STANDARD)}]))"
        ),
        severity=P1,
        alert_group="memory-kills",
        operator=">",
        threshold=0,
        unit=Unit.COUNT,
        for_seconds=0,
        why="One kill is one too many; a quarter of an hour keeps it in sight.",
        summary="The kernel of {{ $labels.host }} killed {value} processes for want of memory.",
        description="The kernel ended the largest process so that the host could live.",
        check=("See in dmesg which process it was, and whether it came back.",),
        fix=("Find the leak, or give the host more memory.",),
        requirement="M-SYS-MEM",
    ),
    _of_host(
        "NetworkErrors",
        lambda p: (
            "sum by (host, device) (rate("
            f"{host.network_receive_errors.where(ALERTING)}[{p.window(300, STANDARD)}]))"
            " / (sum by (host, device) (rate("
            f"{host.network_received_packets.where(ALERTING)}[{p.window(300, STANDARD)}])) > 10)"
        ),
        severity=P2,
        alert_group="network-errors",
        operator=">",
        threshold=0.01,
        unit=Unit.RATIO,
        for_seconds=600,
        why="Ten packets a second make the share mean something; ten minutes rule out a re-plug.",
        summary="{value} of the packets at {{ $labels.device }} of {{ $labels.host }} are broken.",
        description="Damaged packets are sent again, so everything gets slower.",
        check=("See errors by kind (ethtool -S).", "See whether the switch port agrees."),
        fix=("Replace the cable or the port.", "Match speed and duplex."),
        requirement="M-NET-PERF",
    ),
    _of_host(
        "TcpRetransmitsMany",
        lambda p: f"{_rate(host.tcp_retransmitted)(p)} / ({_rate(host.tcp_sent)(p)} > 10)",
        severity=P2,
        alert_group="network-loss",
        operator=">",
        threshold=0.05,
        unit=Unit.RATIO,
        for_seconds=300,
        why="The usual loss is far under one per cent; five for minutes is felt.",
        summary=(
            "{{ $labels.host }} sends {value} of its segments again; the threshold is {threshold}."
        ),
        description="Packets are lost on the way.",
        check=("See to which peers (ss -ti).", "Trace the route for loss."),
        fix=("Ask the provider.", "Move the service to another network."),
        requirement="M-NET-PERF",
    ),
    _of_host(
        "ConnectionTrackingFull",
        lambda _: (
            f"max by (host) ({host.conntrack_entries.where(ALERTING)})"
            f" / max by (host) ({host.conntrack_limit.where(ALERTING)})"
        ),
        severity=P1,
        alert_group="connection-tracking",
        operator=">",
        threshold=0.8,
        unit=Unit.RATIO,
        for_seconds=120,
        why="The table fills within minutes under attack; two leave time to act.",
        summary=(
            "{value} of the tracked connections of {{ $labels.host }} are used;"
            " threshold {threshold}."
        ),
        description="When the table is full, new connections are dropped without a word.",
        check=("See from which addresses the connections come (conntrack -L).",),
        fix=("Block the flood.", "Raise the limit if it is honest traffic."),
        requirement="M-NET-PERF",
    ),
)
