"""What Prometheus collects: scrape jobs from our settings, each with its interval and its limits.

Every series carries `job` and `instance`; hosts and targets may add `host`, `service`, `alerting`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dexwatch.daemons.config import DaemonsConfig, ProbeConfig, TargetConfig
from dexwatch.daemons.program import File
from dexwatch.metrics.profile import EvaluationProfile, duration
from dexwatch.metrics.scrape_class import ScrapeClass

LOOPBACK = "127.0.0.1"
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
    config: DaemonsConfig, *, profile: EvaluationProfile, roles: Iterable[RoleTarget], host: str
) -> list[dict[str, Any]]:
    """Return the `scrape_configs` of Prometheus. `host` is the name of this machine."""
    jobs = [_roles(tuple(roles), profile, scrape_class) for scrape_class in ScrapeClass]
    jobs += [_own(config, profile)]
    if config.node.enabled:
        group = _group(config.node.port, {"instance": host, "host": host} | config.node.labels)
        jobs.append(_job("node", ScrapeClass.STANDARD, profile, groups=[group]))
    jobs += [_probes(config, profile, scrape_class) for scrape_class in ScrapeClass]
    jobs += _stores(config, profile)
    jobs += _targets(config.targets, profile)
    return [job for job in jobs if job["static_configs"]]


def secret_files(config: DaemonsConfig) -> tuple[File, ...]:
    """Return the files with the tokens that `scrape_jobs` refers to."""
    return tuple(
        File(_token_file(index), target.token.get_secret_value(), secret=True)
        for index, target in enumerate(config.targets)
        if target.token is not None
    )


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


def _group(port: int, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"targets": [f"{LOOPBACK}:{port}"], "labels": dict(labels)}


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


def _own(config: DaemonsConfig, profile: EvaluationProfile) -> dict[str, Any]:
    """Prometheus and Alertmanager themselves: ours, or in external mode the operator's."""
    groups = [
        {
            "targets": [url.netloc],
            "labels": {
                "job": name,
                "instance": name,
                "__scheme__": url.scheme,
                "__metrics_path__": f"{url.path}/metrics",
            },
        }
        for name, url in (
            ("prometheus", urlsplit(config.prometheus_url)),
            ("alertmanager", urlsplit(config.alertmanager_url)),
        )
    ]
    return _job("own-daemons", ScrapeClass.STANDARD, profile, groups=groups)


def _stores(config: DaemonsConfig, profile: EvaluationProfile) -> list[dict[str, Any]]:
    """PostgreSQL, Redis and nginx: their being down is a P0, so they get the shortest interval."""
    postgres = [
        _group(target.port or config.postgres.port, {"instance": target.name} | target.labels)
        for target in config.postgres.targets
    ]
    nginx = [
        _group(target.port or config.nginx.port, {"instance": target.name} | target.labels)
        for target in config.nginx.targets
    ]
    redis = [
        _group(
            config.redis.port,
            {"__param_target": redis_address(target.url.get_secret_value())[0]}
            | {"instance": target.name}
            | target.labels,
        )
        for target in config.redis.targets
    ]
    return [
        _job(
            "postgres", ScrapeClass.CRITICAL, profile, groups=postgres, least_ms=POSTGRES_LEAST_MS
        ),
        _job("redis", ScrapeClass.CRITICAL, profile, groups=redis, metrics_path="/scrape"),
        _job("nginx", ScrapeClass.CRITICAL, profile, groups=nginx),
    ]


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
            config.blackbox.port,
            # The exporter's parameters are target labels here, which no relabelling can garble.
            {"__param_target": probe.server or probe.target, "__param_module": module_of(probe)}
            | {"job": "probe", "instance": probe.name, "class": probe.probe_class}
            | probe.labels,
        )
        for probe in config.looks
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


def _targets(targets: tuple[TargetConfig, ...], profile: EvaluationProfile) -> list[dict[str, Any]]:
    """One job for each job name and scrape_class; a target with a token has one of its own."""
    jobs: dict[tuple[str, ScrapeClass, int], list[dict[str, Any]]] = {}
    for index, target in enumerate(targets):
        key = (target.job, target.scrape_class, -1 if target.token is None else index)
        labels = {"job": target.job, "__metrics_path__": target.path, "__scheme__": target.scheme}
        group = {"targets": [target.address], "labels": labels | target.labels}
        jobs.setdefault(key, []).append(group)
    rendered = []
    for (name, scrape_class, index), groups in jobs.items():
        more: dict[str, Any] = {}
        if index >= 0:
            more["authorization"] = {"type": "Bearer", "credentials_file": _token_file(index)}
        title = f"target-{name}-{scrape_class}" + (f"-{index}" if index >= 0 else "")
        rendered.append(_job(title, scrape_class, profile, groups=groups, **more))
    return rendered


def _token_file(index: int) -> str:
    return f"target-{index}.token"
