"""Run the whole sample: chain, exchange, control API, and dexwatch watching them.

    async with sample(Path("var/demo"), Options()) as running:
        await running.scenarios.start("api-slow")
        ...

`watched` puts dexwatch itself on top; `demo` does both until it is told to stop.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dexwatch.clock import monotonic
from dexwatch.daemons.program import HttpReady, Port, Program
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.chain.start import SampleChain, sample_chain
from dexwatch.demo.config import Options, Ports
from dexwatch.demo.config_file import SignIn, write_config
from dexwatch.demo.control import ScenarioRunner, control_api
from dexwatch.demo.exchange.handle import Exchange, start_exchange
from dexwatch.demo.folder import sample_folder
from dexwatch.demo.scenarios import ScenarioContext

READY_SECONDS = 90.0
"""dexwatch must answer within this time; a slow machine needs most of it."""

OnFolder = Callable[[Path], None]
"""Called with the sample's folder as soon as it is ours and empty."""

OnStep = Callable[[str, float], None]
"""Called after every finished step with its name and its seconds."""


@dataclass(frozen=True)
class Sample:
    """A running sample and what is needed to use it."""

    programs: Supervisor
    """Its own programs: anvil, PostgreSQL, Redis, nginx, the API, dexwatch."""
    chain: SampleChain
    scenarios: ScenarioRunner
    config: Path
    """The dexwatch.yml that was written."""
    console: str
    """Where the console will answer once dexwatch runs."""
    sign_in: SignIn
    ports: Ports
    profile: str
    """`demo` or `production`: how dexwatch evaluates."""
    addresses: Mapping[str, str]
    """More to open in a browser: api, mailbox, slack."""


@asynccontextmanager
async def sample(
    folder: Path,
    options: Options | None = None,
    *,
    on_folder: OnFolder = lambda _: None,
    on_step: OnStep | None = None,
) -> AsyncIterator[Sample]:
    """Run the sample without dexwatch; its configuration is written and ready for `up`.

    Raises:
        FolderError: the folder is not ours, or in use.
        ArtefactError: set-up has not been run.
        DaemonError: a program does not start.
    """
    options = options or Options()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(sample_folder(folder))
        on_folder(folder)
        ports = Ports()
        programs = await stack.enter_async_context(Supervisor(folder / "programs"))
        with _step(on_step, "chain, contracts and traders"):
            chain = await stack.enter_async_context(sample_chain(programs, ports, options))
        exchange: Exchange | None = None
        if options.exchange:
            with _step(on_step, "exchange: database, cache, API, balancer, users"):
                exchange = await start_exchange(
                    chain.handle, folder / "exchange", programs, ports, seed=options.seed
                )
                stack.push_async_callback(exchange.stop)
        context = ScenarioContext(chain.handle, chain.traders, exchange)
        runner = ScenarioRunner(context)
        stack.push_async_callback(runner.close)
        token = secrets.token_urlsafe(24)
        await stack.enter_async_context(control_api(runner, token, ports.take("control")))
        addresses = exchange.addresses if exchange else {}
        parts: Mapping[str, Any] = exchange.settings if exchange else {}
        config, sign_in = write_config(
            folder,
            options=options,
            ports=ports,
            chain=chain.handle,
            parts=parts,
            exchange_secrets=exchange.secrets if exchange else {},
            control_token=token,
            addresses=addresses,
        )
        console = f"http://127.0.0.1:{ports.take('console')}"
        yield Sample(
            programs, chain, runner, config, console, sign_in, ports, options.profile, addresses
        )


@asynccontextmanager
async def watched(running: Sample, *, on_step: OnStep | None = None) -> AsyncIterator[Sample]:
    """Run `dexwatch up` on the sample; entered when the console answers.

    Raises:
        DaemonError: dexwatch does not start; the message quotes the end of its log.
    """
    with _step(on_step, "dexwatch: daemons, watch, respond, console"):
        await running.programs.start([_dexwatch(running)])
    running.scenarios.watched_since = monotonic()
    try:
        yield running
    finally:
        await running.programs.stop("dexwatch")


async def demo(
    folder: Path,
    options: Options,
    *,
    stop: asyncio.Event,
    on_folder: OnFolder,
    on_step: OnStep,
    on_ready: Callable[[Sample], None],
) -> None:
    """Run sample and dexwatch until `stop` is set, then stop both, dexwatch first."""
    starting = sample(folder, options, on_folder=on_folder, on_step=on_step)
    main = asyncio.create_task(_main(starting, on_step, on_ready))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({main, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    main.cancel()
    [outcome] = await asyncio.gather(main, return_exceptions=True)
    if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
        raise outcome


async def _main(
    starting: AbstractAsyncContextManager[Sample],
    on_step: OnStep,
    on_ready: Callable[[Sample], None],
) -> None:
    async with starting as running, watched(running, on_step=on_step):
        on_ready(running)
        await asyncio.Event().wait()


def _dexwatch(running: Sample) -> Program:
    module = "dexwatch.roles" if running.profile == "production" else "dexwatch.demo.watching"
    return Program(
        name="dexwatch",
        argv=(sys.executable, "-m", module, "up", str(running.config)),
        cwd=running.config.parent,
        env=dict(os.environ),
        ports=(Port("console.port", running.ports.take("console")),),
        ready=HttpReady(f"{running.console}/healthz"),
        ready_seconds=READY_SECONDS,
        stop_seconds=30.0,
    )


@contextmanager
def _step(on_step: OnStep | None, name: str) -> Iterator[None]:
    started = monotonic()
    yield
    if on_step is not None:
        on_step(name, monotonic() - started)
