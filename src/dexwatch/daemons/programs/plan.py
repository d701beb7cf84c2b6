"""Which programs `dexwatch up` runs beside its roles, and the files that they are given."""

import socket
from collections.abc import Iterable
from pathlib import Path

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters import EXPORTERS
from dexwatch.daemons.exporters.exporter import Plan
from dexwatch.daemons.program import Program
from dexwatch.daemons.programs.alertmanager import Webhook, alertmanager, alertmanager_files
from dexwatch.daemons.programs.prometheus import prometheus, prometheus_files
from dexwatch.daemons.programs.scrape import RoleTarget
from dexwatch.daemons.programs.secrets import Secrets
from dexwatch.metrics.profile import EvaluationProfile


def plan(
    config: DaemonsConfig,
    *,
    folder: Path,
    profile: EvaluationProfile,
    rules: str,
    roles: Iterable[RoleTarget],
    webhook: Webhook,
    secrets: Secrets,
    extra_rules: Iterable[Path] = (),
) -> tuple[Program, ...]:
    """Return the programs that `dexwatch up` has to run beside its roles; none in external mode.

    `rules` is the rule file's text, `roles` our own processes with metrics, `webhook` our receiver.
    """
    if config.mode == "external":
        return ()
    folder = folder.resolve()
    access = secrets.access
    files = prometheus_files(
        config,
        profile=profile,
        rules=rules,
        roles=roles,
        host=socket.gethostname(),
        secrets=secrets,
        extra_rules=extra_rules,
    )
    routed = alertmanager_files(profile=profile, webhook=webhook)
    return (
        alertmanager(config, folder=folder, files=routed, access=access),
        prometheus(config, folder=folder, profile=profile, files=files, access=access),
        *(
            program
            for exporter in EXPORTERS
            if exporter.wanted(config)
            for program in exporter.programs(Plan(config, folder, secrets))
        ),
    )
