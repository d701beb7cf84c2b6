"""Which programs `dexwatch up` runs beside its roles, and the files that they are given."""

import socket
from collections.abc import Iterable
from pathlib import Path

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import File, Program
from dexwatch.daemons.programs.alertmanager import Hook, alertmanager, alertmanager_files
from dexwatch.daemons.programs.exporters import exporters
from dexwatch.daemons.programs.prometheus import prometheus, prometheus_files
from dexwatch.daemons.programs.scrape import RoleTarget
from dexwatch.metrics.profile import EvaluationProfile


def plan(
    config: DaemonsConfig,
    *,
    folder: Path,
    profile: EvaluationProfile,
    rules: str,
    roles: Iterable[RoleTarget],
    hook: Hook,
    extra_rules: Iterable[Path] = (),
) -> tuple[Program, ...]:
    """Return the programs that `dexwatch up` has to run beside its roles; none in external mode.

    `rules` is the rule file's text, `roles` our own processes with metrics, `hook` our door.
    """
    if config.mode == "external":
        return ()
    folder = folder.resolve()
    files = render_prometheus(
        config, profile=profile, rules=rules, roles=roles, extra_rules=extra_rules
    )
    return (
        alertmanager(config, folder=folder, files=render_alertmanager(profile=profile, hook=hook)),
        prometheus(config, folder=folder, profile=profile, files=files),
        *exporters(config, folder=folder),
    )


def render_prometheus(
    config: DaemonsConfig,
    *,
    profile: EvaluationProfile,
    rules: str,
    roles: Iterable[RoleTarget],
    extra_rules: Iterable[Path] = (),
) -> tuple[File, ...]:
    """Return Prometheus' files, for our own or, by `dexwatch export prometheus`, for yours."""
    return prometheus_files(
        config,
        profile=profile,
        rules=rules,
        roles=roles,
        host=socket.gethostname(),
        extra_rules=extra_rules,
    )


def render_alertmanager(*, profile: EvaluationProfile, hook: Hook) -> tuple[File, ...]:
    """Return Alertmanager's files, for our own or, by `dexwatch export alertmanager`, for yours."""
    return alertmanager_files(profile=profile, hook=hook)
