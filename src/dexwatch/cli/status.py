"""`dexwatch status`: is all well, and if not, where?"""

import asyncio
from dataclasses import asdict, dataclass

import typer

from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
    ConfigOption,
    JsonOption,
    counted,
    emit_json,
    out,
    settings_or_exit,
    table,
)
from dexwatch.cli.terminal import foreign
from dexwatch.clients.http import SourceError
from dexwatch.roles.resources import prometheus_client
from dexwatch.settings import Settings

COLOURS = {"P0": "bold red", "P1": "red", "P2": "yellow", "P3": "cyan"}


@dataclass(frozen=True)
class Status:
    """What Prometheus tells at this moment."""

    alerts: tuple[tuple[str, str, str], ...]
    """Severity, rule and summary of each firing alert, the worst first."""
    targets_up: int
    targets_down: tuple[str, ...]
    rules_broken: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Does nothing fire, and does everything answer?"""
        return not (self.alerts or self.targets_down or self.rules_broken)


def status(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Say what fires and what does not answer; ends with status 1 when anything does."""
    settings = settings_or_exit(config, as_json=as_json)
    try:
        found = asyncio.run(_ask(settings))
    except SourceError as error:
        url = settings.daemons.prometheus_url
        if as_json:
            emit_json({"error": f"Prometheus at {url}: {error}"})
        else:
            out.print(
                f"[red]✗[/] Prometheus at {foreign(url)} does not answer: {foreign(str(error))}"
            )
            out.print("  [dim]Is `dexwatch up` running? `dexwatch doctor` looks further.[/]")
        raise typer.Exit(EXIT_FINDINGS) from None
    if as_json:
        emit_json({"well": found.well, **asdict(found)})
    else:
        _show(settings, found)
    if not found.well:
        raise typer.Exit(EXIT_FINDINGS)


async def _ask(settings: Settings) -> Status:
    async with prometheus_client(settings) as client:
        alerts, targets, groups = await asyncio.gather(
            client.alerts(), client.targets(), client.rules()
        )
    firing = sorted(
        (a.labels.get("severity", ""), a.name, a.annotations.get("summary", ""))
        for a in alerts
        if a.state == "firing" and a.labels.get("severity") in COLOURS
    )
    return Status(
        alerts=tuple(firing),
        targets_up=sum(t.health == "up" for t in targets),
        targets_down=tuple(
            f"{t.job} {t.labels.get('instance', '')}: {t.last_error}"
            for t in targets
            if t.health == "down"
        ),
        rules_broken=tuple(
            f"{rule.name}: {rule.last_error}"
            for group in groups
            for rule in group.rules
            if rule.health == "err"
        ),
    )


def _show(settings: Settings, found: Status) -> None:
    if found.well:
        out.print(
            f"[green]✓[/] [bold]{foreign(settings.name)}[/] is well: nothing fires, "
            f"{_all(found.targets_up)}."
        )
        return
    if found.alerts:
        shown = table(_fires(len(found.alerts)), "", "rule", "summary")
        for severity, name, summary in found.alerts:
            shown.add_row(f"[{COLOURS[severity]}]{severity}[/]", foreign(name), foreign(summary))
        out.print(shown)
    for title, lines in (("down", found.targets_down), ("broken rule", found.rules_broken)):
        for line in lines:
            out.print(f"[red]✗[/] {title}: {foreign(line)}", soft_wrap=True)


def _fires(alerts: int) -> str:
    return f"{counted(alerts, 'alert')} {'fires' if alerts == 1 else 'fire'}"


def _all(targets: int) -> str:
    return "the one target answers" if targets == 1 else f"all {targets:,} targets answer"
