"""The sample, watched while all that it talks to is hostile: a true P0 must still be told.

At once, for as long as the benchmark runs:

* a third node claims to be 500 blocks ahead, answers with megabytes, nonsense or nothing;
* the mail server takes every message and never says so; Slack answers 429, nonsense or nothing;
* 500 connections with half a request line are held open at each port of a role;
* 2,000 alerts of other subjects arrive at Alertmanager.

Then Redis is stopped, and the page of `RedisDown` is awaited at the one channel that works.
"""

import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML

from _rig import memory_bytes, name_of, receiver, report, tree
from dexwatch import clock
from dexwatch.demo.config import Options
from dexwatch.demo.run import Sample, sample, watched
from dexwatch.roles.registry import ROLES
from dexwatch.roles.resources import open_clients
from dexwatch.settings import Settings, load
from dexwatch.storage.store import open_store

SECONDS = 120.0
SETTLE_SECONDS = 30.0
ALERTS, BATCH = 2000, 200
IDLE = 500
AHEAD = 500
GIVE_UP_SECONDS = 60.0
AIM_SECONDS, AIM_BYTES = 10.0, 700_000_000

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def main(seconds: float) -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dexwatch-bench-"))
        channel = await stack.enter_async_context(receiver())
        node = await stack.enter_async_context(serving(hostile_node))
        mail = await stack.enter_async_context(serving(hostile_mail))
        slack = await stack.enter_async_context(serving(hostile_slack))
        running = await stack.enter_async_context(sample(Path(folder) / "demo", Options()))
        poison(running.config, node=node, mail=mail, slack=slack, hook=channel.url)
        settings = load(running.config)
        await stack.enter_async_context(watched(running))
        await asyncio.sleep(SETTLE_SECONDS)
        roles = processes(running)
        watch = asyncio.create_task(peak(running, seconds))
        await stack.enter_async_context(idle(settings))
        storm = asyncio.create_task(alerts(settings))
        await asyncio.sleep(seconds / 4)
        began = time.time()
        await running.scenarios.start("redis-down")
        await channel.until(["RedisDown"], began + GIVE_UP_SECONDS)
        told = channel.first("RedisDown")
        await running.scenarios.stop("redis-down")
        await storm
        most = await watch
        after = processes(running)
        incidents = await opened(settings)
    took = None if told is None else round(told - began, 2)
    report(
        benchmark="hostile",
        measurement="seconds from a stopped Redis to the page, with node, mail, Slack, 500 idle"
        " connections a port and 2,000 alerts against us",
        unit="seconds",
        dexwatch=took,
        proportional_memory_bytes=most,
        incidents_open_in_the_storm=incidents,
        restarted=sorted(name for name in roles if roles[name] != after.get(name)),
        compared_with="the aims: 10 s, 700 MB, nothing restarted",
        reached=took is not None and took <= AIM_SECONDS and most <= AIM_BYTES and roles == after,
    )


def poison(file: Path, *, node: int, mail: int, slack: int, hook: str) -> None:
    """Point the sample's configuration at the hostile peers, and add the one good channel."""
    yaml = YAML()
    values = yaml.load(file)
    values["chain"]["endpoints"].append(
        {"name": "liar", "http": f"http://127.0.0.1:{node}", "ws": f"ws://127.0.0.1:{node}"}
    )
    values["notify"]["email"] |= {"host": "127.0.0.1", "port": mail}
    values["notify"]["slack"]["api_url"] = f"http://127.0.0.1:{slack}/api/"
    values["notify"]["webhooks"] = [
        {"name": "good", "url": hook, "secret": "a-secret-for-this-run", "severities": ["P0"]}
    ]
    yaml.dump(values, file)


