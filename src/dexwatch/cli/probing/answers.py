"""Tries what an operator answered to `dexwatch init`, and says what was found."""

from dataclasses import replace

from dexwatch.chain import probes as chain
from dexwatch.cli.draft import Contract, Draft, Pool, answered
from dexwatch.cli.present import out
from dexwatch.cli.probing import recognise
from dexwatch.cli.probing.judged import assumed, refusals, without_secret, written
from dexwatch.cli.probing.reach import State, trials
from dexwatch.cli.terminal import foreign
from dexwatch.clients.http import SourceError
from dexwatch.notifiers.registry import NOTIFIERS
from dexwatch.settings import SettingsError

BSC = 56
ANSWERED = frozenset({"database", "redis", "nginx", "target", "deadman", "probe"})
"""The headings of `dexwatch doctor` below which stands what `init` asks for, channels aside."""


async def tried(said: Draft) -> Draft:
    """Try each answer, say what was found, and keep what did not answer as a note."""
    notes: list[str] = []
    draft, node = await _endpoints(assumed(said), notes)
    draft = await _contracts(draft, node, notes)
    channels = {}
    for channel in NOTIFIERS:
        answers = said.channels.get(channel.name, {})
        if answered(channel.setup, answers):
            channels[channel.name] = answers
        elif answers:
            absent = [q.key for q in channel.setup.questions if q.key not in answers]
            _bad(f"{channel.name}: left out, because {', '.join(absent)} was not given", notes)
    # What was found on the chain is named by strangers; what else was answered stands without it.
    await _others(replace(said, rpc=(), addresses=(), channels=channels), notes)
    return replace(draft, channels=channels, notes=tuple(notes))


async def _others(said: Draft, notes: list[str]) -> None:
    """Try as `dexwatch doctor` does, as far as the variables that hold secrets are set."""
    try:
        settings, absent = written(said)
    except SettingsError as error:
        for problem in error.problems:
            _bad(f"{problem.key}: {problem.message}", notes)
        return
    # One variable may stand at several places.
    for words in dict.fromkeys(f"not tried: {one.message}. {one.remedy}" for one in absent):
        _bad(words, notes)
    areas = ANSWERED | ({"notify"} if said.channels else set())
    for trial in await trials(settings, lambda area: area in areas):
        words = f"{trial.area} {trial.subject}: {trial.detail}"
        _good(words) if trial.state is State.OK else _bad(f"{words}. {trial.remedy}", notes)


async def _endpoints(draft: Draft, notes: list[str]) -> tuple[Draft, str]:
    """Return what the nodes say of the chain, and the address of the first that answered."""
    chain_id = interval = None
    answering = ""
    for endpoint in draft.endpoints:
        try:
            node = await chain.node(endpoint.http, measure=interval is None)
        except (SourceError, ValueError) as error:
            _bad(f"{endpoint.name}: {_reason(error)}", notes)
            continue
        if chain_id not in {None, node.chain_id}:
            _bad(f"{endpoint.name}: serves chain {node.chain_id}, the others {chain_id}", notes)
            continue
        chain_id, interval = node.chain_id, interval or node.block_interval_ms
        answering = answering or endpoint.http
        every = f", one every {interval} ms" if interval else ""
        _good(f"{endpoint.name}: chain {chain_id}, block {node.head:,}{every}")
    measured = replace(draft, chain_id=chain_id or BSC, block_interval_ms=interval)
    if draft.endpoints and (interval is None or refusals(measured)):
        _bad("block interval: not measured; set chain.block_interval_ms yourself", notes)
        measured = replace(measured, block_interval_ms=None)
    return measured, answering


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, SourceError) else "no http:// or https:// address"


async def _contracts(draft: Draft, node: str, notes: list[str]) -> Draft:
    """Sort the contracts by what the node says of them; one that it tells nothing of is kept."""
    pools: list[Pool] = []
    contracts: list[Contract] = []
    absent: list[Contract] = []
    for given in draft.contracts:
        if not node:
            _bad(f"{given.address}: not reached, no node answered; kept as a contract", notes)
            contracts.append(replace(given, reached=False))
            continue
        try:
            thing = await recognise.contract(node, given.address, name=given.name)
        except (SourceError, ValueError) as error:
            _bad(f"{given.address}: not reached, {_reason(error)}; kept as a contract", notes)
            contracts.append(replace(given, reached=False))
            continue
        if thing is None:
            _bad(f"{given.address}: no contract is there", notes)
            absent.append(given)
        elif isinstance(thing, Pool):
            _good(f"{given.address}: {thing.kind} pool {thing.name}")
            pools.append(thing)
        else:
            _good(f"{given.address}: contract")
            contracts.append(thing)
    return replace(draft, pools=tuple(pools), contracts=tuple(contracts), absent=tuple(absent))


def _good(text: str) -> None:
    out.print(f"  [green]✓[/] {foreign(text)}", soft_wrap=True)


def _bad(text: str, notes: list[str]) -> None:
    out.print(f"  [yellow]![/] {foreign(text)}", soft_wrap=True)
    notes.append(without_secret(text))
