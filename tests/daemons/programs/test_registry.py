"""The registry of exporters: what is listed elsewhere follows from it, and nothing is missing."""

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import get_args

from dexwatch.daemons import exporters
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters import EXPORTERS
from dexwatch.daemons.exporters.exporter import Exporter, Plan
from dexwatch.daemons.programs.exporter_config import ExportersConfig, TargetsConfig
from dexwatch.daemons.programs.probes import probes
from tests.fakes.stack import SECRETS
from tools.setup.debian import RUN


def one_target(section: TargetsConfig) -> dict[str, object]:
    (target, _) = get_args(type(section).model_fields["targets"].annotation)
    asked = {name for name, field in target.model_fields.items() if field.is_required()}
    given = dict.fromkeys(asked, "http://127.0.0.1:1/") | {"name": "one"}
    return {"targets": [given | ({"url": "redis://127.0.0.1:1"} if "url" in asked else {})]}


CONFIG = DaemonsConfig.model_validate(
    {name: one_target(section) for name, section in ExportersConfig().sections().items()}
)
"""Each exporter has something to look at."""


def test_every_exporter_that_is_written_is_in_the_registry_once() -> None:
    written = {
        id(value)
        for module in pkgutil.iter_modules(exporters.__path__)
        for value in vars(import_module(f"{exporters.__name__}.{module.name}")).values()
        if isinstance(value, Exporter)
    }
    assert written == {id(exporter) for exporter in EXPORTERS}
    assert len({exporter.package for exporter in EXPORTERS}) == len(EXPORTERS)


def test_set_up_installs_each_and_doctor_asks_for_each() -> None:
    packages = {exporter.package for exporter in EXPORTERS}
    assert packages <= {package.name for package in RUN}
    assert packages <= {probe.subject for probe in probes(CONFIG)}


def test_each_runs_its_package_and_proves_a_requirement(tmp_path: Path) -> None:
    for exporter in EXPORTERS:
        planned = exporter.programs(Plan(CONFIG, tmp_path, SECRETS))
        assert exporter.wanted(CONFIG)
        assert {program.argv[0] for program in planned} == {exporter.package}
        assert {program.package for program in planned} == {exporter.package}
        assert all(program.requirements for program in planned)


def test_an_exporter_is_named_in_its_own_module_only() -> None:
    """Four files to add one: its module, its line in the registry, its settings, its test."""
    root = Path(__file__).resolve().parents[3]
    for exporter in EXPORTERS:
        named = {
            str(path.relative_to(root))
            for folder in ("src", "tools")
            for path in (root / folder).rglob("*.py")
            if exporter.package in path.read_text()
        }
        module = exporter.package.split("-")[1]
        assert named == {f"src/dexwatch/daemons/exporters/{module}.py"}