@asynccontextmanager
async def serving(connected: Connected) -> AsyncIterator[int]:
    """Serve on a free loopback port while the block runs."""

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The end of the benchmark cancels those that keep somebody waiting.
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError
        ):
            await connected(reader, writer)
        writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def request(reader: asyncio.StreamReader) -> bytes:
    """Read one HTTP request and return its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
    return await reader.readexactly(length)


def answer(status: str, body: bytes, *headers: str) -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


_turns = itertools.count()


async def hostile_node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Claim to be far ahead; answer the rest with what does harm."""
    while True:
        body = orjson.loads(await request(reader))
        calls = body if isinstance(body, list) else [body]
        methods = [call["method"] for call in calls]
        turn = next(_turns) % 5
        if all(method in _CLAIMS for method in methods):
            told = [
                {"jsonrpc": "2.0", "id": c["id"], "result": _CLAIMS[c["method"]]} for c in calls
            ]
            out = answer("200 OK", orjson.dumps(told if isinstance(body, list) else told[0]))
        elif turn == 0:
            out = answer("200 OK", b"[" + b"[]," * 5_000_000 + b"[]]")
        elif turn == 1:
            out = answer("502 Bad Gateway", b"<html>" + b"x" * 100_000)
        elif turn == 2:
            out = answer("200 OK", b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 200_000)
        elif turn == 3:
            await asyncio.sleep(30)
            return
        else:
            out = answer("200 OK", b'{"jsonrpc":"2.0","id":1,"result":{"number":"0x' + b"f" * 10**6)
        writer.write(out)
        await writer.drain()


_CLAIMS: dict[str, Any] = {
    "eth_chainId": hex(56),
    "eth_blockNumber": hex(10**6 + AHEAD),
    "eth_syncing": False,
    "net_peerCount": "0x40",
}


async def hostile_mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the whole message, and never say that it was taken."""
    writer.write(b"220 mail ESMTP\r\n")
    while line := await reader.readline():
        word = line[:4].upper()
        writer.write(b"354 go on\r\n" if word == b"DATA" else b"250 ok\r\n")
        await writer.drain()
        if word == b"DATA":
            await reader.readuntil(b"\r\n.\r\n")
            await asyncio.sleep(600)


async def hostile_slack(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask to wait, talk nonsense, or say nothing."""
    while True:
        await request(reader)
        turn = next(_turns) % 3
        if turn == 0:
            out = answer("429 Too Many Requests", b"", "retry-after: 60")
        elif turn == 1:
            out = answer("200 OK", b'{"ok": "perhaps"')
        else:
            await asyncio.sleep(60)
            return
        writer.write(out)
        await writer.drain()


@asynccontextmanager
async def idle(settings: Settings) -> AsyncIterator[None]:
    """Hold half requests open at every role's port; those that are dropped come back."""
    ports = [spec.listens(settings).port for spec in ROLES]
    held = [asyncio.create_task(_half_a_request(port)) for port in ports for _ in range(IDLE)]
    try:
        yield
    finally:
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def _half_a_request(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HT")
            await reader.read()
            writer.close()
        await asyncio.sleep(0.5)


async def alerts(settings: Settings) -> None:
    """Post the storm: each alert of another subject, so that each is an incident of its own."""
    async with AsyncExitStack() as stack:
        _, alertmanager = await open_clients(stack, settings)
        for start in range(0, ALERTS, BATCH):
            began = clock.now().isoformat()
            await alertmanager.post(
                {
                    "labels": {
                        "alertname": "Storm",
                        "alert_group": f"storm-{number}",
                        "severity": "P2",
                        "host": f"host-{number}",
                    },
                    "annotations": {"summary": f"storm {number} " + "x" * 500},
                    "startsAt": began,
                }
                for number in range(start, start + BATCH)
            )
            await asyncio.sleep(1)


async def opened(settings: Settings) -> int:
    """Return how many incidents are open."""
    store = await open_store(settings.storage.database_url(settings.folder))
    try:
        return sum((await store.counts()).open.values())
    finally:
        await store.close()


def processes(running: Sample) -> dict[str, int]:
    """Return the processes of dexwatch by name; one that was started anew has another number."""
    root = running.programs.state("dexwatch").pid
    assert root is not None
    found = {}
    for pid in tree(root):
        with contextlib.suppress(OSError):
            found[name_of(pid)] = pid
    return found


async def peak(running: Sample, seconds: float) -> int:
    """Return the most proportional memory that dexwatch and its daemons held together."""
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        total = 0
        for pid in processes(running).values():
            with contextlib.suppress(OSError):
                total += memory_bytes(pid)[1]
        most = max(most, total)
        await asyncio.sleep(1)
    return most


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
