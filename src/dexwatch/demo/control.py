"""The sample's control API: start and stop scenarios over HTTP on loopback.

GET /scenarios lists them; POST /scenarios/NAME/start and /stop act.
`start?seconds=N` stops the scenario by itself after N seconds.
Every request needs the bearer token that was generated for this run.
"""

import asyncio
import difflib
import hmac
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import structlog

from dexwatch.clock import monotonic
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.demo.scenarios import SCENARIOS, Scenario, ScenarioContext

STEP_SECONDS = 60.0
"""A scenario's start or stop may take so long before it counts as failed."""
LONGEST_SECONDS = 3600.0

log = structlog.get_logger(__name__)


class UnknownScenarioError(KeyError):
    """There is no scenario of that name."""


class ScenarioRunner:
    """Starts and stops scenarios in one context and knows which are active."""

    def __init__(
        self, context: ScenarioContext, scenarios: tuple[Scenario, ...] = SCENARIOS
    ) -> None:
        self.scenarios = {scenario.name: scenario for scenario in scenarios}
        self.active: set[str] = set()
        self._context = context
        self._lock = asyncio.Lock()
        self.watched_since: float | None = None
        """When dexwatch began to watch, by the monotonic clock; None while it does not."""
        self._due: dict[str, float] = {}
        """When the active scenarios whose fault was not injected yet begin, by the same clock."""
        self._later: dict[str, asyncio.Task[None]] = {}
        """What begins or ends a scenario by itself."""

    def begins_in(self, name: str) -> float:
        """Return the seconds until an active scenario's fault is injected; 0 when it was."""
        return max(0.0, self._due.get(name, 0.0) - monotonic())

    async def start(self, name: str, *, seconds: float | None = None) -> None:
        """Start a scenario, for good or for some seconds; starting an active one changes nothing.

        It begins at once or, where a rule compares with what was usual, once that was seen.

        Raises:
            UnknownScenarioError: no such scenario.
            TimeoutError: it did not start in time.
        """
        async with self._changing(name) as scenario:
            if name not in self.active:
                # Marked before it starts, so that a start that fails half-way is undone as well.
                self.active.add(name)
                self._due[name] = (self.watched_since or float("-inf")) + scenario.usual_seconds
            if not self.begins_in(name):
                await self._begin(scenario)
            if name in self._due or seconds is not None:
                self._later[name] = asyncio.create_task(self._run(scenario, seconds))

    async def stop(self, name: str) -> bool:
        """End a scenario's fault, also when it is not marked as active; return whether it was.

        Raises:
            UnknownScenarioError: no such scenario.
            TimeoutError: it did not stop in time.
        """
        async with self._changing(name) as scenario:
            was_active = name in self.active
            await scenario.fault(self._context, False)
            self.active.discard(name)
            self._due.pop(name, None)
            log.info("sample_scenario_stopped", scenario=name)
            return was_active

    async def close(self) -> None:
        """Cancel what runs for scenarios; the sample itself ends, so no fault is undone."""
        tasks = [*self._later.values(), *self._context.running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def _changing(self, name: str) -> AsyncIterator[Scenario]:
        if name not in self.scenarios:
            raise UnknownScenarioError(name)
        async with self._lock, asyncio.timeout(STEP_SECONDS):
            later = self._later.pop(name, None)
            if later is not None and later is not asyncio.current_task():
                later.cancel()
            yield self.scenarios[name]

    async def _begin(self, scenario: Scenario) -> None:
        """Inject the fault, once."""
        if scenario.name in self._due:
            await scenario.fault(self._context, True)
            del self._due[scenario.name]
            log.info("sample_scenario_started", scenario=scenario.name)

    async def _run(self, scenario: Scenario, seconds: float | None) -> None:
        """Begin a scenario when it is due, and end it after so many seconds."""
        try:
            await asyncio.sleep(self.begins_in(scenario.name))
            async with self._lock, asyncio.timeout(STEP_SECONDS):
                await self._begin(scenario)
            if seconds is not None:
                await asyncio.sleep(seconds)
                await self.stop(scenario.name)
        except Exception as error:  # noqa: BLE001 - nobody waits for it: its log alone can tell.
            log.warning("sample_scenario_failed", scenario=scenario.name, error=repr(error))


def control_api(runner: ScenarioRunner, token: str, port: int) -> LoopbackServer:
    """Return the HTTP server; it listens while it is entered."""

    async def handle(request: Request) -> Reply:
        shown = request.headers.get("authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
            return _reply(401, {"error": "send the token from control.token as a bearer token"})
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["scenarios"]:
                return _reply(200, [_row(s, runner) for s in runner.scenarios.values()])
            case "POST", ["scenarios", name, ("start" | "stop") as action]:
                return await _perform(runner, name, action, request.query.get("seconds"))
        return _reply(404, {"error": "GET /scenarios, or POST /scenarios/NAME/start or /stop"})

    return LoopbackServer(handle, port)


async def _perform(runner: ScenarioRunner, name: str, action: str, seconds: str | None) -> Reply:
    more: dict[str, object] = {}
    try:
        if action == "start":
            await runner.start(name, seconds=_length(seconds))
        else:
            more["was_active"] = await runner.stop(name)
    except UnknownScenarioError:
        near = " or ".join(map(repr, difflib.get_close_matches(name[:64], runner.scenarios)))
        meant = f". Did you mean {near}?" if near else ""
        return _reply(404, {"error": f"there is no scenario {name!r}{meant}"})
    except ValueError as error:
        return _reply(400, {"error": str(error)})
    except Exception as error:  # noqa: BLE001 - any error of a scenario is answered to the caller.
        log.warning("sample_scenario_failed", scenario=name, action=action, error=repr(error))
        return _reply(500, {"error": f"{name} did not {action}: {error!r}"})
    return _reply(200, _row(runner.scenarios[name], runner) | more)


def _length(seconds: str | None) -> float | None:
    length = None if seconds is None else float(seconds)
    # The comparison is written so that it refuses "nan" as well.
    if length is not None and not 0 < length <= LONGEST_SECONDS:
        raise ValueError(f"seconds must lie between 0 and {LONGEST_SECONDS:.0f}")
    return length


def _row(scenario: Scenario, runner: ScenarioRunner) -> dict[str, object]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "story": scenario.story,
        "state": "active" if scenario.name in runner.active else "idle",
        "begins_in": math.ceil(runner.begins_in(scenario.name)),
        "raises": scenario.raises,
        "also": scenario.also,
    }


def _reply(status: int, content: object) -> Reply:
    return Reply(orjson.dumps(content), status=status, kind="application/json")
