"""`dexwatch doctor`: what is reachable, what is not, and what to do."""

import asyncio
from dataclasses import asdict

import typer

from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
    EXIT_USAGE,
    ConfigOption,
    JsonOption,
    counted,
    emit_json,
    out,
    show_problems,
)
from dexwatch.cli.probing.reach import State, Trial, reach
from dexwatch.cli.terminal import foreign
from dexwatch.settings import SettingsError
from dexwatch.settings.loading import load_partly

SIGNS = {State.OK: "[green]✓[/]", State.WARNING: "[yellow]![/]", State.FAILED: "[red]✗[/]"}


def doctor(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Try everything that the configuration names; ends with status 1 when something fails."""
    try:
        settings, absent = load_partly(config)
    except SettingsError as error:
        show_problems(error.problems, as_json=as_json)
        raise typer.Exit(EXIT_USAGE) from None
    # A shell of whoever is on call seldom has the secrets; what needs none is tried all the same.
    missing = (Trial("secrets", p.key, State.FAILED, p.message, p.remedy) for p in absent)
    trials = (*missing, *asyncio.run(reach(settings, config)))
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
