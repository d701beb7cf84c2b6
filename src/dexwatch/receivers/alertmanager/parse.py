"""Turns one webhook message into events: what fits is taken, and each alert is judged alone.

Alertmanager never repeats a message that is refused with 4xx, so refusing the whole for one part
would lose the alerts beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from dexwatch.incidents.events import AlertEvent
from dexwatch.metrics.identity import IDENTITY_LABELS
from dexwatch.receivers.alertmanager.config import WATCHDOG, Bounds
from dexwatch.response.ingest import fired, resolved

_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_FIRST = {"alertname", "severity", "alert_group", "component", "team", *IDENTITY_LABELS}
"""Kept first where there are too many labels."""
_CUT = "…"


class Envelope(BaseModel):
    """Version 4 of the webhook, as Alertmanager documents it; newer keys are let pass."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal["4"]
    groupKey: str  # noqa: N815 - Alertmanager's own names.
    status: Literal["firing", "resolved"]
    alerts: tuple[Any, ...]
    truncatedAlerts: Any = 0  # noqa: N815
    """So many more Alertmanager itself has left out, beyond its `max_alerts`."""

    @property
    def truncated(self) -> int:
        """Alerts that the sender has left out; an odd count is none, for the rest still counts."""
        count = self.truncatedAlerts
        return count if isinstance(count, int) and count > 0 else 0


class _Alert(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: AwareDatetime  # noqa: N815
    endsAt: AwareDatetime | None = None  # noqa: N815
    fingerprint: str = Field(min_length=1, max_length=128)

    @field_validator("startsAt", "endsAt")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("this moment is outside the calendar") from None

    @field_validator("startsAt")
    @classmethod
    def _sensible(cls, moment: datetime) -> datetime:
        # What is reckoned from the start, such as when the fault began, must be in the calendar.
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise ValueError(f"an alert starts in the years {_FIRST_YEAR} to {_LAST_YEAR}")
        return moment


@dataclass(frozen=True)
class Parsed:
    """What one alert of a message became; exactly one of the three is set."""

    event: AlertEvent | None = None
    refused: str = ""
    """Where it is wrong."""
    ignored: Literal["", "heartbeat", "not_routed"] = ""
    cut: bool = False
    """Something of it was too long."""


def parse(envelope: Envelope, bounds: Bounds) -> list[Parsed]:
    """Return what each of the first `bounds.alerts` alerts became, in the order of the message."""
    return [_parsed(record, bounds) for record in envelope.alerts[: bounds.alerts]]


def in_order(events: list[AlertEvent]) -> list[AlertEvent]:
    """Put the resolved ones first: a resolve frees what a new episode of the same alert takes."""
    return sorted(events, key=lambda event: (not hasattr(event, "ends_at"), event.starts_at))


def _parsed(record: object, bounds: Bounds) -> Parsed:
    try:
        alert = _Alert.model_validate(record)
    except ValidationError as error:
        where = error.errors(include_url=False, include_input=False)[0]["loc"]
        return Parsed(refused=".".join(str(part) for part in where)[:200] or "alert")
    if alert.labels.get("severity") == "none":
        beats = alert.labels.get("alertname") == WATCHDOG and alert.status == "firing"
        return Parsed(ignored="heartbeat" if beats else "not_routed")
    labels = _fitting(alert.labels, bounds.labels, bounds.label_chars, bounds)
    annotations = _fitting(alert.annotations, bounds.annotations, bounds.annotation_chars, bounds)
    cut = labels != alert.labels or annotations != alert.annotations
    event = _event(alert, labels, annotations)
    return Parsed(event=replace(event, raw=_raw(record, bounds.raw_bytes)), cut=cut)


def _event(alert: _Alert, labels: Mapping[str, str], annotations: Mapping[str, str]) -> AlertEvent:
    # Its lists do not tell the group's key: only the name is the same in both.
    upstream = alert.labels.get("alertname", "")
    if alert.status == "firing":
        return fired(
            fingerprint=alert.fingerprint,
            labels=labels,
            annotations=annotations,
            starts_at=alert.startsAt,
            upstream=upstream,
        )
    return resolved(
        fingerprint=alert.fingerprint,
        labels=labels,
        annotations=annotations,
        starts_at=alert.startsAt,
        ends_at=alert.endsAt or alert.startsAt,
        upstream=upstream,
    )


def _fitting(texts: Mapping[str, str], most: int, chars: int, bounds: Bounds) -> dict[str, str]:
    """Return so many pairs, those of the identity first, with values that are not too long."""
    names = [name for name in texts if len(name) <= bounds.name_chars]
    if len(names) > most:
        names = sorted(names, key=lambda name: (name not in _FIRST, name))[:most]
    return {name: _cut(texts[name], chars) for name in names}


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + _CUT


def _raw(record: Any, most: int) -> dict[str, object]:  # noqa: ANN401 - whatever was sent.
    """Return the alert as it was sent; one that is too long as the beginning of its JSON."""
    try:
        text = orjson.dumps(record)
    except TypeError:
        # Numbers of any length are JSON, too.
        text = json.dumps(record).encode()
    else:
        if len(text) <= most:
            return dict(record)
    kept = text[:most].decode(errors="ignore")
    return {"json": kept, "cut": len(text) > most, "bytes": len(text)}
