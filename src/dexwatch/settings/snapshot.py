"""The configuration in use: the last one that was good, whatever the files say now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from dexwatch.clock import Clock, now
from dexwatch.metrics import own
from dexwatch.metrics.sample import Sample
from dexwatch.settings.model import Settings

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Snapshot:
    """The settings at one moment; they never change, the next snapshot takes their place."""

    version: int
    """Counts from 1 in each process."""
    at: datetime
    settings: Settings


class Configuration:
    """Holds the snapshot in use, and whether the last try to replace it succeeded."""

    def __init__(
        self, file: Path, settings: Settings, *, secrets: Sequence[str], clock: Clock = now
    ) -> None:
        """`settings` are in use from now on; `secrets` names those that this process may read."""
        self.file = file
        self.secrets = tuple(secrets)
        self._clock = clock
        self._current = Snapshot(1, clock(), settings)
        self._good = True

    @property
    def current(self) -> Snapshot:
        """The snapshot in use."""
        return self._current

    def accept(self, settings: Settings) -> Snapshot:
        """Take settings into use and return their snapshot."""
        self._good = True
        if settings != self._current.settings:
            self._current = Snapshot(self._current.version + 1, self._clock(), settings)
        return self._current

    def refuse(self) -> None:
        """Note that new settings were no good; the former ones stay in use."""
        self._good = False

    def samples(self) -> Iterator[Sample]:
        """Yield the version in use, since when, and whether the last reload was good."""
        yield Sample(own.config_reload_successful, float(self._good), {})
        yield Sample(own.config_timestamp, self._current.at.timestamp(), {})
        yield Sample(own.config_version, float(self._current.version), {})


def changed(former: Settings, latter: Settings, places: Sequence[str]) -> tuple[str, ...]:
    """Return those of the places (`storage.url`) at which the two differ."""
    return tuple(place for place in places if at(former, place) != at(latter, place))


def at(settings: Settings, place: str) -> object:
    """Return the value at a place, None below a section that is off."""
    value: object = settings
    for step in place.split("."):
        value = getattr(value, step, None)
    return value


def keeping(former: Settings, latter: Settings, places: Sequence[str]) -> Settings:
    """Return the latter settings with the former's values at these places."""
    kept = latter
    for place in places:
        kept = _with(kept, place.split("."), at(former, place))
    return kept


def _with(model: M, steps: list[str], value: object) -> M:
    step, *rest = steps
    inner = getattr(model, step)
    if rest and not isinstance(inner, BaseModel):
        return model
    return model.model_copy(update={step: _with(inner, rest, value) if rest else value})
