"""How long the very first page takes after the respond role's start, and what the role weighs.

python benchmarks/first_page.py [ROUNDS]

Each round starts the role anew and posts a P0 as soon as its receiver listens.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx
import orjson

from _rig import free_ports, memory_bytes, receiver, report
from dexwatch.demo.local.mailbox import Mailbox
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.demo.local.slack import SlackFake

ROUNDS = 5
TOKEN = "token-of-the-benchmark"
IDLE_SECONDS = 5.0
AIM_SECONDS = 1.0


async def main(rounds: int) -> None:
    first: dict[str, list[float]] = {"slack": [], "webhook": [], "email": []}
    second: dict[str, list[float]] = {"slack": [], "webhook": [], "email": []}
    resident, pictures = [], 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="dexwatch-bench-") as folder:
            weight, drawn = await one_round(Path(folder), first, second)
            resident.append(weight)
            pictures += drawn
    cold = {name: round(median(values), 3) for name, values in first.items()}
    report(
        benchmark="first_page",
        measurement="alert posted to message taken, just after the start and again when warm",
        unit="seconds; MB",
        rounds=rounds,
        first_p50=cold,
        first_max={name: round(max(values), 3) for name, values in first.items()},
        warm_p50={name: round(median(values), 3) for name, values in second.items()},
        resident_mb=round(median(resident)),
        mails_with_picture=f"{pictures} of {2 * rounds}",
        compared_with="the aim",
        aim=f"every channel's first page within {AIM_SECONDS:g} s",
        reached=max(cold.values()) <= AIM_SECONDS,
    )


async def one_round(
    folder: Path, first: dict[str, list[float]], second: dict[str, list[float]]
) -> tuple[float, int]:
    """Time two pages of a fresh role; return its memory in MB and the number of pictures."""
    async with (
        LoopbackServer(prometheus) as metrics,
        SlackFake() as slack,
        Mailbox() as mailbox,
        receiver() as hook,
    ):
        port = free_ports(1)[0]
        file = folder / "dexwatch.yml"
        file.write_text(
            configuration(port, metrics.url, slack.api_url, mailbox.smtp_port, hook.url)
        )
        role = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dexwatch.roles", "respond", str(file)
        )
        counts = {
            "slack": lambda: len(slack.messages),
            "webhook": lambda: len(hook.bodies),
            "email": lambda: len(mailbox.messages),
        }
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                await opened(client)
                await timed(client, "first", counts, first)
                await asyncio.sleep(IDLE_SECONDS)
                await timed(client, "second", counts, second)
                await asyncio.sleep(IDLE_SECONDS)
            weight = memory_bytes(role.pid)[0] / 1e6
            return weight, sum("chart.png" in str(m.message) for m in mailbox.messages)
        finally:
            role.terminate()
            await role.wait()


async def timed(
    client: httpx.AsyncClient,
    alert_group: str,
    counts: dict[str, Callable[[], int]],
    taken: dict[str, list[float]],
) -> None:
    """Post an alert and note when each channel's first new message has come."""
    before = {name: count() for name, count in counts.items()}
    start = time.perf_counter()
    posting = asyncio.create_task(
        client.post(
            "/hooks/alertmanager",
            content=webhook(alert_group),
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
    )
    waiting = set(counts)
    while waiting and time.perf_counter() - start < 30:
        for name in [name for name in waiting if counts[name]() > before[name]]:
            taken[name].append(time.perf_counter() - start)
            waiting.discard(name)
        await asyncio.sleep(0.002)
    (await posting).raise_for_status()


async def opened(client: httpx.AsyncClient) -> None:
    """Wait until the receiver listens.

    Raises:
        TimeoutError: the role does not start; its standard error says why.
    """
    async with asyncio.timeout(30):
        while True:
            try:
                await client.get("/healthz")
            except httpx.ConnectError:
                await asyncio.sleep(0.005)
            else:
                return


async def prometheus(_: Request) -> Reply:
    """Answer any range query with two series of 120 points."""
    now = time.time()
    series = [
        {
            "metric": {"http_route": route},
            "values": [[now - 900 + 7.5 * n, str(0.1 + n / 500)] for n in range(120)],
        }
        for route in ("/quote", "/trades")
    ]
    data = {"resultType": "matrix", "result": series}
    return Reply(orjson.dumps({"status": "success", "data": data}), kind="application/json")


def webhook(alert_group: str) -> bytes:
    """Return an Alertmanager message with one P0."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "ApiUptimeLow", "severity": "P0", "alert_group": alert_group},
        "annotations": {"summary": "97% of 99.9%", "query": "up", "unit": "ratio", "limit": "1"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": alert_group,
    }
    body = {"version": "4", "groupKey": alert_group, "status": "firing", "alerts": [alert]}
    return orjson.dumps(body)


def configuration(port: int, metrics: str, slack: str, smtp: int, hook: str) -> str:
    """Return a configuration with every channel; the reconciler is kept out of the measurement."""
    return f"""
name: bench
folder: ./state
daemons: {{mode: external, prometheus: {{url: "{metrics}"}}, alertmanager: {{url: "{metrics}"}}}}
respond: {{port: {port}, hook_token: {TOKEN}, reconcile_seconds: 3600}}
notify:
  email:
    {{host: 127.0.0.1, port: {smtp}, tls: none, sender: d@example.org, to: {{P0: [a@example.org]}}}}
  slack: {{token: xoxb-sample, api_url: "{slack}", channels: {{P0: "#critical-alerts"}}}}
  webhooks: [{{name: ops, url: "{hook}", secret: {TOKEN}, severities: [P0]}}]
"""


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
