"""How tests look at the running sample exchange, and break it for a while."""

from functools import partial
from types import SimpleNamespace

import httpx
from prometheus_client.parser import text_string_to_metric_families

from dexwatch.demo.exchange.programs import PASSWORD
from dexwatch.demo.scenarios.exchange import SCENARIOS
from tests.fakes import patience

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}

until = partial(patience.until, every=0.1)
"""The API takes so many requests a second of one client, and no more."""


async def scrape(exchange, *names):
    """Return {(name, sorted labels): value} summed over the exchange's processes."""
    totals: dict = {}
    async with httpx.AsyncClient(timeout=3) as client:
        for port in (*exchange.config.api_ports, exchange.config.worker_port):
            try:
                text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            except httpx.HTTPError:
                continue
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.name in names:
                        key = (sample.name, *sorted(sample.labels.items()))
                        totals[key] = totals.get(key, 0) + sample.value
    return totals


async def total(exchange, name, **labels):
    wanted = set(labels.items())
    found = await scrape(exchange, name)
    return sum(value for key, value in found.items() if wanted <= set(key[1:]))


async def rises(exchange, name, by=1.0, **labels):
    """Wait until the series has risen by so much."""
    before = await total(exchange, name, **labels)

    async def look():
        return await total(exchange, name, **labels) >= before + by

    await until(look)


class Broken:
    """Holds a scenario active for the length of a block."""

    def __init__(self, exchange, name):
        self.context = SimpleNamespace(exchange=exchange)
        self.scenario = BY_NAME[name]

    async def __aenter__(self):
        await self.scenario.fault(self.context, True)
        await self.scenario.fault(self.context, True)

    async def __aexit__(self, *exception):
        await self.scenario.fault(self.context, False)
        await self.scenario.fault(self.context, False)


def client(exchange):
    address = {"x-sample-client": "192.0.2.1"}
    return httpx.AsyncClient(base_url=exchange.addresses["api"], timeout=8, headers=address)


async def status(exchange, method, path, **options):
    async with client(exchange) as browser:
        return (await browser.request(method, path, **options)).status_code


async def signed_in(exchange, number=7):
    async with client(exchange) as browser:
        body = {"email": f"user{number}@example.org", "password": PASSWORD}
        answer = await browser.post("/api/sessions", json=body)
    assert answer.status_code == 201
    return {"authorization": f"Bearer {answer.json()['token']}"}
