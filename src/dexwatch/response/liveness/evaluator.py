"""Asks the Prometheus that evaluates the alerts which are active, and since when it runs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from dexwatch.clock import Clock, monotonic, now
from dexwatch.incidents.liveness.confirmation import EvaluatorState

_log = structlog.get_logger(__name__)

_ASK_SECONDS = 2.0


class EvaluatedAlert(Protocol):
    """An alert as its evaluator has it."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The alert's identity, before a sender adds labels."""


class RuleView(Protocol):
    """Something that evaluates rules, for example `clients.prometheus`' client."""

    async def alerts(self) -> Sequence[EvaluatedAlert]:
        """List what is pending or firing; may raise."""

    async def started_at(self) -> datetime:
        """Return when its process began, by its own clock; may raise."""


class Evaluator:
    """The Prometheus that evaluates; notes since when it runs, by a clock that never steps."""

    def __init__(
        self,
        rules: RuleView,
        *,
        settle_seconds: float,
        clock: Clock = now,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        """Make a client.

        Args:
            rules: the evaluator.
            clock: the wall clock.
            settle_seconds: for so long after its start it may not have found an alert again.
            steady: seconds on a clock that never goes back.
        """
        self._rules = rules
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._steady = steady
        self._started_at: datetime | None = None
        self._first_seen = 0.0
        self._clock_odd = False
        self.known = False
        """Has it ever answered us? Then no answer means that it is down, not a wrong address."""

    async def answers(self) -> bool:
        """Tell whether it answers."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                self._settled(await self._rules.started_at())
        except Exception as error:  # noqa: BLE001 - any error means no answer.
            _log.debug("evaluator.no_answer", error=type(error).__name__)
            return False
        self.known = True
        return True

    async def state(self) -> EvaluatorState:
        """Ask now; without an answer the state says so."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                alerts = await self._rules.alerts()
                # Asked last: after a restart in between, the alerts are those from before it.
                started_at = await self._rules.started_at()
        except Exception as error:  # noqa: BLE001 - any error means no answer.
            _log.warning("evaluator.no_answer", error=type(error).__name__)
            return EvaluatorState(answered=False)
        active: dict[str, list[Mapping[str, str]]] = {}
        for alert in alerts:
            active.setdefault(alert.labels.get("alertname", ""), []).append(alert.labels)
        settled, self.known = self._settled(started_at), True
        return EvaluatorState(
            answered=True,
            active=active,
            started_at=None if self._clock_odd else started_at,
            asked_at=self._clock(),
            settled=settled,
        )

    def _settled(self, started_at: datetime) -> bool:
        if started_at != self._started_at:
            known = self._started_at
            # A process that began before the one that it follows shows a clock that was put back.
            self._clock_odd = known is not None and started_at < known
            self._started_at, self._first_seen = started_at, self._steady()
        return self._steady() - self._first_seen >= self._settle_seconds
