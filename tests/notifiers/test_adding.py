"""A notifier is its folder, the tests in its folder, and one line: everything else follows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

FOLDER = {
    "src/dexwatch/notifiers/pigeon/__init__.py": '''
"""Pigeon: a note in a file for each message."""

from pathlib import Path

from dexwatch.clients.probing import Probe, ProbeError
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.channel import Channel, Question, Setup
from dexwatch.notifiers.config import Config
from dexwatch.response.notifier import DeliveryResult, LookupResult


class PigeonConfig(Config):
    """A loft where the pigeon is at home."""

    loft: Path
    owner: str = "ana"


class PigeonNotifier:
    """Writes one line a message."""

    name = "pigeon"
    parallel = 1
    shared_limit = True
    only_state_changes = False
    shows_chart = False
    attempt_seconds = None
    idempotent = False

    def __init__(self, config):
        self._loft = config.loft

    async def start(self):
        pass

    async def send(self, notice):
        if not self._loft.is_dir():
            return DeliveryResult.retryable("the loft is away")
        with (self._loft / "notes").open("a") as file:
            file.write(f"{notice.key} {notice.title[:99]!r}\\n")
        return DeliveryResult.delivered(handle=notice.key)

    async def lookup(self, notice):
        return LookupResult(None)

    async def close(self):
        pass


def probes(config):
    async def home():
        if not config.loft.is_dir():
            raise ProbeError("nobody is at home")
        return "at home"

    yield Probe("pigeon", home, "Build the loft.")


CHANNEL = Channel(
    name="pigeon",
    setting="pigeon",
    config=PigeonConfig,
    build=PigeonNotifier,
    recipients=lambda config, severity: (config.owner,) if severity is Severity.P1 else (),
    probes=probes,
    severities="pigeon.owner",
    setup=Setup(
        questions=(Question("loft", "Where is the loft", "./loft"),),
        template="pigeon: {loft: {{ loft | quote }}}",
    ),
    read_by_people=True,
    requirements={"R-CHANNELS": ""},
)
''',
    "tests/notifiers/pigeon/case.py": '''
"""The pigeon's part of the contract tests."""

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

from dexwatch.notifiers.pigeon import PigeonConfig
from tests.notifiers.case import Case, Stand


def config(address):
    return PigeonConfig(loft=Path("/nowhere"))


@asynccontextmanager
async def receiver():
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        yield Stand(
            PigeonConfig(loft=folder),
            lambda: notes.read_text().splitlines() if notes.exists() else [],
        )


CASE = Case("ana", config, receiver, over_http=False)
''',
}  # fmt: skip
LINE = ("src/dexwatch/notifiers/registry.py", '    "webhook",\n', '    "webhook",\n    "pigeon",\n')

SEEN = """
import asyncio
from pathlib import Path
from dexwatch.cli.coverage import plugins
from dexwatch.cli.draft import Draft, write
from dexwatch.cli.probing.reach import reach
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.registry import build, routes
from dexwatch.settings import Settings, load

file = Path("dexwatch.yml")
file.write_text(write(Draft("ana-dex", channels={"pigeon": {"loft": ("./loft",)}})))
Path("hook.token").write_text("a-token-that-is-long-enough")
notify = load(file).notify
assert "pigeon: {loft:" in write(Draft("bo-dex")), "no example"
assert [r.channel for r in routes(notify)[Severity.P1]] == ["pigeon"]
assert set(build(notify)) == {"pigeon"}
assert "R-CHANNELS" in plugins()["notifier pigeon"].requirements
trials = asyncio.run(reach(load(file), file))
assert [t.detail for t in trials if t.subject == "pigeon"] == ["nobody is at home"]
from tools.reference.settings import page
assert "A loft where the pigeon is at home." in page()
"""


def test_a_notifier_is_its_folder_and_one_line(tmp_path: Path) -> None:
    for name in ("src", "tools", "tests/notifiers", "tests/fakes"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in FOLDER.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.lstrip())
    name, before, after = LINE
    registry = (tmp_path / name).read_text()
    assert registry.count(before) == 1
    (tmp_path / name).write_text(registry.replace(before, after))

    def python(*arguments: str) -> None:
        paths = os.pathsep.join(map(str, (tmp_path / "src", tmp_path)))
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr

    python("-c", SEEN)
    contract = "tests/notifiers/test_contract.py"
    python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "pigeon", contract)
