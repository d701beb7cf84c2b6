"""How many alerts a second go from the receiver to the committed decision, and at what cost.

python benchmarks/alert_ingest.py [ALERTS]

Once all alerts are of different groups and come singly, as Alertmanager sends them; once they are
of one group and come in messages of a hundred. Each plans a job. SQLite commits with
`synchronous = FULL`, PostgreSQL with fsync. Then a reconciliation finds all of them firing.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr
from starlette.applications import Starlette

from _rig import report
from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.clock import now
from dexwatch.incidents.policy import Policy, Route
from dexwatch.metrics.severity import Severity
from dexwatch.receivers.receiver import Inbound
from dexwatch.receivers.registry import routes
from dexwatch.response.ingest import Ingest
from dexwatch.response.reconcile import Reconciler
from dexwatch.response.store import Store
from dexwatch.storage.store import open_store
from tests.fakes.databases import postgresql

ALERTS = 10_000
RECONCILED = 5_000
MESSAGE = 100
AT_ONCE = 200
"""Requests under way; Alertmanager opens one for each group that has news."""
AIM = 500
TOKEN = "token-of-the-benchmark"
POLICY = Policy(routes={Severity.P2: (Route("email", "ana@example.org"),)})
STARTED = datetime(2026, 3, 2, 8, tzinfo=UTC)


def alert(number: int, group: str) -> dict[str, Any]:
    """Return one alert as the webhook carries it, of the size that our own rules have."""
    return {
        "status": "firing",
        "labels": {
            "alertname": "CpuUseHigh",
            "severity": "P2",
            "alert_group": group,
            "service": "hosts",
            "instance": f"host-{number}",
            "team": "platform",
        },
        "annotations": {
            "summary": f"CPU use of host-{number} is 93%, the limit is 90%.",
            "description": "Processor time in use over five minutes, all cores together.",
            "query": "1 - avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[5m]))",
            "runbook_url": "/runbooks/CpuUseHigh",
        },
        "startsAt": STARTED.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{number:016x}",
    }


def bodies(count: int, *, one_group: bool) -> list[bytes]:
    size = MESSAGE if one_group else 1
    return [
        orjson.dumps(
            {
                "version": "4",
                "groupKey": f"{{}}:{{n={first}}}",
                "status": "firing",
                "alerts": [
                    alert(n, "one" if one_group else f"group-{n}")
                    for n in range(first, first + size)
                ],
            }
        )
        for first in range(0, count, size)
    ]


async def post(app: Starlette, body: bytes) -> None:
    """Call the receiver's application as its HTTP server would."""
    statuses = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/hooks/alertmanager",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }
    await app(scope, receive, send)  # type: ignore[arg-type]
    assert statuses == [200], statuses


async def storm(app: Starlette, messages: Iterable[bytes], *, at_once: int) -> None:
    waiting = list(messages)[::-1]

    async def sender() -> None:
        while waiting:
            await post(app, waiting.pop())

    await asyncio.gather(*(sender() for _ in range(at_once)))


async def measure(url: str, count: int, *, one_group: bool) -> dict[str, float]:
    """Return alerts a second, and what the last tenth cost in comparison with the first."""
    store = await open_store(url)
    app = Starlette(
        routes=routes(
            Inbound(Ingest(store, now, policy=POLICY, wake=lambda: None), SecretStr(TOKEN))
        )
    )
    messages = bodies(count, one_group=one_group)
    at_once = 1 if one_group else AT_ONCE
    part = len(messages) // 10
    walls, cpus = [], []
    for first in range(0, len(messages), part):
        wall, cpu = time.perf_counter(), time.process_time()
        await storm(app, messages[first : first + part], at_once=at_once)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    measured = {
        "alerts_per_second": round(count / sum(walls)),
        "cpu_ms_per_alert": round(sum(cpus) * 1000 / count, 2),
        "last_tenth_to_first": round(cpus[-1] / cpus[0], 2),
    }
    if one_group:
        measured["reconcile_cpu_seconds"] = await reconcile(store, min(RECONCILED, count))
    await store.close()
    return measured


async def reconcile(store: Store, count: int) -> float:
    """Return the processor time of a round in which both sides agree."""
    held = [
        RoutedAlert(
            fingerprint=f"{n:016x}",
            labels=alert(n, "one")["labels"],
            annotations=alert(n, "one")["annotations"],
            starts=STARTED,
            ends=datetime(2999, 1, 1, tzinfo=UTC),
            state="active",
            silenced_by=(),
            inhibited_by=(),
            receivers=("dexwatch",),
        )
        for n in range(count)
    ]

    class View:
        async def alerts(self, *, receiver: str = "") -> list[RoutedAlert]:  # noqa: ARG002 - a protocol.
            return held

    ingest = Ingest(store, now, policy=POLICY, wake=lambda: None)
    reconciler = Reconciler(
        store, View(), ingest, now, receiver="dexwatch", every_seconds=30, missing_seconds=180
    )
    began = time.process_time()
    await reconciler.once(View())
    return round(time.process_time() - began, 3)


async def main(count: int) -> None:
    results = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dexwatch-bench-")))
        server = stack.enter_context(postgresql(fsync=True)).rpartition("/")[0]
        for name, one_group in (("groups", False), ("one_group", True)):
            sqlite = f"sqlite+aiosqlite:///{folder / name}.sqlite"
            results[f"sqlite_{name}"] = await measure(sqlite, count, one_group=one_group)
            database = f"{server}/{'postgres' if one_group else 'template1'}"
            results[f"postgresql_{name}"] = await measure(database, count, one_group=one_group)
    slowest = min(result["alerts_per_second"] for result in results.values())
    costliest = max(r.get("reconcile_cpu_seconds", 0) for r in results.values())
    report(
        benchmark="alert_ingest",
        measurement="alerts from the receiver to the committed decision with its job",
        unit="alerts per second; milliseconds and seconds of processor time",
        alerts=count,
        **results,
        compared_with="the aim",
        aim=f">= {AIM} alerts/s, flat cost; {RECONCILED} firing alerts reconciled in <= 1 s",
        reached=slowest >= AIM and costliest <= 1.0,
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ALERTS))
