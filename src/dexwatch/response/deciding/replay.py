"""Decides an incident's kept events once more and says where that comes out otherwise.

The same pure function judged them when they came, so a difference means that the program has
changed since, or that somebody has changed the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dexwatch.incidents.policy import Policy
from dexwatch.incidents.state import Reason
from dexwatch.response.deciding.batch import Batch, apply_one
from dexwatch.response.store import Store
from dexwatch.response.views import StoredEvent


@dataclass(frozen=True)
class ReplayStep:
    """One event, what was decided then, and what would be decided now."""

    event_id: int
    kind: str
    decided_at: datetime
    incident_id: str | None
    then: str
    """The reason, the incident and its version."""
    now: str

    @property
    def same(self) -> bool:
        """Do both agree?"""
        return self.then == self.now


@dataclass(frozen=True)
class Replay:
    """What came of it."""

    steps: tuple[ReplayStep, ...]
    """Every event of the incident's group, in order."""
    missing: tuple[str, ...]
    """Notifications that the replay plans and the store does not have."""
    surplus: tuple[str, ...]
    """Notifications that the store has and the replay does not plan."""
    truncated: bool
    """Earlier events of the group are no longer kept, so that first steps may differ."""

    @property
    def same(self) -> bool:
        """Does everything agree?"""
        return all(step.same for step in self.steps) and not (self.missing or self.surplus)


async def replay_incident(store: Store, incident_id: str) -> Replay | None:
    """Replay the events of an incident's group up to its last one; None for an unknown incident."""
    view = await store.incident(incident_id)
    if view is None:
        return None
    history = await store.history(incident_id)
    policies: dict[str, Policy] = {}
    for identity in {one.incident_id for one in history if one.incident_id}:
        found = await store.incident(identity)
        if found is not None:
            policies[identity] = found.incident.policy
    first = history[0].incident_id if history else None
    opened = await store.incident(first) if first else None
    steps, planned = replay(history, policies)
    known = {n.id for n in view.notifications}
    mine = {identity for identity in planned if identity.startswith(f"{incident_id}/")}
    return Replay(
        steps=steps,
        missing=tuple(sorted(mine - known)),
        surplus=tuple(sorted(known - mine)),
        truncated=opened is not None and opened.incident.previous is not None,
    )


def replay(
    history: Sequence[StoredEvent], policies: Mapping[str, Policy]
) -> tuple[tuple[ReplayStep, ...], set[str]]:
    """Decide the events of one group in order; return the steps and the planned notifications.

    `policies` are those that the group's incidents began with.
    """
    batch = Batch()
    steps = []
    for one in history:
        number = int(one.incident_id.rpartition("-")[2]) if one.incident_id else 0
        policy = policies.get(one.incident_id or "", Policy())
        apply_one(batch, one.event, one.decided_at, policy, number)
        decided = batch.decided[-1]
        # The newest incident is told even of an event that has not touched it.
        then = _words(one.reason, one.incident_id, one.incident_version)
        now = _words(decided.reason, decided.incident_id, decided.incident_version)
        steps.append(
            ReplayStep(one.id, type(one.event).__name__, one.decided_at, one.incident_id, then, now)
        )
    return tuple(steps), set(batch.notifications)


def _words(reason: str | Reason, incident_id: str | None, version: int | None) -> str:
    said = reason.value if isinstance(reason, Reason) else reason
    return f"{said} {incident_id} version {version}" if incident_id else said
