"""`dexwatch demo` and `dexwatch scenario`: the sample exchange, and ways to break it."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.panel import Panel
from rich.table import Table

from dexwatch.bounded_file import read_file
from dexwatch.cli.present import EXIT_USAGE, JsonOption, emit_json, fail, out, table
from dexwatch.cli.terminal import foreign
from dexwatch.clock import monotonic
from dexwatch.daemons.ports import holder, is_free
from dexwatch.daemons.program import DaemonError
from dexwatch.roles.process import log_to_file

FOLDER = Path("var/demo")
FolderOption = Annotated[Path, typer.Option(help="The sample's folder; wiped at each start.")]
CONTROL_SECONDS = 70.0
"""A scenario may have to stop and start programs."""
REMEDIES = {
    400: "Correct `--seconds`, or leave it out.",
    404: "`scenario` without a name lists all.",
}
"""What to do when the sample refuses, by the status of its answer."""


def demo(
    *,
    folder: FolderOption = FOLDER,
    seed: Annotated[int, typer.Option(help="Another seed makes other accounts and trades.")] = 1,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="The console's port; 8900 if free.")
    ] = None,
    trades: Annotated[float, typer.Option(help="Trades a block at the busiest hour.")] = 3.0,
) -> None:
    """Start a sample exchange and watch it, until Ctrl-C."""
    # The sample needs the extra `demo`, which a watcher in production does not have.
    try:
        from dexwatch.demo.config import CONSOLE_PORT, Options  # noqa: PLC0415
        from dexwatch.demo.folder import FolderError  # noqa: PLC0415
        from dexwatch.demo.run import Sample  # noqa: PLC0415
        from dexwatch.demo.run import demo as run_demo  # noqa: PLC0415
    except ImportError as error:
        fail(f"the sample's parts are missing: {error.name}", "pip install 'dexwatch[demo]'")
    started = monotonic()
    options = Options(seed=seed, console_port=port, trades_per_block=trades)
    out.print("[bold]dexwatch demo[/] starts a sample exchange and watches it")
    _say_taken(port, CONSOLE_PORT)

    def on_step(name: str, seconds: float) -> None:
        out.print(f"  [green]✓[/] {name}  [dim]{seconds:.1f} s[/]")

    def on_ready(running: Sample) -> None:
        out.print(_welcome(running, folder, monotonic() - started))

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run_demo(
            folder,
            options,
            stop=stop,
            on_folder=lambda own: log_to_file(own / "demo.log"),
            on_step=on_step,
            on_ready=on_ready,
        )

    try:
        asyncio.run(main())
    except FolderError as error:
        fail(str(error), error.remedy)
    except (RuntimeError, OSError, DaemonError) as error:
        fail(str(error), f"Logs lie in {folder}: demo.log, programs/logs and state/logs.")
    out.print("[green]✓[/] everything has ended")


def _say_taken(port: int | None, usual: int) -> None:
    """End when the port that was asked for is taken; of the usual one only say so."""
    if port is not None and not is_free(port):
        taken = f"--port {port} is taken by {holder(port)}"
        fail(taken, "Name another port, or none for a free one.", status=EXIT_USAGE)
    if port is None and not is_free(usual):
        taken = f"port {usual} is taken by {foreign(holder(usual))}"
        out.print(f"  [yellow]![/] {taken}: the console takes another", soft_wrap=True)


def scenario(
    name: Annotated[str | None, typer.Argument(help="Which one; none lists them.")] = None,
    *,
    stop: Annotated[bool, typer.Option("--stop", help="Lift it instead of starting it.")] = False,
    seconds: Annotated[float | None, typer.Option(help="Lift it after so long.")] = None,
    folder: FolderOption = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Break the running sample in a known way, or mend it."""
    with _control(folder) as control:
        ask = partial(_ask, control, start_command(folder))
        if name is None:
            rows = ask("GET", "/scenarios")
            emit_json(rows) if as_json else out.print(_listing(rows))
            return
        action = "stop" if stop else "start"
        query = {} if seconds is None or stop else {"seconds": str(seconds)}
        row = ask("POST", f"/scenarios/{name}/{action}", query)
    if as_json:
        emit_json(row)
    elif stop:
        lifted = "[green]✓[/] {} is lifted" if row["was_active"] else "[cyan]![/] {} was not active"
        out.print(lifted.format(foreign(name)))
    else:
        out.print(f"[green]✓[/] {foreign(row['title'])}. {foreign(row['story'])}")
        if row["begins_in"]:
            when = f"{row['begins_in']} s, when enough of what is usual was seen to compare with"
            out.print(f"  [dim]begins in[/] {when}")
        out.print(f"  [dim]raises[/] {', '.join(row['raises'])}")
        if row["also"]:
            out.print(f"  [dim]may also raise[/] {', '.join(row['also'])}")


