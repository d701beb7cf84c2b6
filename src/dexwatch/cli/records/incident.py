"""`dexwatch incident`: look at incidents, and decide one again from its events."""

import json
from dataclasses import asdict
from typing import Annotated, TypeVar

import typer

from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
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
from dexwatch.incidents.records import IncidentState
from dexwatch.response.deciding.replay import Replay, replay_incident
from dexwatch.response.views import IncidentFilter, IncidentView, Listing, StoredEvent
from dexwatch.storage.store import SqlStore

app = command_group("Look at incidents, and replay them.")


def _id(typed: str) -> str:
    """Return the id that is meant: the number alone does."""
    return f"INC-{typed}" if typed.isascii() and typed.isdigit() else typed.upper()


IdArgument = Annotated[
    str, typer.Argument(help="For example INC-7, or 7.", metavar="ID", callback=_id)
]
_SHOWN = 200
T = TypeVar("T")


@app.command("list")
def list_(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the open incidents, newest first."""
    states = frozenset(IncidentState) - {IncidentState.RESOLVED}
    which = IncidentFilter() if everything else IncidentFilter(states=states)

    async def ask(store: SqlStore) -> Listing:
        return await store.incidents(which, limit=_SHOWN)

    found = with_store(config, ask, as_json=as_json)
    if as_json:
        emit_json(
            {
                "total": found.total,
                "incidents": [
                    {
                        "id": i.id,
                        "severity": i.severity.value,
                        "state": i.state.value,
                        "title": i.title,
                        "began_at": i.began_at.isoformat(),
                    }
                    for i in found.incidents
                ],
            }
        )
        return
    if not found.incidents:
        none = "No incident is open. `--all` lists resolved ones, too."
        out.print("There has been no incident." if everything else none)
        return
    rows = [
        (i.id, i.severity.value, i.state.value, foreign(i.title), f"{i.began_at:%Y-%m-%d %H:%M}")
        for i in found.incidents
    ]
    out.print(table("Incidents", "Id", "Severity", "State", "Title", "Began (UTC)", rows=rows))


@app.command()
def show(
    incident: IdArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Also what came in, as it came.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show an incident's timeline."""

    async def ask(store: SqlStore) -> tuple[IncidentView, list[StoredEvent]] | None:
        view = await store.incident(incident)
        events = await store.history(incident) if raw and view else []
        return (view, [one for one in events if one.incident_id == incident]) if view else None

    found = _known(incident, with_store(config, ask, as_json=as_json), as_json=as_json)
    view, events = found
    if as_json:
        lines = [asdict(entry) | {"at": entry.at.isoformat()} for entry in view.timeline]
        told = {"id": incident, "state": view.incident.state.value, "timeline": lines}
        emit_json(told | ({"events": [_came_in(one) for one in events]} if raw else {}))
        return
    out.print(f"{incident} {view.incident.severity} {view.incident.state}")
    out.print(f"  {foreign(view.incident.title)}")
    rows = [(f"{e.at:%Y-%m-%d %H:%M:%S}", foreign(e.by), foreign(e.text)) for e in view.timeline]
    out.print(table(incident, "At (UTC)", "By", "What", rows=rows))
    for one in events:
        if one.raw is not None:
            out.print(f"{one.decided_at:%Y-%m-%d %H:%M:%S} {type(one.event).__name__} {one.reason}")
            out.print(foreign(json.dumps(one.raw, ensure_ascii=False)), soft_wrap=True)


def _came_in(one: StoredEvent) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": type(one.event).__name__,
        "received_at": one.decided_at.isoformat(),
        "reason": one.reason,
        "raw": one.raw,
    }


@app.command()
def replay(
    incident: IdArgument, config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False
) -> None:
    """Decide an incident's kept events again; ends with status 1 where that differs."""

    async def ask(store: SqlStore) -> Replay | None:
        return await replay_incident(store, incident)

    found = _known(incident, with_store(config, ask, as_json=as_json), as_json=as_json)
    differs = [step for step in found.steps if not step.same]
    if as_json:
        emit_json(
            {
                "id": incident,
                "same": found.same,
                "events": len(found.steps),
                "truncated": found.truncated,
                "missing": found.missing,
                "surplus": found.surplus,
                "differences": [
                    asdict(step) | {"decided_at": step.decided_at.isoformat()} for step in differs
                ],
            }
        )
    else:
        rows = [
            (str(s.event_id), s.kind, f"{s.decided_at:%H:%M:%S}", foreign(s.then), foreign(s.now))
            for s in differs
        ]
        if rows:
            columns = ("Event", "Kind", "At (UTC)", "Decided then", "Decided now")
            out.print(table("Differences", *columns, rows=rows))
        for words, names in (("not in the store", found.missing), ("only there", found.surplus)):
            for name in names:
                out.print(f"  notification {foreign(name)}: {words}")
        verdict = "[green]✓[/] decided as then" if found.same else "[red]✗[/] decided otherwise"
        out.print(f"{verdict} ({len(found.steps)} events)")
        if found.truncated:
            out.print("  [dim]Earlier events of the group are no longer kept.[/]")
    if not found.same:
        raise typer.Exit(EXIT_FINDINGS)


def _known(incident: str, found: T | None, *, as_json: bool) -> T:
    if found is None:
        remedy = "`dexwatch incident list` names them."
        fail(f"there is no incident {incident}", remedy, as_json=as_json)
    return found
