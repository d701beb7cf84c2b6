"""What else goes wrong on a host: load, processes, clock, handles, network."""

from dexwatch.metrics import host
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Metric, Unit
from dexwatch.metrics.promql import gained
from dexwatch.metrics.scrape_class import STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.catalogue.host_resource_alerts import ALERTING
from dexwatch.rules.rule import AlertRule, Expression, Operator, Runbook

P1, P2 = Severity.P1, Severity.P2


def host_fault(
    rule_id: str,
    value: Expression,
    *,
    severity: Severity,
    alert_group: str,
    threshold: float = 0,
    for_seconds: float = 0,
    why: str,
    summary: str,
    description: str,
    check: tuple[str, ...],
    fix: tuple[str, ...],
    requirement: str,
    unit: Unit = Unit.COUNT,
    group_priority: int = 1,
    condition: Expression | None = None,
    operator: Operator = ">",
    meaning: str = "",
) -> AlertRule:
    """Return a rule for the platform team; without `meaning` its description says that, too."""
    return AlertRule(
        id=rule_id,
        severity=severity,
        component=Component.HOSTS,
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
            meaning=meaning or description,
            check=check,
            fix=fix,
            escalate="Call the platform team's lead when services on the host fail.",
        ),
        requirements=(requirement,),
    )


def _rate(metric: Metric) -> Expression:
    series = metric.where(ALERTING)
    return lambda p: f"sum by (host) (rate({series}[{p.window(300, STANDARD)}]))"


IDLE = 'mode="idle"'
# Of a host that tracks no connections that collector always fails.
COLLECTORS = f'collector=~"{"|".join(one for one in host.COLLECTED if one != "conntrack")}"'

MACHINE_ALERTS = (
    host_fault(
        "LoadHigh",
        lambda _: (
            f"max by (host) ({host.load5.where(ALERTING)}) / count by (host) ("
            f"{host.cpu_seconds.where(ALERTING, IDLE)})"
        ),
        severity=P2,
        alert_group="load",
        threshold=2,
        unit=Unit.MULTIPLE,
        for_seconds=900,
        why="Two waiting for each processor over a quarter of an hour is no burst.",
        summary=(
            "{{ $labels.host }} has {value} as many tasks as processors; threshold {threshold}."
        ),
        description="Work waits for processors or disks.",
        check=("See whether processors are busy or processes wait for the disk.",),
        fix=("Stop batch work, or add processors.",),
        requirement="M-SYS-LOAD",
    ),
    host_fault(
        "ProcessesBlocked",
        # Whole processes: 10.4 would be written as 10 beside a threshold of 10.
        lambda p: (
            "max by (host) (ceil(avg_over_time("
            f"{host.processes_blocked.where(ALERTING)}[{p.window(300, STANDARD)}])))"
        ),
        severity=P2,
        alert_group="processes",
        threshold=10,
        for_seconds=300,
        why="The average of five minutes hides the short waits of every write.",
        summary=(
            "{value} processes of {{ $labels.host }} hang on the disk, on average over {5m};"
            " the threshold is {threshold}."
        ),
        description="Processes cannot go on because a disk or network share does not answer.",
        check=("List processes in state D.", "Read dmesg."),
        fix=("Repair or unmount the share or disk that hangs.",),
        requirement="M-SYS-PROC",
    ),
    host_fault(
        "FileHandlesShort",
        lambda _: (
            f"max by (host) ({host.files_open.where(ALERTING)})"
            f" / max by (host) ({host.files_max.where(ALERTING)})"
        ),
        severity=P1,
        alert_group="file-handles",
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
    host_fault(
        "ClockWrong",
        lambda _: f"max by (host) (abs({host.clock_offset.where(ALERTING)}))",
        severity=P2,
        alert_group="clock",
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
    host_fault(
        "KilledForMemory",
        gained(host.oom_kills.where(ALERTING), by="host", seconds=900, scrape_class=STANDARD),
        severity=P1,
        alert_group="memory-kills",
        why="One kill is one too many; a quarter of an hour keeps it in sight.",
        summary="The kernel of {{ $labels.host }} killed {value} processes for want of memory.",
        description="The kernel ended the largest process so that the host could live.",
        check=("See in dmesg which process it was, and whether it came back.",),
        fix=("Find the leak, or give the host more memory.",),
        requirement="M-SYS-MEM",
    ),
    host_fault(
        "NetworkErrors",
        lambda p: (
            "sum by (host, device) (rate("
            f"{host.network_receive_errors.where(ALERTING)}[{p.window(300, STANDARD)}]))"
            " / (sum by (host, device) (rate("
            f"{host.network_received_packets.where(ALERTING)}[{p.window(300, STANDARD)}])) > 10)"
        ),
        severity=P2,
        alert_group="network-errors",
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
    host_fault(
        "TcpRetransmitsMany",
        lambda p: f"{_rate(host.tcp_retransmitted)(p)} / ({_rate(host.tcp_sent)(p)} > 10)",
        severity=P2,
        alert_group="network-loss",
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
    host_fault(
        "ConnectionTrackingFull",
        lambda _: (
            f"max by (host) ({host.conntrack_entries.where(ALERTING)})"
            f" / max by (host) ({host.conntrack_limit.where(ALERTING)})"
        ),
        severity=P1,
        alert_group="connection-tracking",
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
    host_fault(
        "HostMetricsIncomplete",
        lambda _: (
            f"max by (host, collector) (1 - {host.collector_success.where(ALERTING, COLLECTORS)})"
        ),
        severity=P2,
        alert_group="host-metrics",
        unit=Unit.BOOLEAN,
        for_seconds=300,
        why="One reading may fail; five minutes of it are a file that the exporter cannot read.",
        summary="node_exporter cannot read {{ $labels.collector }} of {{ $labels.host }}.",
        description="Some metrics of the host are missing, and rules on them say nothing.",
        check=("Read the exporter's log: it names the collector and the file.",),
        fix=("Give the exporter the right to read it, or repair what hangs, such as a mount.",),
        requirement="C-NODE-EXP",
    ),
)
