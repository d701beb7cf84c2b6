"""`dexwatch status`: is all well, and if not, where? It says what the console says."""

import asyncio
import contextlib
from dataclasses import asdict, dataclass
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
from dexwatch.cli.terminal import foreign
from dexwatch.console.live.alerts import FiringAlert
from dexwatch.console.live.health import HealthSummary, OverallStatus
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


@dataclass(frozen=True)
class Status:
    """What Prometheus, Alertmanager and the incidents tell at this moment."""

    health: HealthSummary

    @property
    def targets_up(self) -> int:
        """The number of targets that answered the last scrape."""
        return sum(target.health == "up" for target in self.health.targets)

    @property
    def targets_down(self) -> tuple[str, ...]:
        """The targets that did not, with the reason."""
        return tuple(
            f"{target.job} {target.labels.get('instance', '')}: {target.last_error}"
            for target in self.health.targets
            if target.health == "down"
        )

    @property
    def rules_broken(self) -> tuple[str, ...]:
        """The rules that could not be evaluated, with the reason."""
        return tuple(
            f"{rule.name}: {rule.last_error}"
            for group in self.health.groups
            for rule in group.rules
            if rule.health == "err"
        )

    @property
    def well(self) -> bool:
        """Is no alert loud and no incident open, and does everything answer and agree?"""
        return self.line.level is Level.OK

    @property
    def line(self) -> OverallStatus:
        """The one line at the top: what the console says, or what it leaves to later alerts."""
        said = self.health.status
        missing = []
        if down := len(self.targets_down):
            targets = counted(len(self.health.targets), "target")
            missing.append(f"{down} of {targets} {'is' if down == 1 else 'are'} down")
        if broken := len(self.rules_broken):
            missing.append(f"{counted(broken, 'rule')} {'is' if broken == 1 else 'are'} broken")
        if said.level is not Level.OK or not missing:
            return said
        return OverallStatus(Level.UNKNOWN, "We cannot see everything", "; ".join(missing))


def status(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Say what fires, which incidents are open, and what does not answer; status 1 when any."""
    settings = settings_or_exit(config, as_json=as_json)
    found = asyncio.run(_ask(settings))
    if as_json:
        emit_json(_record(found))
    else:
        _show(settings, found)
    if not found.well:
        raise typer.Exit(EXIT_FINDINGS)


async def _ask(settings: Settings) -> Status:
    async with contextlib.AsyncExitStack() as stack:
        prometheus, alertmanager = await open_clients(stack, settings)
        store = await _store(stack, settings)
        windows, receiver = SteppedWindows(PRODUCTION), settings.respond.receiver
        expected = expected_components(settings)
        observer = Observer(prometheus, alertmanager, store, windows, receiver, expected)
        return Status(await observer.observe(clock.now))


async def _store(stack: contextlib.AsyncExitStack, settings: Settings) -> Store | None:
    """Open the incident store where there is one; looking must not make it."""
    if not incidents_are_kept(settings):
        return None
    try:
        return await open_incidents(stack, settings)
    except (StoreUnavailableError, OSError):
        return None


def _record(found: Status) -> dict[str, Any]:
    health = found.health
    return {
        "well": found.well,
        "status": asdict(found.line),
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
        "targets_up": found.targets_up,
        "targets_down": found.targets_down,
        "rules_broken": found.rules_broken,
    }


def _show(settings: Settings, found: Status) -> None:
    health, line = found.health, found.line
    sign = SIGNS.get(line.level, UNSEEN)
    if found.well:
        many = found.targets_up
        answering = "its one target answers" if many == 1 else f"all {many} targets answer"
        out.print(
            f"{sign} [bold]{foreign(settings.name)}[/] is well: nothing fires, no incident is open,"
            f" {answering}. [dim]{foreign(line.detail)}[/]",
            soft_wrap=True,
        )
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
    for title, lines in (
        ("cannot be seen", health.blind),
        ("sources disagree", health.disagreements),
        ("down", found.targets_down),
        ("broken rule", found.rules_broken),
    ):
        for text in lines:
            out.print(f"{UNSEEN} {title}: {foreign(text)}", soft_wrap=True)
    if health.blind:
        out.print("  [dim]Is `dexwatch up` running? `dexwatch doctor` looks further.[/]")


def _row(alert: FiringAlert) -> tuple[str, ...]:
    said = f" [dim]({foreign(alert.said)})[/]" if alert.said else ""
    return (
        f"[{COLOURS[LEVEL_OF[alert.severity]]}]{alert.severity}[/]{said}",
        foreign(alert.name),
        foreign(alert.summary),
        foreign(alert.source),
        foreign(alert.muted),
    )
