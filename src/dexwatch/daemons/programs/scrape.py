"""What Prometheus collects: scrape jobs from our settings, each with its interval and its limits.

Every series carries `job` and `instance`; hosts and targets may add `host`, `service`, `alerting`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from dexwatch.clients.access import Access
from dexwatch.daemons.config import DaemonsConfig, ProbeConfig, TargetConfig
from dexwatch.daemons.program import File
from dexwatch.daemons.programs.authentication import asked
from dexwatch.daemons.programs.secrets import Secrets, alertmanager_access, prometheus_access
from dexwatch.metrics.profile import EvaluationProfile, duration
from dexwatch.metrics.scrape_class import ScrapeClass

LOOPBACK = "127.0.0.1"
IDENTITY_FILE = "loopback.pem"
SAMPLE_LIMIT = 20_000
"""Series a target may expose; past it the whole scrape is refused and `up` turns 0."""
PROBE_LIMIT = 200
TARGET_LIMIT = 500
BODY_LIMIT = "16MB"
TIMEOUT_MOST_MS = 10_000
POSTGRES_LEAST_MS = 2_000
"""postgres_exporter 0.11 sleeps for a second before it says that the database is down."""


_HOUSEKEEPING = "go_(gc|memstats|sched).*|promhttp_.*"
"""Every Go exporter tells its own memory statistics, which nobody reads here."""


@dataclass(frozen=True)
class RoleTarget:
    """One of our own processes that exposes metrics, at the address that others use."""

    name: str
    url: str
    scrape_class: ScrapeClass


def scrape_jobs(
    config: DaemonsConfig,
    *,
    profile: EvaluationProfile,
    roles: Iterable[RoleTarget],
    host: str,
    secrets: Secrets,
) -> tuple[list[dict[str, Any]], tuple[File, ...]]:
    """Return the `scrape_configs` of Prometheus, and the secret files that they refer to.

    `host` is the name of this machine.
    """
    keys, files = asked(secrets.access, "dexwatch")
    ours = [_roles(tuple(roles), profile, scrape_class) for scrape_class in ScrapeClass]
    jobs = []
    if config.node.enabled:
        group = _group(
            config, config.node.port, {"instance": host, "host": host} | config.node.labels
        )
        jobs.append(_job("node", ScrapeClass.STANDARD, profile, groups=[group]))
    jobs += [_probes(config, profile, scrape_class) for scrape_class in ScrapeClass]
    jobs.append(_postgres(config, profile))
    if config.mode == "embedded":
        ours += [*jobs, _nginx(config, profile)]
        jobs = []
    jobs += [job | keys for job in ours]
    for name, url, access in (
        ("prometheus", config.prometheus_url, prometheus_access(config, secrets.access)),
        ("alertmanager", config.alertmanager_url, alertmanager_access(config, secrets.access)),
    ):
        own, more = asked(access, name)
        jobs.append(_daemon(name, urlsplit(url), profile) | own)
        files += more
    jobs.append(_redis(config, profile, secrets.identity))
    if secrets.identity:
        files += (File(IDENTITY_FILE, secrets.identity, secret=True),)
    for job, more in _targets(config.targets, profile):
        jobs.append(job)
        files += more
    return [job for job in jobs if job["static_configs"]], files


def _job(
    name: str,
    scrape_class: ScrapeClass,
    profile: EvaluationProfile,
    *,
    groups: list[dict[str, Any]],
    sample_limit: int = SAMPLE_LIMIT,
    least_ms: int = 0,
    **more: Any,  # noqa: ANN401 - further keys of the job.
) -> dict[str, Any]:
    interval = max(least_ms, profile.scrape_ms(scrape_class))
    return {
        "job_name": name,
        "scrape_interval": duration(interval),
        # Shorter than the interval, so that a slow target cannot delay its own next scrape.
        "scrape_timeout": duration(min(TIMEOUT_MOST_MS, interval * 9 // 10)),
        # A target's own timestamps could lie far in the past or future and would block its series.
        "honor_timestamps": False,
        "sample_limit": sample_limit,
        "target_limit": TARGET_LIMIT,
        "label_limit": 40,
        "label_name_length_limit": 120,
        "label_value_length_limit": 1024,
        "body_size_limit": BODY_LIMIT,
        **more,
        "static_configs": groups,
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": _HOUSEKEEPING, "action": "drop"}
        ],
    }


def _group(config: DaemonsConfig, port: int, labels: Mapping[str, str]) -> dict[str, Any]:
    host = config.exporters_host if config.mode == "external" else LOOPBACK
    return {"targets": [f"{host}:{port}"], "labels": dict(labels)}


def _roles(
    roles: tuple[RoleTarget, ...], profile: EvaluationProfile, scrape_class: ScrapeClass
) -> dict[str, Any]:
    groups = []
    for role in roles:
        if role.scrape_class is not scrape_class:
            continue
        url = urlsplit(role.url)
        labels = {"job": "dexwatch", "role": role.name, "instance": role.name}
        if url.scheme != "http":
            labels["__scheme__"] = url.scheme
        groups.append({"targets": [url.netloc], "labels": labels})
    return _job(f"dexwatch-{scrape_class}", scrape_class, profile, groups=groups)


def _daemon(name: str, url: SplitResult, profile: EvaluationProfile) -> dict[str, Any]:
    """Prometheus or Alertmanager itself: ours, or in external mode the operator's."""
    labels = {
        "job": name,
        "instance": name,
        "__scheme__": url.scheme,
        "__metrics_path__": f"{url.path}/metrics",
    }
    group = {"targets": [url.netloc], "labels": labels}
    return _job(name, ScrapeClass.STANDARD, profile, groups=[group])


