"""`dexwatch export`: what we give to our own daemons, for those that you run yourself."""

import socket
from pathlib import Path
from typing import Annotated

import orjson
import typer

from dexwatch.bounded_file import overwrite_file
from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    ConfigOption,
    command_group,
    err,
    fail_to_write,
    settings_or_exit,
)
from dexwatch.cli.terminal import foreign
from dexwatch.daemons.program import File
from dexwatch.daemons.programs.alertmanager import alertmanager_files
from dexwatch.daemons.programs.prometheus import prometheus_files
from dexwatch.daemons.programs.secrets import kept
from dexwatch.dashboards import grafana
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.roles.programs import scraped, webhook
from dexwatch.rules.registry import render

app = command_group("Write files for a Prometheus, Alertmanager or Grafana of your own.")

FolderOption = Annotated[Path, typer.Option("--to", help="The folder to write into.")]


@app.command()
def prometheus(
    config: ConfigOption = CONFIG_DEFAULT, *, to: FolderOption = Path("export/prometheus")
) -> None:
    """Write prometheus.yml and the rule file."""
    settings = settings_or_exit(config)
    _write(
        to,
        prometheus_files(
            settings.daemons,
            profile=PRODUCTION,
            rules=render(config=settings.rules),
            roles=scraped(settings, outside=True),
            host=socket.gethostname(),
            secrets=kept(settings.daemons, folder=settings.folder),
            extra_rules=settings.rules.extra_files,
        ),
    )


@app.command()
def alertmanager(
    config: ConfigOption = CONFIG_DEFAULT, *, to: FolderOption = Path("export/alertmanager")
) -> None:
    """Write alertmanager.yml and the token file for our receiver."""
    settings = settings_or_exit(config)
    files = alertmanager_files(profile=PRODUCTION, webhook=webhook(settings, outside=True))
    _write(to, files)


@app.command(name="grafana")
def grafana_boards(
    config: ConfigOption = CONFIG_DEFAULT, *, to: FolderOption = Path("export/grafana")
) -> None:
    """Write every board as a Grafana dashboard."""
    settings_or_exit(config)
    boards = tuple(
        File(
            f"{board.id}.json",
            orjson.dumps(grafana.render(board), option=orjson.OPT_INDENT_2).decode(),
        )
        for board in BOARDS
    )
    _write(to, boards)


def _write(folder: Path, files: tuple[File, ...]) -> None:
    for file in files:
        path = folder / file.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            overwrite_file(path, file.content.encode(), mode=0o600 if file.secret else 0o644)
        except OSError as error:
            fail_to_write(path, error, remedy="Name a folder that you may write into, with --to.")
        err.print(f"wrote {foreign(str(path))}", soft_wrap=True)
