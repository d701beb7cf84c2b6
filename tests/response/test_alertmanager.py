"""A real Alertmanager feeds the role: what it sends and holds is what we take it to be."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clock import now
from dexwatch.incidents.records import IncidentState
from dexwatch.response.reconcile import Reconciler
from tests.fakes.alerts import labels
from tests.fakes.need import free_port
from tests.response.test_respond import TOKEN, Stack, stack

CONFIG = """
route:
  receiver: dexwatch
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: dexwatch
    webhook_configs:
      - url: {url}/hooks/alertmanager
        send_resolved: true
        http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


@asynccontextmanager
async def alertmanager(program: str, folder: Path, url: str) -> AsyncIterator[str]:
    (folder / "am.yml").write_text(CONFIG.format(url=url, token=TOKEN.get_secret_value()))
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={folder / 'am.yml'}",
        f"--storage.path={folder / 'am'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    if (await client.get(f"{address}/-/ready")).status_code == 200:
                        break
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
        yield address
    finally:
        server.terminate()
        await server.wait()


async def post(address: str, *, over: bool) -> None:
    alert = {
        "labels": labels("ApiUptimeLow", "P0", "api"),
        "annotations": {"summary": "Uptime is 97%, the threshold is 99.9%."},
        "startsAt": (now() - timedelta(seconds=5)).isoformat(),
    }
    if over:
        alert["endsAt"] = now().isoformat()
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{address}/api/v2/alerts",
            content=json.dumps([alert]),
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code == 200, answer.text


async def until(s: Stack, state: IncidentState) -> None:
    async with asyncio.timeout(20):
        while True:
            view = await s.store.incident("INC-1")
            if view and view.incident.state is state:
                return
            await asyncio.sleep(0.05)


async def test_a_real_alertmanager_opens_and_resolves_and_is_understood_when_asked(
    tmp_path: Path, require: Callable[[str], str]
) -> None:
    async with (
        stack(tmp_path) as s,
        alertmanager(require("prometheus-alertmanager"), tmp_path, s.url) as address,
        AlertmanagerClient(address) as client,
    ):
        await post(address, over=False)
        await until(s, IncidentState.OPEN)
        await s.slack.wait(1)
        reconciler = Reconciler(
            s.store, client, s.role.ingest, now,
            receiver="dexwatch", every_seconds=30, missing_seconds=60,
        )  # fmt: skip
        before = await s.store.revision()
        await reconciler.once(client)
        view = await s.store.incident("INC-1")
        theirs = (await client.alerts())[0]
        assert (theirs.fingerprint, theirs.starts) == (
            view.alerts[0].fingerprint,
            view.alerts[0].starts_at,
        )
        assert len(view.alerts) == 1, "the webhook and the API mean the same alert"
        assert len([e for e in view.timeline if e.kind in ("opened", "alert")]) == 1
        assert await s.store.revision() >= before
        await post(address, over=True)
        await until(s, IncidentState.RESOLVED)
