"""A role carries its own weight only: each module that it loads in vain is memory of every user."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.fakes.need import free_port
from tests.fakes.patience import until

FOR_NONE = {"PIL", "alembic", "pygments.token", "rich.segment", "typer"}
RULES = {"dexwatch.rules.registry", "promql_parser"}
CHAIN = {"eth_abi", "psycopg"}


@pytest.mark.parametrize(
    ("role", "foreign"),
    [
        ("watch", {"fastapi", "sqlalchemy", *RULES}),
        ("respond", {"fastapi", *RULES, *CHAIN}),
        ("console", CHAIN),
    ],
)
async def test_role_loads_no_module_that_it_has_no_use_for(
    tmp_path: Path, role: str, foreign: set[str]
) -> None:
    loaded = await modules_loaded_by(role, tmp_path)
    assert {"httpx", f"dexwatch.roles.{role}"} <= loaded
    assert loaded & (FOR_NONE | foreign) == set()


async def modules_loaded_by(role: str, folder: Path) -> set[str]:
    """Return what a role imports from its first start until it is told to stop once it answers."""
    file, log = folder / "dexwatch.yml", folder / "imports.log"
    file.write_text(
        f"name: ana-dex\nfolder: ./state\nwatch: {{port: {free_port()}}}\n"
        f"console: {{port: {free_port()}}}\n"
        f"respond: {{hook_token: a-long-enough-token-for-tests, port: {free_port()}}}\n"
    )
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "importtime", "-m", "dexwatch.roles", role, str(file)),
            stderr=stream,
        )
    try:
        await until((folder / "state" / "run" / f"{role}.sock").exists, seconds=60)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = log.read_text().splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
