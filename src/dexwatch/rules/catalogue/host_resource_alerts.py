"""Processor, memory and disk of each host: three alert groups from 60 per cent upwards."""

from dataclasses import dataclass

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

CPU_WORDS = "The processors of {{ $labels.host }} are {value} busy; the threshold is {threshold}."
MEMORY_WORDS = "The memory of {{ $labels.host }} is {value} full; the threshold is {threshold}."
DISK_WORDS = (
    "The disk of {{ $labels.host }} at {{ $labels.mountpoint }} is {value} full;"
    " the threshold is {threshold}."
)
CPU_WHY = "Load comes in bursts: the higher the priority, the shorter the burst that is forgiven."
MEMORY_WHY = "Memory goes up and down with requests; what stays for the hold is not a peak."
DISK_WHY = "A disk fills slowly; the hold outlasts temporary files of sorts and dumps."


@dataclass(frozen=True)
class _Step:
    """One rule of a group: from this share on, for so long."""

    rule_id: str
    alert_group: str
    group_priority: int
    severity: Severity
    threshold: float
    for_seconds: float
    requirements: tuple[str, ...]


def _rule(step: _Step) -> AlertRule:
    recorded, words, why, runbook = _GROUPS[step.alert_group]
    return AlertRule(
        id=step.rule_id,
        severity=step.severity,
        component=Component.HOSTS,
        alert_group=step.alert_group,
        group_priority=step.group_priority,
        value=lambda _: recorded.where(ALERTING),
        threshold=step.threshold,
        unit=Unit.RATIO,
        for_seconds=step.for_seconds,
        keep_firing_seconds=180,
        why=f"{why} Three minutes of keeping bridge a lost scrape and a dip.",
        summary=words,
        description=recorded.help,
        runbook=runbook,
        requirements=step.requirements,
    )


_GROUPS: dict[str, tuple[RecordingRule, str, str, Runbook]] = {
    "cpu": (recorded.cpu_used, CPU_WORDS, CPU_WHY, CPU_BUSY),
    "memory": (recorded.memory_used, MEMORY_WORDS, MEMORY_WHY, MEMORY_SHORT),
    "disk": (recorded.disk_used, DISK_WORDS, DISK_WHY, DISK_FILLS),
}

P1, P2, P3 = Severity.P1, Severity.P2, Severity.P3


_STEPS = (
    _Step("CpuUse60", "cpu", 1, P3, 0.60, 1800, ("A-P3-RES-60",)),
    _Step("CpuUse70", "cpu", 2, P2, 0.70, 600, ("A-P2-RES-70",)),
    _Step("CpuUse80", "cpu", 3, P2, 0.80, 300, ("A-P2-RES-80",)),
    _Step("CpuHigh", "cpu", 4, P1, 0.85, 120, ("A-P1-CPU",)),
    _Step("MemoryUse60", "memory", 1, P3, 0.60, 1800, ("A-P3-RES-60",)),
    _Step("MemoryUse75", "memory", 2, P2, 0.75, 600, ("A-P2-RES-70",)),
    _Step("MemoryUse80", "memory", 3, P2, 0.80, 300, ("A-P2-RES-80",)),
    _Step("MemoryHigh", "memory", 4, P1, 0.85, 120, ("A-P1-MEM", "A-P1-LAT-500MS")),
    _Step("MemoryCritical", "memory", 5, P1, 0.90, 60, ("A-P1-MEM",)),
    _Step("DiskUse60", "disk", 1, P3, 0.60, 1800, ("A-P3-RES-60",)),
    _Step("DiskUse75", "disk", 2, P2, 0.75, 900, ("A-P2-RES-70",)),
    _Step("DiskUse80", "disk", 3, P2, 0.80, 600, ("A-P2-RES-80",)),
    _Step("DiskAlmostFull", "disk", 5, P1, 0.90, 120, ("A-P1-DISK",)),
)
HOST_ALERTS = tuple(_rule(step) for step in _STEPS)
