"""The sample's users, a load generator: they sign in, read, trade, pay; some of them attack."""

import asyncio
import itertools
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from dexwatch.demo.exchange.programs import PASSWORD

USERS = 300
"""Of the seeded users, those that come back; the others only make up history."""

_IN_FLIGHT = 48
_SIGNED_IN = 60
_TIMEOUT = 6.0
_PAIRS = ("WBNB/USDT", "CAKE/WBNB", "ETH/USDT")
_FEATURES = ("swap", "charts", "alerts", "farms")
_CYCLE: Mapping[str, int] = {
    "quote": 19,
    "trade": 7,
    "status": 4,
    "portfolio": 5,
    "sign_in": 5,
    "register": 3,
    "pay": 4,
    "ask": 1,
    "feature": 2,
}
"""Fifty actions in random order, so that every few seconds hold some of each kind."""

_log = structlog.get_logger(__name__)


@dataclass
class Visitor:
    """A signed-in user."""

    number: int
    token: str
    trade: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the user's browser sends."""
        return {**source(self.number), "authorization": f"Bearer {self.token}"}


def source(number: int) -> dict[str, str]:
    """Return the header that tells the balancer the address of an invented user."""
    return {"x-sample-client": f"198.51.100.{1 + number % 250}"}


class Traffic:
    """Requests by a seeded population."""

    def __init__(self, url: str, *, seed: int = 1, per_second: float = 8.0) -> None:
        self._per_second = per_second
        self._random = random.Random(seed)
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=_IN_FLIGHT, max_keepalive_connections=16),
        )
        self._visitors: deque[Visitor] = deque(maxlen=_SIGNED_IN)
        self._running: set[asyncio.Task[None]] = set()
        self._attacks: dict[str, asyncio.Task[None]] = {}
        self._sent: deque[float] = deque(maxlen=2_000)
        self._newcomers = itertools.count(1)

    def requests_per_second(self, seconds: float = 5.0) -> float:
        """Return how many requests a second were sent lately."""
        since = time.monotonic() - seconds
        return sum(at > since for at in self._sent) / seconds

    async def run(self) -> None:
        """Send requests until cancelled."""
        actions: dict[str, Callable[[], Awaitable[None]]] = {
            name: getattr(self, f"_{name}") for name in _CYCLE
        }
        try:
            while True:
                actions_due = [name for name, count in _CYCLE.items() for _ in range(count)]
                self._random.shuffle(actions_due)
                for name in actions_due:
                    if len(self._running) < _IN_FLIGHT:
                        self._begin(actions[name]())
                    await asyncio.sleep(1 / self._per_second)
        finally:
            await self._end()

    def start_attack(self, name: str) -> None:
        """Begin an attack.

        "brute-force" guesses passwords, "flood" exceeds the rate limit, "forbidden-access" requests
        what only administrators may see.
        """
        attacks = {
            "brute-force": self._guess_passwords,
            "flood": self._send_flood,
            "forbidden-access": self._request_admin_page,
        }
        if name not in self._attacks:
            self._attacks[name] = asyncio.create_task(attacks[name](), name=name)

    def stop_attack(self, name: str) -> None:
        """End an attack."""
        task = self._attacks.pop(name, None)
        if task is not None:
            task.cancel()

    def _begin(self, work: Awaitable[object]) -> None:
        async def guarded() -> None:
            try:
                await work
            except (httpx.HTTPError, KeyError, ValueError) as error:
                # A user whose request fails goes on; the platform's own metrics tell the rest.
                _log.debug("traffic.request_failed", error=type(error).__name__)

        task = asyncio.create_task(guarded())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _end(self) -> None:
        for name in list(self._attacks):
            self.stop_attack(name)
        # Tasks that have only just begun run once, or their requests would never be awaited.
        await asyncio.sleep(0)
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _ask_api(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx' own options.
        self._sent.append(time.monotonic())
        answer = await self._client.request(method, path, **options)
        if answer.status_code == 401:
            self._forget(options.get("headers", {}))
        return answer

    async def _ask_as_visitor(self, method: str, path: str, **options: Any) -> None:  # noqa: ANN401
        await self._ask_api(method, path, headers=(await self._visitor()).headers, **options)

    def _forget(self, headers: Mapping[str, str]) -> None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        kept = [visitor for visitor in self._visitors if visitor.token != token]
        self._visitors = deque(kept, maxlen=_SIGNED_IN)

    async def _visitor(self) -> Visitor:
        if not self._visitors:
            await self._sign_in()
        return self._random.choice(list(self._visitors) or [Visitor(0, "none")])

    async def _sign_in(self) -> None:
        if len(self._visitors) == _SIGNED_IN:
            leaving = self._visitors.popleft()
            await self._ask_api("DELETE", "/api/sessions", headers=leaving.headers)
        number = self._random.randint(1, USERS)
        body = {"email": f"user{number}@example.org", "password": PASSWORD}
        answer = await self._ask_api("POST", "/api/sessions", json=body, headers=source(number))
        if answer.status_code == 201:
            self._visitors.append(Visitor(number, answer.json()["token"]))

    async def _register(self) -> None:
        number = next(self._newcomers)
        name = f"new{number}-{self._random.getrandbits(40):x}@example.org"
        body = {"email": name, "password": PASSWORD}
        await self._ask_api("POST", "/api/registrations", json=body, headers=source(number))

    async def _quote(self) -> None:
        pair = self._random.choice(_PAIRS).replace("/", "-")
        headers = source(self._random.randint(1, USERS))
        await self._ask_api("GET", f"/api/quotes/{pair}", headers=headers)

    async def _trade(self) -> None:
        visitor = await self._visitor()
        body = {
            "pair": self._random.choice(_PAIRS),
            "side": self._random.choice(("buy", "sell")),
            "usd": round(self._random.lognormvariate(5.3, 0.8), 2),
        }
        answer = await self._ask_api("POST", "/api/trades", json=body, headers=visitor.headers)
        if answer.status_code == 202:
            visitor.trade = answer.json()["trade"]

    async def _status(self) -> None:
        traders = [visitor for visitor in self._visitors if visitor.trade is not None]
        if traders:
            visitor = self._random.choice(traders)
            await self._ask_api("GET", f"/api/trades/{visitor.trade}", headers=visitor.headers)

    async def _portfolio(self) -> None:
        await self._ask_as_visitor("GET", "/api/portfolio")

    async def _pay(self) -> None:
        kind = self._random.choice(("deposit", "withdrawal"))
        body = {"kind": kind, "usd": round(self._random.uniform(20, 500), 2)}
        await self._ask_as_visitor("POST", "/api/payments", json=body)

    async def _ask(self) -> None:
        headers = (await self._visitor()).headers
        body = {"subject": "When does my withdrawal arrive?"}
        await self._ask_api("POST", "/api/tickets", json=body, headers=headers)
        score = self._random.choice((3, 4, 4, 5, 5))
        await self._ask_api("POST", "/api/surveys", json={"score": score}, headers=headers)

    async def _feature(self) -> None:
        feature = self._random.choice(_FEATURES)
        await self._ask_as_visitor("POST", f"/api/features/{feature}")

    async def _guess_passwords(self) -> None:
        headers = {"x-sample-client": "203.0.113.66"}
        for number in itertools.cycle(range(1, USERS)):
            body = {"email": f"user{number}@example.org", "password": f"guess-{number:06}"}
            self._begin(self._ask_api("POST", "/api/sessions", json=body, headers=headers))
            await asyncio.sleep(1 / 4)

    async def _send_flood(self) -> None:
        headers = {"x-sample-client": "203.0.113.77"}
        while True:
            if len(self._running) < _IN_FLIGHT:
                self._begin(self._ask_api("GET", "/api/quotes/WBNB-USDT", headers=headers))
            await asyncio.sleep(1 / 40)

    async def _request_admin_page(self) -> None:
        while True:
            self._begin(self._ask_as_visitor("GET", "/api/admin/users"))
            await asyncio.sleep(1 / 3)
