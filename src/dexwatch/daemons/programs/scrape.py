"""What Prometheus collects: scrape jobs from our settings, each with its interval and its limits.

Every series carries `job` and `instance`; hosts and targets may add `host`, `service`, `alerting`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from dexwatch.clients.access import Access
from dexwatch.daemons.config import DaemonsConfig, TargetConfig
from dexwatch.daemons.program import File
from dexwatch.daemons.programs.authentication import asked
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


_HOUSEKEEPING = "go_(gc|memstats|sched).*|promhttp_.*"
"""Every Go exporter tells its own memory statistics, which nobody reads here."""


@dataclass(frozen=True)
class RoleTarget:
    """One of our own processes that exposes metrics, at the address that others use."""

    name: str
    url: str
    scrape_class: ScrapeClass


def job(
    name: str,
    scrape_class: ScrapeClass,
    profile: EvaluationProfile,
    *,
    groups: list[dict[str, Any]],
    sample_limit: int = SAMPLE_LIMIT,
    least_ms: int = 0,
    **more: Any,  # noqa: ANN401 - further keys of the job.
) -> dict[str, Any]:
    """Return a scrape job with the interval of its class and the limits of all."""
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


def group(config: DaemonsConfig, port: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return an exporter's target, on this machine or where yours run, with labels of its own."""
    host = config.exporters_host if config.mode == "external" else LOOPBACK
    return {"targets": [f"{host}:{port}"], "labels": dict(labels)}


def roles_job(
    roles: tuple[RoleTarget, ...], profile: EvaluationProfile, scrape_class: ScrapeClass
) -> dict[str, Any]:
    """Return the job of our own processes of one class."""
    groups = []
    for role in roles:
        if role.scrape_class is not scrape_class:
            continue
        url = urlsplit(role.url)
        labels = {"job": "dexwatch", "role": role.name, "instance": role.name}
        if url.scheme != "http":
            labels["__scheme__"] = url.scheme
        groups.append({"targets": [url.netloc], "labels": labels})
    return job(f"dexwatch-{scrape_class}", scrape_class, profile, groups=groups)


def daemon_job(name: str, url: SplitResult, profile: EvaluationProfile) -> dict[str, Any]:
    """Prometheus or Alertmanager itself: ours, or in external mode the operator's."""
    labels = {
        "job": name,
        "instance": name,
        "__scheme__": url.scheme,
        "__metrics_path__": f"{url.path}/metrics",
    }
    group = {"targets": [url.netloc], "labels": labels}
    return job(name, ScrapeClass.STANDARD, profile, groups=[group])


def target_jobs(
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
        rendered.append((job(title, scrape_class, profile, groups=groups) | keys, files))
    return rendered


def relayed_path(program: str) -> str:
    """Return the path under which the supervisor serves the metrics of a program without a port."""
    return f"/programs/{program}/metrics"
