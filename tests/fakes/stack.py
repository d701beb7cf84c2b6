"""A real Prometheus and Alertmanager on free ports, watching one gauge for each alert of a test."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from dexwatch.clients.access import Access
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import HttpReady, Program
from dexwatch.daemons.programs.alertmanager import Webhook
from dexwatch.daemons.programs.plan import plan
from dexwatch.daemons.programs.secrets import Secrets
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.profile import DEMO
from dexwatch.metrics.metric import Unit, gauge
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.sample import Sample
from dexwatch.roles.http.exposition import serve
from tests.fakes import need
from tests.fakes.hooks import Hooks, hooks
from tests.fakes.patience import until

SECRETS = Secrets(
    Access(username="dexwatch", password=SecretStr("s" * 32)), identity="a certificate"
)

FAULT = gauge(
    "fault", "1 while the alert of this name should fire.", unit=Unit.BOOLEAN, labels=("name",)
)


def asked(url: str) -> HttpReady:
    """Return how a program of the stack is asked."""
    return HttpReady(url, SECRETS.access.header)


def rules(*alerts: dict[str, str]) -> str:
    """Return a rule file: one alert for each dict of labels, of which `alertname` is its gauge."""
    written = [
        {
            "alert": labels["alertname"],
            "expr": f'fault{{name="{labels["alertname"]}"}} == 1',
            "labels": {k: v for k, v in labels.items() if k != "alertname"},
            "annotations": {"summary": "it is {{ $value }}"},
        }
        for labels in alerts
    ]
    return json.dumps({"groups": [{"name": "test", "interval": "1s", "rules": written}]})


@dataclass
class Stack:
    """The running programs, and the switches of the alerts."""

    folder: Path
    config: DaemonsConfig
    hooks: Hooks
    supervisor: Supervisor
    faults: dict[str, float] = field(default_factory=dict)
    profile: str = "demo"
    exposing: int = 0
    token: str = "hook-token"
    hook_url: str = ""
    """Where Alertmanager tells alerts, if not to the hooks that only keep them."""

    def samples(self) -> list[Sample]:
        """What the watched target exposes."""
        return [Sample(FAULT, value, {"name": name}) for name, value in self.faults.items()]

    def programs(self, rule_file: str) -> dict[str, Program]:
        """Return the programs as they would run with these rules."""
        webhook = Webhook(self.hook_url or self.hooks.url, SecretStr(self.token))
        planned = plan(
            self.config,
            folder=self.folder,
            profile=DEMO if self.profile == "demo" else PRODUCTION,
            rules=rule_file,
            roles=(),
            webhook=webhook,
            secrets=SECRETS,
        )
        return {program.name: program for program in planned}

    async def prometheus(self, path: str, **parameters: str) -> Any:
        """Ask Prometheus' API and return its data."""
        async with httpx.AsyncClient(
            timeout=5, headers={"authorization": SECRETS.access.header}
        ) as client:
            answer = await client.get(f"{self.config.prometheus_url}{path}", params=parameters)
            return answer.json()["data"]

    async def alertmanager(self, path: str, **parameters: str) -> Any:
        """Ask Alertmanager's API."""
        async with httpx.AsyncClient(
            timeout=5, headers={"authorization": SECRETS.access.header}
        ) as client:
            answer = await client.get(f"{self.config.alertmanager_url}{path}", params=parameters)
            return answer.json()

    async def scraped(self) -> None:
        """Wait until Prometheus has read the watched target."""

        async def seen() -> bool:
            return bool((await self.prometheus("/api/v1/query", query="fault"))["result"])

        await until(seen, why="Prometheus scrapes the target")


@asynccontextmanager
async def stack(
    folder: Path,
    rule_file: str,
    *names: str,
    profile: str = "demo",
    token: str = "hook-token",
    hook_url: str = "",
) -> AsyncIterator[Stack]:
    """Run Prometheus and Alertmanager with these rules; `names` are the gauges, all off."""
    for binary in ("prometheus", "promtool", "prometheus-alertmanager", "amtool"):
        need.program(binary)
    async with AsyncExitStack() as exits:
        receiver = await exits.enter_async_context(hooks())
        supervisor = await exits.enter_async_context(Supervisor(folder))
        faults = dict.fromkeys(names, 0.0)
        running = Stack(
            folder, DaemonsConfig(), receiver, supervisor, faults, profile, 0, token, hook_url
        )
        port = await exits.enter_async_context(serve(running.samples, 0))
        running.exposing = port
        running.config = DaemonsConfig.model_validate(
            {
                "prometheus": {"port": need.free_port()},
                "alertmanager": {"port": need.free_port()},
                "node": {"enabled": False},
                "targets": [
                    {
                        "job": "exchange",
                        "address": f"127.0.0.1:{port}",
                        "scrape_class": "critical",
                        "labels": {"instance": "api-1", "host": "dex-1"},
                    }
                ],
            }
        )
        await supervisor.start(running.programs(rule_file).values())
        await running.scraped()
        yield running
