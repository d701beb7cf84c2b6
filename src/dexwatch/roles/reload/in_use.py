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
from dexwatch.settings import Settings, SettingsError, load
from dexwatch.settings.document import FILES_MAX
from dexwatch.settings.snapshot import keeping
from dexwatch.settings.yaml_file import BYTES_MAX

NAME = "configuration.json"

_log = structlog.get_logger(__name__)

Texts = Mapping[Path, str]
"""The text of each configuration file."""

_KEPT = TypeAdapter(tuple[dict[Path, str], dict[Path, str]])
_MOST_BYTES = 4 * FILES_MAX * BYTES_MAX
"""Of both sets of files, written as JSON."""


class InUse:
    """What `dexwatch up` keeps: the files that it began with, and those that it took last."""

    def __init__(self, run: Path, texts: Texts) -> None:
        """Keep the files that `up` begins with.

        Raises:
            OSError: the folder is not ours, or full.
        """
        self._file = run / NAME
        self._first = texts
        run.mkdir(parents=True, exist_ok=True)
        self.take(texts)

    def take(self, texts: Texts) -> None:
        """Keep the files that were taken into use.

        Raises:
            OSError: they cannot be kept; what was kept before still is.
        """
        plain = [{str(path): text for path, text in kept.items()} for kept in (self._first, texts)]
        write_file(self._file, json.dumps(plain).encode())


def settings_in_use(spec: RoleSpec, file: Path, run: Path | None) -> Settings:
    """Return the settings that a role begins with: those in use below `up`, else the file's.

    What only a restart of `up` changes is as `up` itself has it.

    Raises:
        SettingsError: the configuration is no good, or a secret is gone.
    """
    if run is None:
        return load(file, secrets=spec.secrets)
    try:
        first, used = _KEPT.validate_json(read_file(run / NAME, _MOST_BYTES))
    except (OSError, ValueError) as error:
        _log.warning("config.not_kept", role=spec.name, reason=str(error))
        return load(file, secrets=spec.secrets)
    settings = load(file, secrets=spec.secrets, texts=used)
    if first == used:
        return settings
    try:
        begun = load(file, secrets=spec.secrets, texts=first)
    except SettingsError as error:
        # A secret that only the first files named may be gone by now.
        _log.warning("config.first_not_read", role=spec.name, reason=str(error))
        return settings
    return keeping(begun, settings, frozen(begun))
