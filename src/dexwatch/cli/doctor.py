"""`dexwatch doctor`: what is reachable, what is not, and what to do."""

import asyncio
from dataclasses import asdict

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
)
from dexwatch.cli.probing.reach import State, Trial, reach
from dexwatch.cli.terminal import foreign

SIGNS = {State.OK: "[green]✓[/]", State.WARNING: "[yellow]![/]", State.FAILED: "[red]✗[/]"}


def doctor(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Try everything that the configuration names; ends with status 1 when something fails."""
    settings = settings_or_exit(config, as_json=as_json)
    trials = asyncio.run(reach(settings, config))
    if as_json:
        emit_json({"trials": [asdict(trial) for trial in trials]})
    else:
        _show(trials)
    if any(trial.state is State.FAILED for trial in trials):
        raise typer.Exit(EXIT_FINDINGS)


def _show(trials: tuple[Trial, ...]) -> None:
    area = ""
    for trial in trials:
        if trial.area != area:
            area = trial.area
            out.print(f"[bold]{foreign(area)}[/]")
        out.print(
            f"  {SIGNS[trial.state]} {foreign(trial.subject)}  [dim]{foreign(trial.detail)}[/]",
            soft_wrap=True,
        )
        if trial.remedy:
            out.print(f"    → {foreign(trial.remedy)}", soft_wrap=True)
    failed = sum(trial.state is State.FAILED for trial in trials)
    warned = sum(trial.state is State.WARNING for trial in trials)
    tried = counted(len(trials) - warned, "trial")
    out.print(
        f"\n[red]{failed} of {tried} failed.[/]"
        if failed
        else f"\n[green]{tried}, and all succeeded.[/]"
    )
    if warned:
        out.print(f"[yellow]{counted(warned, 'warning')}.[/]")
