"""An exporter that we run, its settings and its test."""

from tests.additions.addition import Addition

EXPORTER = Addition(
    {
        "src/dexwatch/daemons/exporters/pigeon.py": (
            (
                "",
                '''"""pigeon_exporter: one process for all lofts."""

from dexwatch.daemons.exporters.exporter import Exporter
from dexwatch.daemons.program import Port, Program, TcpReady
from dexwatch.daemons.programs.scrape import group, job
from dexwatch.metrics.scrape_class import ScrapeClass


def _programs(plan):
    port = plan.config.pigeon.port
    return [
        Program(
            name="pigeon-exporter",
            requirements=("C-DB-EXP",),
            argv=("prometheus-pigeon-exporter",),
            package="prometheus-pigeon-exporter",
            ports=(Port("daemons.pigeon.port", port),),
            ready=TcpReady(port),
        )
    ]


def _jobs(scrape):
    config = scrape.config
    port, lofts = config.pigeon.port, config.pigeon.targets
    groups = [group(config, port, {"instance": loft.name}) for loft in lofts]
    return [job("pigeon", ScrapeClass.STANDARD, scrape.profile, groups=groups)]


PIGEON = Exporter(
    package="prometheus-pigeon-exporter",
    wanted=lambda config: bool(config.pigeon.targets),
    programs=_programs,
    jobs=_jobs,
)
''',
            ),
        ),
        "src/dexwatch/daemons/exporters/__init__.py": (
            (
                "from dexwatch.daemons.exporters.postgres",
                """from dexwatch.daemons.exporters.pigeon import PIGEON
from dexwatch.daemons.exporters.postgres""",
            ),
            ("NGINX)", "NGINX, PIGEON)"),
        ),
        "src/dexwatch/daemons/programs/exporter_config.py": (
            (
                "class ExportersConfig",
                '''class PigeonConfig(TargetsConfig):
    """pigeon_exporter: one process for all lofts."""

    port: PortNumber = 8919


class ExportersConfig''',
            ),
            (
                "    nginx: NginxConfig = NginxConfig()\n",
                """    nginx: NginxConfig = NginxConfig()
    pigeon: PigeonConfig = PigeonConfig()
""",
            ),
        ),
        "tests/daemons/programs/test_pigeon.py": (
            (
                "",
                """from tests.fakes.planned import jobs

LOFT = {"pigeon": {"targets": [{"name": "loft"}]}}


def test_a_loft_is_scraped(tmp_path):
    [group] = jobs(LOFT, tmp_path)["pigeon"]["static_configs"]
    assert (group["targets"], group["labels"]["instance"]) == (["127.0.0.1:8919"], "loft")
""",
            ),
        ),
    },
    """
from dexwatch.settings import Settings
from tools.reference.settings import page

settings = Settings.model_validate(
    {
        "name": "ana-dex",
        "base_port": 9900,
        "respond": {"hook_token": "a-long-enough-token"},
        "daemons": {"pigeon": {"targets": [{"name": "loft"}]}},
    }
)
assert settings.daemons.listeners()["daemons.pigeon.port"] == 9919
assert "### daemons.pigeon" in page()
""",
    ("tests/daemons/programs/test_pigeon.py", "tests/daemons/programs/test_registry.py"),
)
