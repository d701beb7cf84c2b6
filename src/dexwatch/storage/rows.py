"""Records to rows and back."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping

from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import (
    Alert,
    AlertState,
    Incident,
    IncidentState,
    NotificationReason,
    NotificationState,
    Page,
    Signal,
    TimelineEntry,
)
from dexwatch.metrics.severity import Severity
from dexwatch.response.work import Work, WorkKind

Values = dict[str, Any]
Row = RowMapping | Mapping[str, Any]


def alert_row(alert: Alert) -> Values:
    """Return the columns of an alert."""
    values = _plain(alert)
    values["grp"] = values.pop("group")
    values["labels"], values["annotations"] = dict(alert.labels), dict(alert.annotations)
    return values


def alert_of(row: Row) -> Alert:
    """Return the alert that a row holds."""
    values = _renamed(row, {"grp": "group"}, drop=("number",))
    values["severity"] = Severity(values["severity"])
    values["state"] = AlertState(values["state"])
    return Alert(**values)


def incident_row(incident: Incident) -> Values:
    """Return the columns of an incident."""
    values = _plain(incident)
    values["grp"] = values.pop("group")
    values["policy"] = policy_document(incident.policy)
    return values


def incident_of(row: Row) -> Incident:
    """Return the incident that a row holds."""
    values = _renamed(row, {"grp": "group"})
    values["severity"] = Severity(values["severity"])
    values["state"] = IncidentState(values["state"])
    values["policy"] = policy_of(values["policy"])
    return Incident(**values)


def page_row(page: Page) -> Values:
    """Return the columns of a page."""
    return {"id": page.id, **_plain(page)}


def page_of(row: Row) -> Page:
    """Return the page that a row holds."""
    values = _renamed(row, {}, drop=("id",))
    values["severity"] = Severity(values["severity"])
    values["state"] = NotificationState(values["state"])
    values["why"] = NotificationReason(values["why"])
    return Page(**values)


def signal_row(signal: Signal) -> Values:
    """Return the columns of a signal."""
    return _plain(signal) | {"payload": dict(signal.payload)}


def entry_row(entry: TimelineEntry) -> Values:
    """Return the columns of a timeline entry."""
    values = _plain(entry)
    values["author"] = values.pop("by")
    return values


def entry_of(row: Row) -> TimelineEntry:
    """Return the timeline entry that a row holds."""
    return TimelineEntry(**_renamed(row, {"author": "by"}, drop=("number",)))


def work_of(row: Row) -> Work:
    """Return the work that a row holds."""
    values = _renamed(row, {}, drop=("state",))
    values["kind"] = WorkKind(values["kind"])
    values["severity"] = Severity(values["severity"])
    values["doubt"] = bool(values["doubt"])
    return Work(**values)


def policy_document(policy: Policy) -> Mapping[str, object]:
    """Return the policy as a JSON value."""
    return {
        "routes": {
            severity.value: [[r.channel, r.recipient] for r in routes]
            for severity, routes in policy.routes.items()
        },
        "reopen_window": policy.reopen_window.total_seconds(),
        "repage_interval": policy.repage_interval.total_seconds(),
        "repage_interval_limit": policy.repage_interval_limit.total_seconds(),
        "confirm_urgent_resolution": policy.confirm_urgent_resolution,
    }


def policy_of(document: Mapping[str, Any]) -> Policy:
    """Return the policy that a JSON value holds."""
    return Policy(
        routes={
            Severity(severity): tuple(Route(channel, recipient) for channel, recipient in routes)
            for severity, routes in document["routes"].items()
        },
        reopen_window=timedelta(seconds=document["reopen_window"]),
        repage_interval=timedelta(seconds=document["repage_interval"]),
        repage_interval_limit=timedelta(seconds=document["repage_interval_limit"]),
        confirm_urgent_resolution=document["confirm_urgent_resolution"],
    )


def _plain(record: Signal | Alert | Incident | Page | TimelineEntry) -> Values:
    return {f.name: getattr(record, f.name) for f in fields(record)}


def _renamed(row: Row, names: Mapping[str, str], *, drop: tuple[str, ...] = ()) -> Values:
    return {names.get(str(k), str(k)): v for k, v in row.items() if k not in drop}
