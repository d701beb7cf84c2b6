"""`dexwatch coverage`: which promises are proved, by what, and what is missing."""

import asyncio
import contextlib
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dexwatch.bounded_file import read_file
from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    ConfigOption,
    JsonOption,
    emit_json,
    fail,
    out,
    settings_or_exit,
    table,
)
from dexwatch.cli.terminal import foreign
from dexwatch.clients.http import SourceError
from dexwatch.dashboards.board import Panel
from dexwatch.dashboards.registry import BOARDS
from dexwatch.demo.scenarios import SCENARIOS
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.notifiers.registry import NOTIFIERS
from dexwatch.receivers.registry import RECEIVERS
from dexwatch.reports.coverage import Coverage, Evidence, Live, Plugin, evaluate
from dexwatch.reports.record import judged_rules, recorded_tests
from dexwatch.reports.requirements import requirements
from dexwatch.roles.programs import programs
from dexwatch.roles.resources import prometheus_client
from dexwatch.rules.operator_files import FILE_BYTES_MAX, read_rules
from dexwatch.settings import Settings

AT_ONCE = 8
"""Queries that Prometheus answers side by side, so that the check itself is no burden."""
TABLE_LEAST = 120
"""Five columns need so many letters; on narrower terminals each requirement has its own lines."""
COLOURS = {"proved": "green", "partly": "yellow", "open": "red"}

LiveOption = Annotated[
    bool, typer.Option("--live", help="Look at the running stack: samples, rules, panels.")
]


def coverage(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    live: LiveOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say for each promise whether it is proved, by what, and what is missing."""
    settings = settings_or_exit(config, as_json=as_json) if live or config.exists() else None
    seen = None
    if live and settings is not None:
        try:
            seen = asyncio.run(_look(settings))
        except SourceError as error:
            url = settings.daemons.prometheus_url
            remedy = "Is `dexwatch up` running? Without --live the rest is judged."
            fail(f"Prometheus at {url}: {error}", remedy, as_json=as_json)
    states = evaluate(_evidence(settings, config, seen))
    if as_json:
        asked = _texts()
        emit_json(
            {"requirements": [{**asdict(state), "text": asked[state.id]} for state in states]}
        )
    else:
        _show(states, live=live)


def _evidence(settings: Settings | None, config: Path, seen: Live | None) -> Evidence:
    planned: dict[str, tuple[str, ...]] = {}
    if settings is not None and settings.daemons.mode == "embedded":
        planned = {each.name: each.requirements for each in programs(settings, config)}
    home = Path(os.environ.get("DEXWATCH_HOME", ".dexwatch"))
    return Evidence(
        tested_rules=judged_rules(),
        tests=recorded_tests(home),
        plugins=plugins(),
        programs=planned,
        operator_rules=_operator_rules(settings),
        scenarios={scenario.name: scenario.raises for scenario in SCENARIOS},
        live=seen,
    )


def plugins() -> dict[str, Plugin]:
    """Return what the channels to people and the sources of alerts answer, by kind and name."""
    found = {
        f"notifier {channel.name}": Plugin(
            f"tests/notifiers/{channel.name}/test_{channel.name}.py", channel.requirements
        )
        for channel in NOTIFIERS
    }
    for receiver in RECEIVERS:
        tests = f"tests/receivers/test_{receiver.source}.py"
        found[f"receiver {receiver.source}"] = Plugin(tests, receiver.requirements)
    return found


def _operator_rules(settings: Settings | None) -> dict[str, tuple[str, ...]]:
    """Return what the operator's own alerts answer; files that cannot be read answer nothing."""
    found: dict[str, tuple[str, ...]] = {}
    for file in settings.rules.extra_files if settings else ():
        with contextlib.suppress(OSError, ValueError):
            rules = read_rules(str(file), read_file(file, FILE_BYTES_MAX).decode())
            found |= {rule.name: rule.requirements for rule in rules if rule.is_alert}
    return found


async def _look(settings: Settings) -> Live:
    gate = asyncio.Semaphore(AT_ONCE)
    async with prometheus_client(settings) as client:
        names = await client.query('count by (__name__) ({__name__!=""})')
        groups = await client.rules()

        async def count(panel: Panel) -> int:
            async with gate:
                found = 0
                for query in panel.queries:
                    expression = query.promql(PRODUCTION)
                    found += len(await client.query(expression))
                return found

        panels = [(board.id, panel) for board in BOARDS for panel in board.panels]
        counts = await asyncio.gather(*(count(panel) for _, panel in panels))
    return Live(
        series=frozenset(series.labels.get("__name__", "") for series in names),
        rules={rule.name: rule.health for group in groups for rule in group.rules},
        panels={
            (board, panel.id): number for (board, panel), number in zip(panels, counts, strict=True)
        },
    )


def _show(states: tuple[Coverage, ...], *, live: bool) -> None:
    if out.width < TABLE_LEAST:
        _show_lines(states)
    else:
        _show_table(states)
    counts = Counter(str(state.state) for state in states)
    words = ", ".join(f"{counts[name]} {name}" for name in COLOURS)
    out.print(f"{len(states)} requirements: {words}.")
    if not live:
        out.print("[dim]Metrics, panels and boards are only judged with --live.[/]")


def _show_lines(states: tuple[Coverage, ...]) -> None:
    """Show each requirement in lines of its own, cut at the end: columns would break words."""
    asked = _texts()
    for state in states:
        lines = [f"[{COLOURS[state.state]}]{state.state}[/] {state.id}  {foreign(asked[state.id])}"]
        lines += [f"  [dim]shown by[/] {foreign(state.proof)}"] if state.proof else []
        lines += [f"  [dim]missing[/]  {foreign(state.missing)}"] if state.missing else []
        for line in lines:
            out.print(line, no_wrap=True, overflow="ellipsis")


def _show_table(states: tuple[Coverage, ...]) -> None:
    asked = _texts()
    grid = table("Coverage", "requirement", "state", "asks for", "shown by", "missing")
    sentence = grid.columns[2]
    sentence.no_wrap, sentence.max_width = True, out.width // 3
    for state in states:
        colour = COLOURS[state.state]
        grid.add_row(
            state.id,
            f"[{colour}]{state.state}[/]",
            foreign(asked[state.id]),
            foreign(_short(state.proof)),
            foreign(_short(state.missing)),
        )
    out.print(grid)


def _texts() -> dict[str, str]:
    """Return the sentence of each requirement."""
    return {requirement.id: requirement.text for requirement in requirements()}


def _short(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:87]}..."