# PostgreSQL, Redis and nginx: their being down is a P0, so they get the shortest interval.
def _postgres(config: DaemonsConfig, profile: EvaluationProfile) -> dict[str, Any]:
    groups = [
        _group(
            config, target.port or config.postgres.port, {"instance": target.name} | target.labels
        )
        for target in config.postgres.targets
    ]
    return _job(
        "postgres", ScrapeClass.CRITICAL, profile, groups=groups, least_ms=POSTGRES_LEAST_MS
    )


def _nginx(config: DaemonsConfig, profile: EvaluationProfile) -> dict[str, Any]:
    """The supervisor hands on what the exporter gives at its Unix socket."""
    supervisor = urlsplit(config.supervisor.local_url).netloc
    groups = [
        {
            "targets": [supervisor],
            "labels": {
                "instance": target.name,
                "__metrics_path__": relayed_path(nginx_name(target.name)),
            }
            | target.labels,
        }
        for target in config.nginx.targets
    ]
    return _job("nginx", ScrapeClass.CRITICAL, profile, groups=groups)


def nginx_name(target: str) -> str:
    """Return the name of the exporter that looks at this nginx."""
    return f"nginx-exporter-{target}"


def relayed_path(program: str) -> str:
    """Return where the supervisor hands on the metrics of a program without a port."""
    return f"/programs/{program}/metrics"


def _redis(config: DaemonsConfig, profile: EvaluationProfile, identity: str) -> dict[str, Any]:
    groups = [
        _group(
            config,
            config.redis.port,
            {"__param_target": redis_address(target.url.get_secret_value())[0]}
            | {"instance": target.name}
            | target.labels,
        )
        for target in config.redis.targets
    ]
    keys: dict[str, Any] = {"metrics_path": "/scrape"}
    if identity:
        names = ("ca_file", "cert_file", "key_file")
        keys |= {"scheme": "https", "tls_config": dict.fromkeys(names, IDENTITY_FILE)}
    return _job("redis", ScrapeClass.CRITICAL, profile, groups=groups, **keys)


def redis_address(url: str) -> tuple[str, str]:
    """Split a Redis URL into the address without password, and the password ("" if there is none).

    >>> redis_address("redis://:geheim@127.0.0.1:6379")
    ('redis://127.0.0.1:6379', 'geheim')
    """
    scheme, _, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    shown = f"{user}@{address}" if at and user else address
    return f"{scheme}://{shown}", password


def _probes(
    config: DaemonsConfig, profile: EvaluationProfile, scrape_class: ScrapeClass
) -> dict[str, Any]:
    groups = [
        _group(
            config,
            config.blackbox.port,
            # The exporter's parameters are target labels here, which no relabelling can garble.
            {"__param_target": probe.server or probe.target, "__param_module": module_of(probe)}
            | {"job": "probe", "instance": probe.name, "class": probe.probe_class}
            | probe.labels,
        )
        for probe in config.all_probes
        if probe.scrape_class is scrape_class
    ]
    return _job(
        f"probe-{scrape_class}",
        scrape_class,
        profile,
        groups=groups,
        sample_limit=PROBE_LIMIT,
        metrics_path="/probe",
    )


def module_of(probe: ProbeConfig) -> str:
    """Return the name of the blackbox module that carries out this probe."""
    return f"dns_{probe.name}" if probe.kind == "dns" else probe.kind


def _targets(
    targets: tuple[TargetConfig, ...], profile: EvaluationProfile
) -> list[tuple[dict[str, Any], tuple[File, ...]]]:
    """One job for each job name and scrape_class; a target with a token has one of its own."""
    jobs: dict[tuple[str, ScrapeClass, int], list[dict[str, Any]]] = {}
    for index, target in enumerate(targets):
        key = (target.job, target.scrape_class, -1 if target.token is None else index)
        labels = {"job": target.job, "__metrics_path__": target.path, "__scheme__": target.scheme}
        group = {"targets": [target.address], "labels": labels | target.labels}
        jobs.setdefault(key, []).append(group)
    rendered = []
    for (name, scrape_class, index), groups in jobs.items():
        access = Access(token=targets[index].token) if index >= 0 else Access()
        keys, files = asked(access, f"target-{index}")
        title = f"target-{name}-{scrape_class}" + (f"-{index}" if index >= 0 else "")
        rendered.append((_job(title, scrape_class, profile, groups=groups) | keys, files))
    return rendered
