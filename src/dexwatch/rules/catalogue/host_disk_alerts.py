"""What goes wrong with a host's disks besides filling: inodes, forecasts, read-only, busy."""

from dexwatch.metrics import host, prometheus
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.scrape_class import STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.catalogue.host_fault_alerts import host_fault
from dexwatch.rules.catalogue.host_resource_alerts import ALERTING

P1, P2 = Severity.P1, Severity.P2

DISKS = (host.REAL_FILESYSTEMS, ALERTING)
READ_ONLY = host.filesystem_readonly.where(*DISKS)


def _was_writable(profile: EvaluationProfile) -> str:
    day = profile.window(86_400, STANDARD)
    told = prometheus.alerts.where('alertname="FilesystemReadOnly"', 'alertstate="firing"')
    return (
        "and on (host, mountpoint) ("
        f"min by (host, mountpoint) (min_over_time({READ_ONLY}[{day}])) == 0"
        f" or on (host, mountpoint) last_over_time({told}[1h]))"
    )


def _still_filling(profile: EvaluationProfile) -> str:
    """Keep a forecast to what is neither nearly full nor freed since its fullest."""
    used, window = recorded.disk_used.where(ALERTING), profile.window(21_600, STANDARD)
    return (
        f"and on (host, mountpoint) {used} < 0.9\n"
        f"and on (host, mountpoint) {used} > 0.95 * max_over_time({used}[{window}])"
    )


DISK_ALERTS = (
    host_fault(
        "InodesAlmostUsedUp",
        lambda _: (
            "1 - max by (host, mountpoint) ("
            f"{host.filesystem_files_free.where(*DISKS)}) / max by (host, mountpoint) ("
            f"{host.filesystem_files.where(*DISKS)} > 0)"
        ),
        severity=P1,
        alert_group="inodes",
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
    host_fault(
        "DiskFillsWithinADay",
        lambda p: (
            "min by (host, mountpoint) (predict_linear("
            f"{host.filesystem_available.where(*DISKS)}[{p.window(21_600, STANDARD)}],"
            f" {4 * p.window_seconds(21_600, STANDARD):g}))"
        ),
        severity=P2,
        alert_group="disk",
        group_priority=4,
        condition=_still_filling,
        operator="<",
        unit=Unit.BYTES,
        for_seconds=3600,
        why=(
            "Six hours give the trend, and for an hour it must point to full without a break."
            " Above 90 per cent DiskAlmostFull speaks; what has been freed since fills no more."
        ),
        summary="At this rate {{ $labels.mountpoint }} of {{ $labels.host }} is full in a day.",
        description="The straight line through the last {6h} meets zero within a day.",
        meaning="At its present rate the volume is full within a day.",
        check=("See what grows, and whether it will stop by itself.",),
        fix=("Clean up, or enlarge the volume in time.",),
        requirement="M-STORAGE",
    ),
    host_fault(
        "FilesystemReadOnly",
        lambda _: f"max by (host, mountpoint) ({READ_ONLY})",
        condition=_was_writable,
        severity=P1,
        alert_group="disk-readonly",
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
    host_fault(
        "DiskBusy",
        lambda p: (
            "max by (host, device) (rate("
            f"{host.disk_io_seconds.where(ALERTING)}[{p.window(300, STANDARD)}]))"
        ),
        severity=P2,
        alert_group="disk-busy",
        threshold=0.95,
        unit=Unit.RATIO,
        for_seconds=900,
        why="A backup keeps a disk busy for minutes; a quarter of an hour hurts.",
        summary=(
            "{{ $labels.device }} of {{ $labels.host }} is {value} busy; threshold {threshold}."
        ),
        description="Reads and writes queue up behind each other.",
        check=("See which process reads or writes most (iotop).",),
        fix=("Move the backup or report to a quieter hour.", "Use a faster volume."),
        requirement="M-SYS-DISK",
    ),
)
