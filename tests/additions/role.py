"""A role, where it listens and its test."""

from tests.additions.addition import Addition

ROLE = Addition(
    {
        "src/dexwatch/roles/pigeon.py": (
            (
                "",
                '''"""Lets the pigeons out until it is told to stop."""


async def run(settings, stop):
    await stop.wait()
''',
            ),
        ),
        "src/dexwatch/roles/registry.py": (
            ("ROLES = (WATCH, RESPOND, CONSOLE)", "ROLES = (WATCH, RESPOND, CONSOLE, PIGEON)"),
            (
                "RESPOND = RoleSpec(",
                """def _pigeon() -> Run:
    from dexwatch.roles import pigeon

    return pigeon.run


PIGEON = RoleSpec(
    name="pigeon",
    purpose="Lets the pigeons out.",
    load=_pigeon,
    needs=("pigeon",),
    section="pigeon",
    secrets=(),
    scrape_class=ScrapeClass.HIGH,
    requirements=("C-DB-EXP",),
)
RESPOND = RoleSpec(""",
            ),
        ),
        "src/dexwatch/settings/model.py": (
            (
                "    respond: RespondConfig\n",
                "    respond: RespondConfig\n    pigeon: PigeonConfig = PigeonConfig()\n",
            ),
            (
                "class Settings(",
                '''class PigeonConfig(ListenConfig):
    """Where the pigeons start."""

    port: int = 8919


class Settings(''',
            ),
            (
                "from dexwatch.daemons.config import",
                "from dexwatch.listen import ListenConfig\nfrom dexwatch.daemons.config import",
            ),
        ),
        "tests/roles/test_pigeon.py": (
            (
                "",
                """import asyncio

from dexwatch.roles.registry import role, run_role
from dexwatch.settings import Settings


async def test_pigeons_come_back(tmp_path):
    settings = Settings.model_validate(
        {
            "name": "ana-dex",
            "folder": tmp_path / "state",
            "respond": {"hook_token": "a-long-enough-token"},
        }
    )
    stop = asyncio.Event()
    stop.set()
    assert await run_role(role("pigeon"), settings, stop) is None
""",
            ),
        ),
    },
    """
from pathlib import Path
from tempfile import mkdtemp

from dexwatch.cli.probing import reach
from dexwatch.demo.config_file import Options, Ports, listening
from dexwatch.roles import programs as platform
from dexwatch.roles.registry import frozen
from dexwatch.settings import Settings
from tools.reference import roles, settings as reference

folder = Path(mkdtemp(dir="."))
settings = Settings.model_validate(
    {
        "name": "ana-dex",
        "folder": folder,
        "base_port": 9900,
        "respond": {"hook_token": "a-long-enough-token"},
    }
)
file = folder / "dexwatch.yml"
file.write_text("name: ana-dex\\nrespond: {hook_token: a-long-enough-token}\\n")
programs = {each.name: each for each in platform.programs(settings, file)}
assert programs["pigeon"].ports[0].number == 9919
assert programs["pigeon"].requirements == ("C-DB-EXP",), "coverage counts it"
assert "pigeon" in programs["prometheus"].needs
assert "pigeon" in [target.name for target in platform.scraped(settings)]
assert "pigeon.port" in frozen(settings)
assert reach.ports(settings)["pigeon.port"] == 9919
assert "pigeon" in listening(Options(), Ports())
assert "| `pigeon` | Lets the pigeons out." in roles.page()
assert "pigeon" in reference.page()
""",
    ("tests/roles/test_pigeon.py", "tests/roles/test_registry.py"),
)
