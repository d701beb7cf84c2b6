"""What one exporter is to the rest: a line of the registry, from which all else follows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dexwatch.clients.probing import Probe
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import Program
from dexwatch.daemons.programs.secrets import Secrets
from dexwatch.metrics.profile import EvaluationProfile

THRIFT = {"GOMAXPROCS": "1", "GOGC": "50"}
"""Exporters are idle nearly always; small heaps matter more than their speed."""


@dataclass(frozen=True)
class Plan:
    """What an exporter is planned with."""

    config: DaemonsConfig
    folder: Path
    secrets: Secrets


@dataclass(frozen=True)
class Scrape:
    """What its scrape jobs are made from; `host` is the name of this machine."""

    config: DaemonsConfig
    profile: EvaluationProfile
    host: str
    secrets: Secrets


@dataclass(frozen=True)
class Exporter:
    """An exporter that others wrote and we run."""

    package: str
    """The Debian package, which is also the name of its binary."""
    wanted: Callable[[DaemonsConfig], bool]
    """Has it something to look at?"""
    programs: Callable[[Plan], Sequence[Program]]
    jobs: Callable[[Scrape], Sequence[dict[str, Any]]]
    """Its scrape jobs, without what is asked of Prometheus."""
    probes: Callable[[DaemonsConfig], Iterable[Probe]] = lambda _: ()
    """What `dexwatch doctor` tries besides that its package is there, below the name of each."""
    by_password: bool = True
    """It asks for our name and password; else its jobs say what it asks for."""
    elsewhere: bool = True
    """Can the operator's own stand at its port in external mode?"""
