"""Infrastructure: do hosts, databases, cache, load balancer and network have room to work?"""

from dataclasses import replace
from functools import partial

from dexwatch.dashboards import sources
from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Query, Section, Threshold
from dexwatch.dashboards.queries import increase, one, rate
from dexwatch.dashboards.sections import host_panels as hosts
from dexwatch.dashboards.sections.store_panels import POSTGRES, REDIS
from dexwatch.metrics import chain, host, nginx, own, probes, prometheus
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.scrape_class import HIGH

BALANCER_PROBES = probes.success.where('class=~"lb|upstream"')
LB_EMPTY = "No load balancer is scraped; check daemons.nginx.targets and Targets."

COMPUTE = (
    replace(hosts.CPU, width=4),
    replace(hosts.MEMORY, width=4),
    replace(hosts.DISK, width=4),
    hosts.LOAD,
    hosts.PROCESSES,
    hosts.DISK_IO,
)

balancer_panel = partial(Panel, empty=LB_EMPTY, source=sources.NGINX)

BALANCER = (
    balancer_panel(
        "lb-up",
        "Load balancer and its upstreams",
        (
            Query(f"min by (instance) ({nginx.up})", "{{instance}}"),
            Query(f"min by (instance) ({BALANCER_PROBES})", "{{instance}} · probe"),
        ),
        Unit.BOOLEAN,
        "All up.",
        ("C-LB-EXP", "A-P0-LB-DOWN", "M-LB"),
        kind=PanelKind.STATUS,
    ),
    balancer_panel(
        "lb-requests",
        "Requests per second",
        one(rate(nginx.requests, by=("instance",), scrape_class=HIGH), "{{instance}}"),
        Unit.PER_SECOND,
        "Follows the users' day.",
        ("M-LB",),
    ),
    balancer_panel(
        "lb-connections",
        "Connections",
        (
            Query(f"sum({nginx.reading})", "reading"),
            Query(f"sum({nginx.writing})", "answering"),
            Query(f"sum({nginx.waiting})", "idle"),
        ),
        Unit.COUNT,
        "Few are answering at once; a pile of them means slow upstreams.",
        ("M-LB", "M-HTTP-ACTIVE"),
        stacked=True,
    ),
)

NETWORK = (
    replace(hosts.NETWORK, title="Bandwidth", width=4),
    hosts.PACKETS,
    hosts.PROBE_LATENCY,
    hosts.LOSS,
    hosts.NETWORK_ERRORS,
    hosts.CONNECTIONS,
)

STORAGE = (
    Panel(
        "filesystems",
        "File systems",
        (
            Query(
                f"max by (host, mountpoint) ({host.filesystem_size.where(*hosts.DISKS)})",
                "{{host}} · {{mountpoint}}",
            ),
            Query(
                f"max by (host, mountpoint) ({host.filesystem_available.where(*hosts.DISKS)})",
                "{{host}} · {{mountpoint}}",
            ),
            Query(hosts.DISK.queries[0].expression, "{{host}} · {{mountpoint}}"),
        ),
        Unit.BYTES,
        "Each has a quarter of its room left.",
        ("M-SYS-DISK", "M-STORAGE"),
        kind=PanelKind.TABLE,
        empty=hosts.HOST_EMPTY,
        source=sources.HOSTS,
        columns=(("Size", Unit.BYTES), ("Free", Unit.BYTES), ("Used", Unit.RATIO)),
        limit=20,
    ),
    hosts.GROWTH,
    hosts.DISK_OPERATIONS,
)

WATCHING = (
    Panel(
        "daemons",
        "Our own programs",
        one(f"min by (daemon) ({own.daemon_up})", "{{daemon}}"),
        Unit.BOOLEAN,
        "All up.",
        ("U-DAILY",),
        kind=PanelKind.STATUS,
        empty="No supervised program reports; check daemons.mode, which may be external.",
        limit=16,
    ),
    Panel(
        "collectors",
        "Collectors",
        one(f"min by (collector) ({own.collector_success})", "{{collector}}"),
        Unit.BOOLEAN,
        "Each succeeded last time.",
        ("C-CUSTOM-EXP", "U-DAILY"),
        kind=PanelKind.STATUS,
        empty="The watch role is not scraped; check Targets.",
        limit=16,
    ),
    Panel(
        "blocks-not-consumed",
        "Stored blocks not taken yet",
        one(f"max by (consumer) ({chain.consumer_lag})", "{{consumer}}"),
        Unit.COUNT,
        "One or two; a growing line means that metrics and rules fall behind the chain.",
        ("M-NODE-SYNC", "U-DAILY"),
        empty="The watch role is not scraped; check Targets.",
        thresholds=(Threshold(40, Level.CRITICAL, "what is shown is old"),),
    ),
    Panel(
        "own-troubles",
        "What dexwatch set aside, lost or refused",
        (
            Query(f"max({own.quarantined})", "quarantined jobs and events"),
            Query(
                increase(own.receiver_requests, 'outcome="in_part"', window="1h"),
                "requests taken in part, 1 h",
            ),
            Query(
                increase(own.daemon_supervision_failures, window="1h"), "failed supervision, 1 h"
            ),
            Query(f"1 - max({own.config_reload_successful})", "refused reload in force"),
            Query(f"1 - max({chain.block_store_durable})", "blocks only in memory"),
            Query(f"max({own.retention_clock_step} > bool 0)", "retention held by the clock"),
        ),
        Unit.COUNT,
        "All at zero; what was quarantined stays counted until it is deleted with its age.",
        ("U-DAILY",),
        empty="No role is scraped; check Targets.",
        thresholds=(Threshold(0, Level.WARNING, "read the runbook of the alert on it"),),
    ),
    Panel(
        "ingest",
        "Samples stored per second",
        one(rate(prometheus.samples_appended, scrape_class=HIGH), "samples"),
        Unit.PER_SECOND,
        "Flat; a fall to zero means that Prometheus is blind.",
        ("C-PROMETHEUS", "U-DAILY"),
        empty="Prometheus does not scrape itself; check Targets.",
        thresholds=(Threshold(1, Level.CRITICAL, "nothing is stored", below=True),),
    ),
)

INFRASTRUCTURE = Board(
    "infrastructure",
    "Infrastructure",
    "Do hosts, databases, cache, load balancer and network have room to work?",
    60,
    (
        Section("Compute", COMPUTE),
        Section("Load balancer", BALANCER),
        Section("PostgreSQL", POSTGRES),
        Section("Redis", REDIS),
        Section("Network", NETWORK),
        Section("Storage", STORAGE),
        Section("The monitoring itself", WATCHING),
    ),
    "D-INFRA",
)
