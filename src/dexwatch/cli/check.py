"""`dexwatch check`: everything that can be found wrong without starting anything."""

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
    ConfigOption,
    JsonOption,
    emit_json,
    out,
    settings_or_exit,
)
from dexwatch.cli.terminal import foreign
from dexwatch.daemons import files
from dexwatch.daemons.program import DaemonError
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers import registry as notifiers
from dexwatch.roles.up import programs
from dexwatch.rules.lint import lint, lint_file
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS
from dexwatch.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, what, and what to do."""

    place: str
    message: str
    remedy: str
    level: str = "error"
    """`error` or `warning`; only errors end the command with status 1."""


def check(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Find mistakes in the configuration and the rules; nothing is started or contacted."""
    settings = settings_or_exit(config, as_json=as_json)
    findings = (*_routes(settings), *_rules(settings), *_rendered(settings, config))
    if as_json:
        emit_json({"problems": [asdict(finding) for finding in findings]})
    else:
        _show(settings, findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(EXIT_FINDINGS)


def _routes(settings: Settings) -> tuple[Finding, ...]:
    """A page that reaches nobody is the worst mistake, so each severity that pages needs a way."""
    routes = notifiers.routes(settings.notify)
    where = ", ".join(f"`notify.{channel.severities}`" for channel in notifiers.NOTIFIERS)
    return tuple(
        Finding(
            "notify",
            f"nobody is told of {severity} ({severity.word}) alerts",
            f"Add the severity to one of {where}.",
            "error" if any(routes.values()) else "warning",
        )
        for severity in (Severity.P0, Severity.P1)
        if not routes[severity]
    )


def _rules(settings: Settings) -> tuple[Finding, ...]:
    found = list(lint(ALERTS, RECORDING_RULES, config=settings.rules))
    unread = []
    for file in settings.rules.extra_files:
        try:
            found += lint_file(str(file), file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            unread.append(
                Finding(str(file), f"cannot be read ({error})", "Correct `rules.extra_files`.")
            )
    return (*unread, *(Finding(f.place, f.message, f.remedy, f.level) for f in found))


def _rendered(settings: Settings, config: Path) -> tuple[Finding, ...]:
    """Let promtool, amtool and the like judge the files that we would give to the programs."""
    found = []
    # Elsewhere than in the state folder: a check must not leave anything behind.
    with tempfile.TemporaryDirectory(prefix="dexwatch-check-") as folder:
        try:
            planned = programs(settings.model_copy(update={"folder": Path(folder)}), config)
        except (DaemonError, ValueError) as error:
            return (Finding("rules", str(error), "Correct the `rules` part."),)
        for program in planned:
            if not program.checks or shutil.which(program.checks[0][0]) is None:
                continue
            try:
                files.check(program)
            except DaemonError as error:
                found.append(
                    Finding(program.name, str(error), "Correct the part that it was made from.")
                )
    return tuple(found)


def _show(settings: Settings, findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        sign = "[red]✗[/]" if finding.level == "error" else "[yellow]![/]"
        out.print(
            f"{sign} [bold]{foreign(finding.place)}[/]  {foreign(finding.message)} "
            f"[dim]{foreign(finding.remedy)}[/]",
            soft_wrap=True,
        )
    if all(finding.level == "warning" for finding in findings):
        out.print(
            f"[green]✓[/] {foreign(settings.name)}: configuration, {len(ALERTS)} alert rules and "
            f"{len(RECORDING_RULES)} recording rules are sound."
        )
