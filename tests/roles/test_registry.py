"""One registry of roles, from which every other list is derived."""

import ast
import asyncio
import dataclasses
from pathlib import Path

import pytest
from typer.testing import CliRunner

import dexwatch
from dexwatch.cli import app
from dexwatch.roles.registry import ROLES, SUPERVISOR, role, run_role
from dexwatch.settings import Settings, load

SOURCE = Path(dexwatch.__file__).parent
TEXT = "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "dexwatch.yml").write_text(TEXT)
    return load(tmp_path / "dexwatch.yml")


def test_each_role_has_its_own_name_and_socket(settings: Settings) -> None:
    specs = (*ROLES, SUPERVISOR)

    assert len({spec.name for spec in specs}) == len(specs)
    assert len({spec.listens(settings).port for spec in specs}) == len(specs)


def test_every_role_can_be_loaded_and_every_role_module_is_registered() -> None:
    modules = {spec.load().__module__ for spec in ROLES}
    runnable = {
        f"dexwatch.roles.{file.stem}"
        for file in (SOURCE / "roles").glob("*.py")
        if any(
            isinstance(node, ast.AsyncFunctionDef) and node.name == "run"
            for node in ast.parse(file.read_text()).body
        )
    }

    assert modules == runnable


def test_unknown_role_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="watch, respond, console"):
        role("wathc")


def test_a_role_runs_until_it_is_told_to_stop(settings: Settings) -> None:
    seen: list[str] = []

    async def run(given: Settings, stop: asyncio.Event) -> None:
        seen.append(given.name)
        stop.set()

    spec = dataclasses.replace(role("watch"), name="guard", load=lambda: run)
    asyncio.run(run_role(spec, settings, asyncio.Event()))

    assert seen == ["ana-dex"]
    assert settings.folder.stat().st_mode & 0o077 == 0


def test_no_other_file_lists_the_roles() -> None:
    """A second list would be the place that somebody forgets."""
    names = {spec.name for spec in ROLES}
    listing = [
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        if names
        <= {
            node.value
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    ]

    assert listing == ["roles/registry.py"]


def test_command_line_names_the_roles_and_refuses_others(settings: Settings) -> None:
    file = str(settings.folder.parent / "dexwatch.yml")

    shown = CliRunner().invoke(app, ["run", "wathc", "-c", file])
    helped = CliRunner().invoke(app, ["run", "--help"])

    assert shown.exit_code == 2
    assert all(spec.name in helped.output for spec in ROLES)
