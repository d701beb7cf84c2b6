"""Processor, memory and disk of each host: three alert groups from 60 per cent upwards."""

from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.severity import Severity
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.rule import AlertRule, RecordingRule, Runbook

ALERTING = 'alerting!="off"'

CPU_BUSY = Runbook(
    meaning="Work waits for a processor; latency grows from here on.",
    check=(
        "See which process takes the time (top, or the Infrastructure board).",
        "See whether traffic grew as well, or only the load.",
        "See whether time is stolen by the hypervisor or spent waiting for the disk.",
    ),
    fix=(
        "Stop or slow down a batch job that runs at the wrong hour.",
        "Add processes on another host, or processors to this one.",
    ),
    escalate="Call the platform team's lead when it stays above 85 per cent for half an hour.",
)
MEMORY_SHORT = Runbook(
    meaning="When memory runs out, the kernel kills the largest process, often the database.",
    check=(
        "See which process grows, and since when.",
        "See whether swap is in use and pages are read back from disk.",
    ),
    fix=(
        "Restart a process that leaks, one upstream at a time.",
        "Lower the size of caches, or add memory.",
    ),
    escalate="Call the platform team's lead at 90 per cent.",
)
DISK_FILLS = Runbook(
    meaning="A full disk stops the database, the logs and often the whole host.",
    check=(
        "See what grew: du on the mount point, largest first.",
        "See how fast it grows on the Infrastructure board, and when it will be full.",
        "See whether deleted files are still held open.",
    ),
    fix=(
        "Remove old logs, dumps and unused images.",
        "Enlarge the volume.",
        "Move data that is rarely read to another volume.",
    ),
    escalate="Call the platform team's lead at 90 per cent, before writes fail.",
)

CPU_WORDS = (
    "The processors of {{ $labels.host }} are busy for {value}; the threshold is {threshold}."
)
MEMORY_WORDS = "The memory of {{ $labels.host }} is {value} full; the threshold is {threshold}."
DISK_WORDS = (
    "The disk of {{ $labels.host }} at {{ $labels.mountpoint }} is {value} full;"
    " the threshold is {threshold}."
)
CPU_WHY = "Load comes in bursts: the higher the priority, the shorter the burst that is forgiven."
MEMORY_WHY = "Memory goes up and down with requests; what stays for the hold is not a peak."
DISK_WHY = "A disk fills slowly; the hold outlasts temporary files of sorts and dumps."


def _step(
    rule_id: str,
    severity: Severity,
    threshold: float,
    for_seconds: float,
    *,
    group_priority: int,
    alert_group: str,
    requirement: str,
) -> AlertRule:
    recorded, words, why, runbook = _GROUPS[alert_group]
    return AlertRule(
        id=rule_id,
        severity=severity,
        component=Component.HOSTS,
        team="platform",
        alert_group=alert_group,
        group_priority=group_priority,
        value=lambda _: recorded.where(ALERTING),
        threshold=threshold,
        unit=Unit.RATIO,
        for_seconds=for_seconds,
        keep_firing_seconds=180,
        why=f"{why} Three minutes of keeping bridge a lost scrape and a dip.",
        summary=words,
        description=recorded.help,
        runbook=runbook,
        requirements=(requirement,),
    )


_GROUPS: dict[str, tuple[RecordingRule, str, str, Runbook]] = {
    "cpu": (recorded.cpu_used, CPU_WORDS, CPU_WHY, CPU_BUSY),
    "memory": (recorded.memory_used, MEMORY_WORDS, MEMORY_WHY, MEMORY_SHORT),
    "disk": (recorded.disk_used, DISK_WORDS, DISK_WHY, DISK_FILLS),
}

P1, P2, P3 = Severity.P1, Severity.P2, Severity.P3


HOST_ALERTS = (
    _step(
        "CpuUse60", P3, 0.60, 1800, group_priority=1, alert_group="cpu", requirement="A-P3-RES-60"
    ),
    _step(
        "CpuUse70", P2, 0.70, 600, group_priority=2, alert_group="cpu", requirement="A-P2-RES-70"
    ),
    _step(
        "CpuUse80", P2, 0.80, 300, group_priority=3, alert_group="cpu", requirement="A-P2-RES-80"
    ),
    _step("CpuHigh", P1, 0.85, 120, group_priority=4, alert_group="cpu", requirement="A-P1-CPU"),
    _step(
        "MemoryUse60",
        P3,
        0.60,
        1800,
        group_priority=1,
        alert_group="memory",
        requirement="A-P3-RES-60",
    ),
    _step(
        "MemoryUse75",
        P2,
        0.75,
        600,
        group_priority=2,
        alert_group="memory",
        requirement="A-P2-RES-70",
    ),
    _step(
        "MemoryUse80",
        P2,
        0.80,
        300,
        group_priority=3,
        alert_group="memory",
        requirement="A-P2-RES-80",
    ),
    _step(
        "MemoryHigh", P1, 0.85, 120, group_priority=4, alert_group="memory", requirement="A-P1-MEM"
    ),
    _step(
        "MemoryCritical",
        P1,
        0.90,
        60,
        group_priority=5,
        alert_group="memory",
        requirement="A-P1-MEM",
    ),
    _step(
        "DiskUse60", P3, 0.60, 1800, group_priority=1, alert_group="disk", requirement="A-P3-RES-60"
    ),
    _step(
        "DiskUse75", P2, 0.75, 900, group_priority=2, alert_group="disk", requirement="A-P2-RES-70"
    ),
    _step(
        "DiskUse80", P2, 0.80, 600, group_priority=3, alert_group="disk", requirement="A-P2-RES-80"
    ),
    _step(
        "DiskAlmostFull",
        P1,
        0.90,
        120,
        group_priority=5,
        alert_group="disk",
        requirement="A-P1-DISK",
    ),
)
