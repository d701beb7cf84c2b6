"""The job table: plan, claim with a lease, renew, settle; due times by the database's clock."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, case, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.jobs.job import MAX_CRASHES, URGENT, IfPlanned, Job, JobResult, NewJob, QuarantinedJob
from dexwatch.jobs.lease import Lease
from dexwatch.jobs.queue import Slots
from dexwatch.storage import tables
from dexwatch.storage.rows import (
    SECOND,
    insert_into,
    insert_missing,
    job_of,
    job_row,
    lease_seconds,
    quarantined_of,
    said,
    settled,
)

_ELSEWHERE = 10
"""So many jobs at a time of queues that nobody serves any more."""
_WATCHED = 1000
"""So many leases are watched, the most urgent first."""
_LISTED = 200
_STEP = 5 * SECOND
"""A time that was set so far in the future shows that the clock has been put back since."""


class SqlJobs:
    """Implements `response.store.JobRepository`; `now` is the database's clock in microseconds."""

    def __init__(self, connection: AsyncConnection, now: int) -> None:
        self._connection = connection
        self._now = now

    async def add(self, jobs: Sequence[NewJob]) -> None:
        """Plan jobs."""
        rows: dict[IfPlanned, list[dict[str, Any]]] = {planned: [] for planned in IfPlanned}
        for job in jobs:
            rows[job.if_planned].append(job_row(job, self._now))
        if rows[IfPlanned.KEEP]:
            await insert_missing(self._connection, tables.jobs, rows[IfPlanned.KEEP])
        if rows[IfPlanned.RENEW]:
            await self._renewing(rows[IfPlanned.RENEW])

    async def _renewing(self, rows: list[dict[str, Any]]) -> None:
        statement = insert_into(self._connection, tables.jobs)
        new, old = statement.excluded, tables.jobs.c
        waits, runs = old.state == "due", old.state == "leased"
        ended = ~(waits | runs)

        def unless_ended(column: str, otherwise: object) -> ColumnElement[Any]:
            return case((ended, new[column]), else_=otherwise)

        earlier = func.least if self._connection.dialect.name == "postgresql" else func.min
        statement = statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "payload": new.payload,
                "priority": new.priority,
                "version": old.version + 1,
                "state": unless_ended("state", old.state),
                # Whoever waits longest decides when a waiting one is due.
                "due_at": unless_ended("due_at", earlier(old.due_at, new.due_at)),
                "set_at": unless_ended("set_at", old.set_at),
                "wished_at": unless_ended("wished_at", old.wished_at),
                "finished_at": None,
                "attempts": unless_ended("attempts", old.attempts),
                "crashes": unless_ended("crashes", old.crashes),
                # A wish is for something new, of which no attempt can have got through.
                "uncertain": new.uncertain,
            },
        )
        await self._connection.execute(statement, rows)

    async def expedite(self, keys: Collection[str]) -> None:
        """Make waiting jobs due now."""
        columns = tables.jobs.c
        await self._connection.execute(
            update(tables.jobs)
            .where(columns.key.in_(sorted(keys)), columns.state == "due")
            .values(due_at=self._now, set_at=self._now)
        )

    async def leased(self, job: Job) -> bool:
        """Does this holder's lease still count?"""
        columns = tables.jobs.c
        query = select(columns.id).where(*_held_by(job))
        return (await self._connection.execute(query)).first() is not None

    async def renew(self, job: Job) -> bool:
        """Let the lease begin anew."""
        return await self._change(job, {"renewals": tables.jobs.c.renewals + 1})

    async def settle(self, job: Job, result: JobResult) -> bool:
        """Record a result; a lost lease changes nothing but the count of late results."""
        if result.hold is not None and result.hold.seconds > 0:
            await self._hold(job.queue, result.hold.lane, result.hold.seconds)
        columns = tables.jobs.c
        # A wish from now on waits for our commit: none falls between this look and the change.
        wanted = select(columns.version).where(*_held_by(job)).with_for_update()
        version = (await self._connection.execute(wanted)).scalar()
        if version is None:
            late = {"late_results": columns.late_results + 1, "result": said("late", result)}
            await self._connection.execute(
                update(tables.jobs).where(columns.id == job.id).values(late)
            )
            return False
        return await self._change(
            job, settled(job, result, self._now, renewed=version != job.version)
        )

    async def claim(
        self,
        *,
        owner: str,
        slots: Mapping[str, Slots],
        kinds: Sequence[str],
        lapsed: Sequence[Lease],
    ) -> list[Job]:
        """Take due jobs, and those whose lease has lapsed if it is still as it was seen."""
        held = await self._holds()
        claimed: list[Job] = []
        for queue, free in [*slots.items(), (None, Slots(_ELSEWHERE))]:
            if free.free <= 0:
                continue
            columns = tables.jobs.c
            here = columns.queue == queue if queue else columns.queue.not_in(list(slots))
            ready = [here, columns.kind.in_(kinds), or_(self._due(), _as_seen(lapsed))]
            lanes = [lane for name, lane in held if name == queue]
            if "" in lanes:
                ready.append(columns.priority <= URGENT)
            elif lanes:
                ready.append(or_(columns.priority <= URGENT, columns.lane.not_in(lanes)))
            query: Select[Any] = (
                select(tables.jobs)
                .where(*ready)
                .order_by(columns.priority, columns.due_at, columns.id)
                .limit(free.free)
                .with_for_update(skip_locked=True)
            )
            rows = (await self._connection.execute(query)).mappings().all()
            # The urgent come first, so that what is left out is the other end of the list.
            for place, row in enumerate(rows):
                if place >= free.open_to(row["priority"]):
                    break
                job = await self._take(row, owner, held)
                if job is not None:
                    claimed.append(job)
        return claimed

    async def anything_due(self, kinds: Sequence[str]) -> bool:
        """Say whether a claim could find something, so that an idle worker disturbs nobody."""
        columns = tables.jobs.c
        query = select(columns.id).where(columns.kind.in_(kinds), self._due()).limit(1)
        return (await self._connection.execute(query)).first() is not None

    async def leases(self) -> list[Lease]:
        """Return the leases that are held now, those of the most urgent jobs first."""
        columns = tables.jobs.c
        query = (
            select(
                columns.lease_token,
                columns.renewals,
                columns.lease,
                columns.crashes,
                columns.priority,
            )
            .where(columns.state == "leased")
            .order_by(columns.priority, columns.id)
            .limit(_WATCHED)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [Lease(row["lease_token"], row["renewals"], lease_seconds(row)) for row in rows]

    async def mend_times(self) -> None:
        """Make good for a clock that has been put back: what waits keeps its remaining time."""
        columns, holds = tables.jobs.c, tables.holds.c
        ahead = columns.set_at - self._now
        await self._connection.execute(
            update(tables.jobs)
            .where(columns.state.in_(("due", "leased")), columns.set_at > self._now + _STEP)
            .values(
                due_at=columns.due_at - ahead,
                wished_at=columns.wished_at - ahead,
                set_at=self._now,
            )
        )
        await self._connection.execute(
            update(tables.holds)
            .where(holds.set_at > self._now + _STEP)
            .values(until=holds.until - holds.set_at + self._now, set_at=self._now)
        )

    async def overdue(self, seconds: float) -> int:
        """Count jobs that were due so long ago and that nobody has taken."""
        late = self._due(self._now - round(seconds * SECOND))
        query = select(func.count()).select_from(tables.jobs).where(late)
        return int((await self._connection.execute(query)).scalar_one())

    async def quarantined(self, key: str | None = None) -> list[QuarantinedJob]:
        """Return the jobs that are set aside, or one of them, the oldest first."""
        columns = tables.jobs.c
        query = select(tables.jobs).where(columns.state == "quarantined")
        if key is not None:
            query = query.where(columns.key == key).with_for_update()
        rows = await self._connection.execute(query.order_by(columns.id).limit(_LISTED))
        return [quarantined_of(row, self._now) for row in rows.mappings()]

    async def release(self, key: str) -> None:
        """Make a quarantined job due now, as if it were new; what is uncertain stays so."""
        now = {"due_at": self._now, "set_at": self._now, "wished_at": self._now}
        await self._unquarantine(key, now | {"state": "due", "attempts": 0, "crashes": 0})

    async def drop(self, key: str) -> None:
        """Give a quarantined job up."""
        await self._unquarantine(key, {"state": "dead", "finished_at": self._now})

    async def _unquarantine(self, key: str, values: Mapping[str, Any]) -> None:
        columns = tables.jobs.c
        await self._connection.execute(
            update(tables.jobs)
            .where(columns.key == key, columns.state == "quarantined")
            .values(values)
        )

    def _due(self, before: int | None = None) -> ColumnElement[bool]:
        columns, now = tables.jobs.c, self._now if before is None else before
        return (columns.state == "due") & (columns.due_at <= now)

    async def _take(
        self, row: Mapping[str, Any], owner: str, held: Mapping[tuple[str, str], int]
    ) -> Job | None:
        lapsed = row["state"] == "leased"
        crashes = row["crashes"] + lapsed
        given_up = crashes >= MAX_CRASHES and row["priority"] > URGENT
        values: dict[str, Any] = {"set_at": self._now, "crashes": crashes}
        if given_up:
            reason = f"quarantined: it took {crashes} workers down"
            values |= {"state": "quarantined", "lease_token": None, "result": reason}
        else:
            values |= {
                "state": "leased",
                "lease_owner": owner,
                "lease_token": uuid4().hex,
                "renewals": 0,
                "attempts": row["attempts"] + 1,
                "uncertain": row["uncertain"] + lapsed,
            }
        mine = update(tables.jobs).where(tables.jobs.c.id == row["id"])
        await self._connection.execute(mine.values(values))
        if given_up:
            return None
        until = max(
            held.get((row["queue"], ""), 0), held.get((row["queue"], row["lane"]), 0), self._now
        )
        return job_of({**row, **values}, self._now, lapsed=lapsed, held=until - self._now)

    async def _hold(self, queue: str, lane: str, seconds: float) -> None:
        statement = insert_into(self._connection, tables.holds).values(
            queue=queue, lane=lane, until=self._now + round(seconds * SECOND), set_at=self._now
        )
        new, old = statement.excluded, tables.holds.c
        statement = statement.on_conflict_do_update(
            index_elements=["queue", "lane"],
            set_={"until": new.until, "set_at": new.set_at},
            where=old.until < new.until,
        )
        await self._connection.execute(statement)

    async def _holds(self) -> dict[tuple[str, str], int]:
        columns = tables.holds.c
        rows = await self._connection.execute(select(tables.holds).where(columns.until > self._now))
        return {(row["queue"], row["lane"]): row["until"] for row in rows.mappings()}

    async def _change(self, job: Job, values: Mapping[str, Any]) -> bool:
        changed = await self._connection.execute(
            update(tables.jobs).where(*_held_by(job)).values(values)
        )
        return bool(changed.rowcount)


def _held_by(job: Job) -> tuple[ColumnElement[bool], ...]:
    columns = tables.jobs.c
    return columns.id == job.id, columns.lease_token == job.lease_token


def _as_seen(leases: Sequence[Lease]) -> ColumnElement[bool]:
    # Whoever has shown a sign of life since then keeps its lease.
    columns = tables.jobs.c
    seen = [(lease.token, lease.renewals) for lease in leases]
    held = tuple_(columns.lease_token, columns.renewals).in_(seen)
    return (columns.state == "leased") & held
