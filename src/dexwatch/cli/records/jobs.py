"""`dexwatch jobs`: what was set aside because it failed again and again, and what becomes of it."""

import getpass
from typing import Annotated
from uuid import uuid4

import typer

from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    ConfigOption,
    JsonOption,
    command_group,
    emit_json,
    fail,
    out,
    table,
)
from dexwatch.cli.records.asking import with_store
from dexwatch.cli.terminal import foreign
from dexwatch.clock import now
from dexwatch.jobs.job import QuarantinedJob
from dexwatch.response.actions import QuarantineAct, end_quarantine, quarantined
from dexwatch.storage.store import SqlStore

app = command_group("Look at quarantined jobs, release or drop them.")

KeyArgument = Annotated[str, typer.Argument(help="As `dexwatch jobs list` shows it.")]


@app.command("list")
def list_(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """List the quarantined jobs, the oldest first, with the reason and their age."""
    found = with_store(config, quarantined, as_json=as_json)
    if as_json:
        emit_json({"jobs": [_document(job) for job in found]})
        return
    if not found:
        out.print("No job is quarantined.")
        return
    rows = [_row(job) for job in found]
    out.print(table("Quarantined jobs", "Key", "About", "Attempts", "Age", "Reason", rows=rows))


@app.command()
def release(
    key: KeyArgument, config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False
) -> None:
    """Let a quarantined job be tried again at once; mend the cause first."""
    _end(key, QuarantineAct.RELEASE, config, as_json=as_json)


@app.command()
def drop(
    key: KeyArgument, config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False
) -> None:
    """Give a quarantined job up; tell by hand whoever it was meant for."""
    _end(key, QuarantineAct.DROP, config, as_json=as_json)


def _end(key: str, act: QuarantineAct, config: ConfigOption, *, as_json: bool) -> None:
    async def ask(store: SqlStore) -> bool:
        by, source = f"{getpass.getuser()} (dexwatch jobs)", f"jobs/{uuid4().hex}"
        return await end_quarantine(store, key, act, by=by, source_id=source, now=now())

    if not with_store(config, ask, as_json=as_json):
        remedy = "`dexwatch jobs list` names them."
        fail(f"no job {key} is quarantined", remedy, as_json=as_json)
    if as_json:
        emit_json({"key": key, "done": act.value})
    else:
        done = "is tried again" if act is QuarantineAct.RELEASE else "is given up"
        out.print(f"[green]✓[/] {foreign(key)} {done}")


def _row(job: QuarantinedJob) -> tuple[str, ...]:
    about, minutes = foreign(job.subject or job.kind), f"{job.age / 60:.0f} min"
    return foreign(job.key), about, str(job.attempts), minutes, foreign(job.reason)


def _document(job: QuarantinedJob) -> dict[str, object]:
    return {
        "key": job.key,
        "kind": job.kind,
        "incident": job.subject,
        "reason": job.reason,
        "attempts": job.attempts,
        "age_seconds": round(job.age),
    }
