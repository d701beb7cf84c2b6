"""Records to rows and back, and many rows into a table with one statement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import (
    Alert,
    AlertState,
    Incident,
    IncidentState,
    Notification,
    NotificationReason,
    NotificationState,
    TimelineEntry,
)
from dexwatch.incidents.state import Summary, Thing
from dexwatch.jobs.job import (
    CRASHED_LEASE,
    MAX_CRASHES,
    URGENT,
    Job,
    JobOutcome,
    JobResult,
    NewJob,
    QuarantinedJob,
)
from dexwatch.metrics.severity import Severity
from dexwatch.response.store import IncidentRecord

SECOND = 1_000_000

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
    return Alert(**_renamed(row, {"grp": "group"}, severity=Severity, state=AlertState))


def incident_row(record: IncidentRecord) -> Values:
    """Return the columns of an incident."""
    values = _plain(record.incident)
    values["grp"] = values.pop("group")
    values["policy"] = policy_document(record.incident.policy)
    summary = record.summary
    values["firing_alerts"] = summary.firing
    values["things"] = [asdict(thing) for thing in summary.things]
    values["recipients"] = [[route.channel, route.recipient] for route in summary.recipients]
    return values


def incident_of(row: Row) -> Incident:
    """Return the incident that a row holds."""
    summary = ("firing_alerts", "things", "recipients")
    values = _renamed(row, {"grp": "group"}, drop=summary, severity=Severity, state=IncidentState)
    return Incident(**values | {"policy": policy_of(row["policy"])})


def record_of(row: Row) -> IncidentRecord:
    """Return the incident that a row holds, with its summary."""
    things = tuple(
        Thing(
            identity=thing["identity"],
            severity=Severity(thing["severity"]),
            firing=thing["firing"],
            over_at=datetime.fromisoformat(thing["over_at"]) if thing["over_at"] else None,
        )
        for thing in row["things"]
    )
    recipients = tuple(Route(channel, recipient) for channel, recipient in row["recipients"])
    return IncidentRecord(incident_of(row), Summary(row["firing_alerts"], things, recipients))


def notification_row(notification: Notification) -> Values:
    """Return the columns of a notification."""
    return {"id": notification.id, **_plain(notification)}


def notification_of(row: Row) -> Notification:
    """Return the notification that a row holds."""
    state, why = NotificationState, NotificationReason
    return Notification(**_renamed(row, {}, drop=("id",), severity=Severity, state=state, why=why))


def entry_row(entry: TimelineEntry) -> Values:
    """Return the columns of a timeline entry."""
    values = _plain(entry)
    values["author"] = values.pop("by")
    return values


def entry_of(row: Row) -> TimelineEntry:
    """Return the timeline entry that a row holds."""
    return TimelineEntry(**_renamed(row, {"author": "by"}, drop=("id",)))


def job_row(job: NewJob, now: int) -> Values:
    """Return the columns of a new job; `now` is the database's clock in microseconds."""
    return {
        **_renamed(_plain(job), {}, drop=("delay", "if_planned")),
        "payload": dict(job.payload),
        "state": "due",
        "due_at": now + round(job.delay * SECOND),
        "set_at": now,
        "wished_at": now,
        "attempts": 0,
        "crashes": 0,
        "uncertain": 0,
        "version": 1,
        "result": "",
        "late_results": 0,
    }


def job_of(row: Row, now: int, *, lapsed: bool, held: int) -> Job:
    """Return the job that a row holds, as claimed now; `held` is in microseconds."""
    values: Values = {f.name: row[f.name] for f in fields(Job) if f.name in row}
    return Job(
        **values | {"lease": lease_seconds(row)},
        age=max(now - row["wished_at"], 0) / SECOND,
        lapsed=lapsed,
        held_for=max(held, 0) / SECOND,
    )


def quarantined_of(row: Row, now: int) -> QuarantinedJob:
    """Return the job that was set aside; `now` is the database's clock in microseconds."""
    return QuarantinedJob(
        key=row["key"],
        kind=row["kind"],
        subject=row["subject"],
        reason=row["result"],
        attempts=row["attempts"],
        age=max(now - row["set_at"], 0) / SECOND,
    )


def settled(job: Job, result: JobResult, now: int, *, renewed: bool) -> Values:
    """Return the columns of a job that has been settled; `now` is in microseconds."""
    outcome = result.outcome
    values: Values = {
        "lease_token": None,
        "lease_owner": None,
        "set_at": now,
        "crashes": job.crashes + 1 if outcome is JobOutcome.CRASHED else 0,
        "attempts": job.attempts if result.attempted else max(job.attempts - 1, 0),
        "result": said(outcome.value, result),
    }
    anew = {"attempts": 0, "uncertain": 0, "wished_at": now}
    over = outcome in (JobOutcome.DONE, JobOutcome.DEAD)
    if renewed and over:
        return values | anew | {"state": "due", "due_at": now}
    spent = job.max_attempts is not None and job.attempts >= job.max_attempts
    if outcome is JobOutcome.DEAD or (spent and not over):
        return values | {"state": "dead", "finished_at": now}
    given_up = values["crashes"] >= MAX_CRASHES and job.priority > URGENT
    if outcome is JobOutcome.CRASHED and given_up:
        return values | {"state": "quarantined"}
    if result.after is None:
        return values | {"state": "done", "finished_at": now}
    due = {"state": "due", "due_at": now + round(result.after * SECOND)}
    if outcome is JobOutcome.DONE:
        return values | anew | due | {"wished_at": due["due_at"]}
    unsure = (0 if result.certain else job.uncertain) + (outcome is JobOutcome.UNCERTAIN)
    return values | due | {"uncertain": unsure}


def lease_seconds(row: Row) -> float:
    """Return after how long a worker that has died is noticed."""
    if row["crashes"] >= MAX_CRASHES and row["priority"] <= URGENT:
        # It is never given up; should it take this worker down as well, the next one waits.
        return max(float(row["lease"]), CRASHED_LEASE)
    return float(row["lease"])


def said(outcome: str, result: JobResult) -> str:
    """Return what a result leaves to be read."""
    return f"{outcome}: {result.detail}"[:500] if result.detail else outcome


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


def insert_into(connection: AsyncConnection, table: Table) -> Any:  # noqa: ANN401 - per dialect.
    """Return the dialect's insert, which knows what to do about conflicts."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


async def upsert(connection: AsyncConnection, table: Table, rows: Sequence[Values]) -> None:
    """Insert the rows; one whose primary key is there takes the new values."""
    keys = [column.name for column in table.primary_key]
    statement = insert_into(connection, table)
    new = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=new), list(rows)
    )


async def insert_missing(connection: AsyncConnection, table: Table, rows: Sequence[Values]) -> None:
    """Insert the rows that are not there yet."""
    await connection.execute(insert_into(connection, table).on_conflict_do_nothing(), list(rows))


def _plain(record: Alert | Incident | Notification | TimelineEntry | NewJob) -> Values:
    return {f.name: getattr(record, f.name) for f in fields(record)}


def _renamed(
    row: Row,
    names: Mapping[str, str],
    *,
    drop: tuple[str, ...] = (),
    **kinds: Callable[[Any], object],
) -> Values:
    """Return a record's fields; `kinds` says what is made of the value of a column."""
    made = {str(k): kinds.get(str(k), _as_it_is)(v) for k, v in row.items() if k not in drop}
    return {names.get(name, name): value for name, value in made.items()}


def _as_it_is(value: object) -> object:
    return value