def _welcome(running: Any, folder: Path, seconds: float) -> Panel:  # noqa: ANN401 - imported late.
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", justify="right")
    lines.add_column()
    lines.add_row("console", f"[bold cyan]{running.console}[/]")
    lines.add_row(
        "sign in", f"[bold]{running.sign_in.name}[/]  [bold]{running.sign_in.password}[/]"
    )
    for name, url in running.addresses.items():
        lines.add_row(name, url)
    lines.add_row("break it", f"{foreign(scenario_command(folder))}   (in a second terminal)")
    config = str(folder / "dexwatch.yml")
    lines.add_row("ask it", foreign(typed("status", "-c", config)))
    lines.add_row("end", "Ctrl-C")
    return Panel(lines, title=f"ready after {seconds:.1f} s", title_align="left", expand=False)


def scenario_command(folder: Path) -> str:
    """Return what to type to break the sample, as it works in the terminal that started it."""
    if os.environ.get("MAKELEVEL"):
        return f"make scenario NAME=api-slow{_make_arguments(folder)}"
    return typed("scenario", "api-slow", "--seconds", "60", *_folder_arguments(folder))


def start_command(folder: Path) -> str:
    """Return what to type to start the sample."""
    if os.environ.get("MAKELEVEL"):
        return f"make run{_make_arguments(folder)}"
    return typed("demo", *_folder_arguments(folder))


def typed(*arguments: str) -> str:
    """Return one of our commands as it can be typed where the running one was."""
    program = "dexwatch" if shutil.which("dexwatch") else sys.argv[0]
    return shlex.join((program, *arguments))


def _folder_arguments(folder: Path) -> tuple[str, ...]:
    folder = folder.absolute()
    return () if folder == FOLDER.absolute() else ("--folder", str(folder))


def _make_arguments(folder: Path) -> str:
    arguments = _folder_arguments(folder)
    # make takes a $ for its own.
    quoted = shlex.quote(shlex.join(arguments)).replace("$", "$$")
    return f" ARGS={quoted}" if arguments else ""


def _control(folder: Path) -> httpx.Client:
    try:
        address, token = (
            read_file(folder / name, 4096).decode().strip()
            for name in ("control.url", "control.token")
        )
    except (OSError, UnicodeDecodeError):
        remedy = f"Start one with `{start_command(folder)}`."
        fail(f"no sample runs in {folder}", remedy, status=EXIT_USAGE)
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=address, headers=headers, timeout=CONTROL_SECONDS, trust_env=False)


def _ask(
    control: httpx.Client, start: str, method: str, path: str, query: dict[str, str] | None = None
) -> Any:  # noqa: ANN401 - JSON.
    try:
        answer = control.request(method, path, params=query)
        content = answer.json()
    except (httpx.HTTPError, ValueError):
        fail("the sample does not answer", f"Start it with `{start}`.", status=EXIT_USAGE)
    if answer.status_code != 200:
        remedy = REMEDIES.get(answer.status_code, "demo.log in the sample's folder says more.")
        fail(content["error"], remedy, status=EXIT_USAGE)
    return content


def _listing(rows: list[dict[str, Any]]) -> Table:
    listing = table("Scenarios", "name", "state", "what breaks", "raises")
    for row in rows:
        state = "[yellow]active[/]" if row["state"] == "active" else "[dim]idle[/]"
        listing.add_row(
            f"[bold]{row['name']}[/]", state, foreign(row["story"]), "\n".join(row["raises"])
        )
    return listing
