"""All scrape jobs of Prometheus, put together: our roles, exporters, daemons, the targets."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters import EXPORTERS
from dexwatch.daemons.exporters.exporter import Scrape
from dexwatch.daemons.program import File
from dexwatch.daemons.programs.authentication import asked
from dexwatch.daemons.programs.scrape import (
    IDENTITY_FILE,
    RoleTarget,
    daemon_job,
    roles_job,
    target_jobs,
)
from dexwatch.daemons.programs.secrets import Secrets, alertmanager_access, prometheus_access
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.scrape_class import ScrapeClass


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
    targets = tuple(roles)
    jobs = [roles_job(targets, profile, each) | keys for each in ScrapeClass]
    embedded = config.mode == "embedded"
    for exporter in EXPORTERS:
        if exporter.wanted(config) and (embedded or exporter.elsewhere):
            asks = keys if exporter.by_password and embedded else {}
            scrape = Scrape(config, profile, host, secrets)
            jobs += [job | asks for job in exporter.jobs(scrape)]
    for name, url, access in (
        ("prometheus", config.prometheus_url, prometheus_access(config, secrets.access)),
        ("alertmanager", config.alertmanager_url, alertmanager_access(config, secrets.access)),
    ):
        own, more = asked(access, name)
        jobs.append(daemon_job(name, urlsplit(url), profile) | own)
        files += more
    if secrets.identity:
        files += (File(IDENTITY_FILE, secrets.identity, secret=True),)
    for job, more in target_jobs(config.targets, profile):
        jobs.append(job)
        files += more
    return [job for job in jobs if job["static_configs"]], files
