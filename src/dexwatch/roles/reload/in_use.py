"""The configuration files as they were when they were taken into use, kept in `<folder>/run`.

A role whose process ends is started again from these: the files may have been edited since, or
refused by another role. Secrets that stand in variables or files of their own are not kept; they
are read as they are then.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from dexwatch.bounded_file import read_file, write_file
from dexwatch.roles.registry import RoleSpec, frozen
from dexwatch.settings import Problem, Settings, SettingsError, load
from dexwatch.settings.document import FILES_MAX
from dexwatch.settings.snapshot import keeping
from dexwatch.settings.yaml_file import BYTES_MAX

NAME = "configuration.json"

_log = structlog.get_logger(__name__)

Texts = Mapping[Path, str]
"""The text of each configuration file."""

_KEPT = TypeAdapter(tuple[dict[Path, str], dict[Path, str], dict[Path, str]])
"""The files that `up` began with, those in use, and those that roles are told to take."""
_MOST_BYTES = 6 * FILES_MAX * BYTES_MAX
"""Of the three sets of files, written as JSON."""


class InUse:
    """What `dexwatch up` keeps of the configuration files for its roles."""

    def __init__(self, run: Path, texts: Texts) -> None:
        """Keep the files that `up` begins with.

        Raises:
            OSError: the folder is not ours, or full.
        """
        self._file = run / NAME
        self._first = self._used = texts
        run.mkdir(parents=True, exist_ok=True)
        self._keep(texts, texts)

    def offer(self, texts: Texts) -> None:
        """Lay ready what the roles are told to take, so that all take the text that was judged.

        Raises:
            OSError: see `take`.
        """
        self._keep(self._used, texts)

    def take(self, texts: Texts) -> None:
        """Keep the files that were taken into use.

        Raises:
            OSError: they cannot be kept; what was kept before still is.
        """
        self._keep(texts, texts)
        self._used = texts

    def _keep(self, used: Texts, offered: Texts) -> None:
        sets = (self._first, used, offered)
        plain = [{str(path): text for path, text in texts.items()} for texts in sets]
        write_file(self._file, json.dumps(plain).encode())


def _kept(run: Path) -> tuple[Texts, Texts, Texts]:
    return _KEPT.validate_json(read_file(run / NAME, _MOST_BYTES))


def offered(file: Path, run: Path) -> Texts:
    """Return the text of the files that `dexwatch up` tells its roles to take.

    Raises:
        SettingsError: they cannot be read.
    """
    try:
        return _kept(run)[2]
    except (OSError, ValueError) as error:
        message = f"what dexwatch up has read of it cannot be read ({error})"
        raise SettingsError([Problem(file, 0, "", message, "Reload again.")]) from error


def settings_in_use(spec: RoleSpec, file: Path, run: Path | None) -> Settings:
    """Return the settings that a role begins with: those in use below `up`, else the file's.

    What only a restart of `up` changes is as `up` itself has it. Where what is in use is no
    configuration, a role begins with the files: one that is down watches nothing.

    Raises:
        SettingsError: the configuration is no good, or a secret is gone.
    """
    if run is None:
        return load(file, secrets=spec.secrets)
    try:
        first, used, _ = _kept(run)
    except (OSError, ValueError) as error:
        _log.warning("config.not_kept", role=spec.name, reason=str(error))
        return load(file, secrets=spec.secrets)
    try:
        settings = load(file, secrets=spec.secrets, texts=used)
        return settings if first == used else _as_begun(spec, file, first, settings)
    except SettingsError as error:
        _log.error(
            "config.kept_refused",
            role=spec.name,
            reason=str(error),
            remedy="this role reads the files; `dexwatch reload` makes all agree with them",
        )
        return load(file, secrets=spec.secrets)


def _as_begun(spec: RoleSpec, file: Path, first: Texts, latter: Settings) -> Settings:
    """Return the latter settings with what is fixed since `up` began.

    A secret that is gone by now is taken from the latter: it is better to begin so than not at all.
    """
    fixed = frozen(latter)
    # The first files' other secrets may be gone, and nobody needs them any more.
    secrets = [place for place in fixed if any(_within(place, each) for each in spec.secrets)]
    try:
        begun = load(file, secrets=secrets, texts=first)
    except SettingsError as error:
        gone = {
            each for each in secrets for problem in error.problems if _within(problem.key, each)
        }
        begun = load(file, secrets=[each for each in secrets if each not in gone], texts=first)
        fixed = tuple(place for place in fixed if place not in gone)
        _log.error(
            "config.first_secret_gone",
            role=spec.name,
            reason=str(error),
            remedy="put it back and restart this role, or restart dexwatch up",
        )
    return keeping(begun, latter, fixed)


def _within(place: str, section: str) -> bool:
    return f"{place}.".startswith(f"{section}.")
