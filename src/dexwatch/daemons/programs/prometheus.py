"""Prometheus: collects, stores, evaluates the rules."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from dexwatch.clients.access import Access
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import File, HttpReady, Port, Program
from dexwatch.daemons.programs.authentication import WEB_FLAG, asked, web_file
from dexwatch.daemons.programs.jobs import scrape_jobs
from dexwatch.daemons.programs.scrape import LOOPBACK, RoleTarget
from dexwatch.daemons.programs.secrets import Secrets, alertmanager_access
from dexwatch.daemons.programs.text import yaml
from dexwatch.metrics.profile import EvaluationProfile, duration
from dexwatch.metrics.scrape_class import ScrapeClass


def prometheus_files(
    config: DaemonsConfig,
    *,
    profile: EvaluationProfile,
    rules: str,
    roles: Iterable[RoleTarget] = (),
    host: str,
    secrets: Secrets,
    extra_rules: Iterable[Path] = (),
) -> tuple[File, ...]:
    """Return prometheus.yml, the rule file and the secret files that they refer to.

    `rules` is a rule file's text, `extra_rules` are rule files of the operator's own.
    """
    alertmanager = urlsplit(config.alertmanager_url)
    keys, asking = asked(alertmanager_access(config, secrets.access), "alertmanager")
    jobs, read = scrape_jobs(config, profile=profile, roles=roles, host=host, secrets=secrets)
    document = {
        "global": {
            "scrape_interval": duration(profile.scrape_ms(ScrapeClass.STANDARD)),
            "evaluation_interval": duration(profile.scrape_ms(ScrapeClass.STANDARD)),
        },
        "rule_files": ["rules.yml", *(str(path.resolve()) for path in extra_rules)],
        "alerting": {
            "alertmanagers": [
                {
                    "timeout": "5s",
                    "scheme": alertmanager.scheme,
                    "path_prefix": alertmanager.path or "/",
                    **keys,
                    "static_configs": [{"targets": [alertmanager.netloc]}],
                }
            ]
        },
        "scrape_configs": jobs,
    }
    return (
        File("prometheus.yml", yaml(document)),
        File("rules.yml", rules),
        *dict.fromkeys((*asking, *read)),
    )


_RESEND_LEAST_MS = 5_000


def prometheus(
    config: DaemonsConfig,
    *,
    folder: Path,
    profile: EvaluationProfile,
    files: tuple[File, ...],
    access: Access,
) -> Program:
    """Return the program; its data lie in `<folder>/prometheus`."""
    data = folder / "prometheus"
    address = f"{LOOPBACK}:{config.prometheus.port}"
    return Program(
        name="prometheus",
        requirements=("C-PROMETHEUS",),
        argv=(
            "prometheus",
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={data}",
            f"--storage.tsdb.retention.time={config.prometheus.retention_days}d",
            f"--storage.tsdb.retention.size={round(config.prometheus.retention_size_gb * 1000)}MB",
            f"--web.listen-address={address}",
            WEB_FLAG,
            f"--rules.alert.resend-delay={duration(_resend_ms(profile))}",
            # Nothing but our own processes asks it: no page of another origin may.
            "--web.cors.origin=^$",
            # Strangers' idle connections are many and short; those past the limit would wait.
            "--web.max-connections=4096",
            "--web.read-timeout=15s",
            # One careless query must not starve the rules.
            "--query.timeout=20s",
            "--query.max-concurrency=8",
            "--query.max-samples=20000000",
            "--log.level=warn",
        ),
        package="prometheus",
        folder=folder / "etc" / "prometheus",
        files=(*files, web_file(access)),
        checks=(("promtool", "check", "config", "prometheus.yml"),),
        data=(data,),
        ports=(Port("daemons.prometheus.port", config.prometheus.port),),
        ready=HttpReady(f"http://{address}/-/ready", access.header),
        # A killed Prometheus replays its write-ahead log before it is ready.
        ready_seconds=60.0,
        # Go lets the heap double before it collects; a third of that costs little and saves memory.
        env={"GOGC": "60"},
        reload_proof=HttpReady(f"http://{address}/metrics", access.header),
        stop_seconds=15.0,
    )


def _resend_ms(profile: EvaluationProfile) -> int:
    # For five seconds after a start or reload it knows no Alertmanager and drops what fires then.
    # Sent again so soon, such an alert is hardly late; four times as long, it outlives our silence.
    return max(_RESEND_LEAST_MS, 2 * profile.scrape_ms(ScrapeClass.CRITICAL))
