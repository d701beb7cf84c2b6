"""What the supervisor would run for a configuration, without running it."""

from pathlib import Path

from pydantic import SecretStr
from ruamel.yaml import YAML

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import Program
from dexwatch.daemons.programs.alertmanager import Webhook
from dexwatch.daemons.programs.plan import plan
from dexwatch.daemons.programs.scrape import RoleTarget
from dexwatch.metrics.profile import PRODUCTION, EvaluationProfile
from dexwatch.metrics.scrape_class import ScrapeClass
from tests.fakes.stack import SECRETS

WEBHOOK = Webhook("http://127.0.0.1:8903/hooks/alertmanager", SecretStr("geheim"))
ROLES = (
    RoleTarget("watch", "http://127.0.0.1:8910", ScrapeClass.CRITICAL),
    RoleTarget("respond", "http://127.0.0.1:8903", ScrapeClass.HIGH),
    RoleTarget("supervisor", "http://127.0.0.1:8911", ScrapeClass.HIGH),
)
FULL = {
    "postgres": {"targets": [{"name": "platform", "dsn": "postgresql://ana:geheim@127.0.0.1/dex"}]},
    "redis": {"targets": [{"name": "cache", "url": "redis://:geheim@127.0.0.1:6379"}]},
    "nginx": {"targets": [{"name": "edge", "status_url": "http://127.0.0.1/stub_status"}]},
    "targets": [
        {
            "job": "exchange",
            "address": "127.0.0.1:9000",
            "scrape_class": "critical",
            "token": "geheim",
        },
        {"job": "ledger", "address": "127.0.0.1:9001", "scrape_class": "historical"},
    ],
    "probes": [{"name": "api", "kind": "http", "target": "http://127.0.0.1/", "class": "api"}],
}
"""One of everything."""


def planned(
    document: dict,
    folder: Path,
    *,
    profile: EvaluationProfile = PRODUCTION,
    rules: str = "groups: []",
) -> dict[str, Program]:
    """Return the programs by name."""
    config = DaemonsConfig.model_validate(document)
    programs = plan(
        config,
        folder=folder,
        profile=profile,
        rules=rules,
        roles=ROLES,
        webhook=WEBHOOK,
        secrets=SECRETS,
    )
    return {program.name: program for program in programs}


def jobs(document: dict, folder: Path, profile: EvaluationProfile = PRODUCTION) -> dict[str, dict]:
    """Return the scrape jobs of the Prometheus configuration by name."""
    prometheus = planned(document, folder, profile=profile)["prometheus"]
    text = next(file.content for file in prometheus.files if file.name == "prometheus.yml")
    return {job["job_name"]: job for job in YAML(typ="safe").load(text)["scrape_configs"]}
