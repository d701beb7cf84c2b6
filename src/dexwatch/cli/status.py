"""`dexwatch status`: is all well, and if not, where? It says what the console says."""

import asyncio
import contextlib
from dataclasses import asdict
from typing import Any

import typer

from dexwatch import clock
from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
    ConfigOption,
    JsonOption,
    counted,
    emit_json,
    out,
    sentence,
    settings_or_exit,
    table,
)
from dexwatch.cli.records.asking import go_on_as_owner
from dexwatch.cli.terminal import foreign
from dexwatch.console.live.alerts import FiringAlert
from dexwatch.console.live.health import HealthSummary
from dexwatch.console.live.observe import Observer
from dexwatch.dashboards.board import LEVEL_OF, Level
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.roles.resources import incidents_are_kept, open_clients, open_incidents
from dexwatch.settings import Settings
from dexwatch.settings.components import expected_components

COLOURS = {Level.CRITICAL: "red", Level.WARNING: "yellow", Level.INFO: "cyan"}
SIGNS = {Level.OK: "[green]✓[/]", Level.INFO: "[cyan]![/]", Level.UNKNOWN: "[yellow]?[/]"}
UNSEEN = "[red]✗[/]"


def status(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Say what fires, which incidents are open, and what does not answer; status 1 when any."""
    settings = settings_or_exit(config, as_json=as_json)
    go_on_as_owner(settings, as_json=as_json)
    found = asyncio.run(_ask(settings))
    if as_json:
        emit_json(_record(found))
    else:
        _show(settings, found)
    if not found.well:
        raise typer.Exit(EXIT_FINDINGS)


async def _ask(settings: Settings) -> HealthSummary:
    async with contextlib.AsyncExitStack() as stack:
        prometheus, alertmanager = await open_clients(stack, settings)
        store = await _store(stack, settings)
        windows, receiver = SteppedWindows(PRODUCTION), settings.respond.receiver
        expected = expected_components(settings)
        observer = Observer(prometheus, alertmanager, store, windows, receiver, expected)
        return await observer.observe(clock.now)


async def _store(stack: contextlib.AsyncExitStack, settings: Settings) -> Store | None:
    """Open the incident store where there is one; looking must not make it."""
    if not incidents_are_kept(settings):
        return None
    try:
        return await open_incidents(stack, settings)
    except (StoreUnavailableError, OSError):
        return None


def _record(health: HealthSummary) -> dict[str, Any]:
    return {
        "well": health.well,
        "status": asdict(health.status),
        "alerts": [
            {
                "severity": one.severity,
                "rule": one.name,
                "summary": one.summary,
                "source": one.source,
                "muted": one.muted,
                "incident": one.incident_id,
            }
            for one in health.alerts
        ],
        "incidents": [
            {"id": one.id, "severity": one.severity, "state": one.state, "title": one.title}
            for one in health.incidents
        ],
        "blind": health.blind,
        "disagreements": health.disagreements,
        "targets_up": _targets_up(health),
        "targets_down": health.targets_down,
        "silent_targets_down": health.silent_targets_down,
        "rules_broken": health.rules_broken,
    }


def _targets_up(health: HealthSummary) -> int:
    return sum(target.health == "up" for target in health.targets)


def _answering(health: HealthSummary) -> str:
    up, total = _targets_up(health), len(health.targets)
    if up != total:
        return f"{up} of {counted(total, 'target')} {'answers' if up == 1 else 'answer'}"
    return "its one target answers" if up == 1 else f"all {up} targets answer"


def _show(settings: Settings, health: HealthSummary) -> None:
    line = health.status
    sign = SIGNS.get(line.level, UNSEEN)
    if health.well:
        out.print(
            f"{sign} [bold]{foreign(settings.name)}[/] is well: nothing fires, no incident is open,"
            f" {_answering(health)}. [dim]{foreign(line.detail)}[/]",
            soft_wrap=True,
        )
        _show_silent(health)
        return
    words = f"{foreign(line.headline)}. [dim]{foreign(sentence(line.detail))}[/]"
    out.print(f"{sign} [bold]{foreign(settings.name)}[/]: {words}", soft_wrap=True)
    if health.alerts:
        rows = (_row(alert) for alert in health.alerts)
        out.print(table("Alerts", "", "rule", "summary", "by", "", rows=rows))
    if health.incidents:
        shown = table("Incidents", "", "id", "title", "state")
        for one in health.incidents:
            mark = f"[{COLOURS[LEVEL_OF[one.severity]]}]{one.severity}[/]"
            shown.add_row(mark, foreign(one.id), foreign(one.title), one.state.value)
        out.print(shown)
    named = line.detail.split("; ")
    for title, lines in (
        ("cannot be seen", [one for one in health.blind if one not in named]),
        ("sources disagree", health.disagreements),
        ("down", health.targets_down),
        ("broken rule", health.rules_broken),
    ):
        for text in lines:
            out.print(f"{UNSEEN} {title}: {foreign(text)}", soft_wrap=True)
    _show_silent(health)
    if health.blind and not health.begun:
        out.print("  [dim]Is `dexwatch up` running? `dexwatch doctor` looks further.[/]")


def _show_silent(health: HealthSummary) -> None:
    for text in health.silent_targets_down:
        out.print(f"[dim]! down, but never alerts: {foreign(text)}[/]", soft_wrap=True)


def _row(alert: FiringAlert) -> tuple[str, ...]:
    said = f" [dim]({foreign(alert.said)})[/]" if alert.said else ""
    return (
        f"[{COLOURS[LEVEL_OF[alert.severity]]}]{alert.severity}[/]{said}",
        foreign(alert.name),
        foreign(alert.summary),
        foreign(alert.source),
        foreign(alert.muted),
    )
