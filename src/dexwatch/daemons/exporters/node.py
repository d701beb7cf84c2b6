"""node_exporter: the machine that dexwatch runs on."""

from typing import Any

from dexwatch.daemons.exporters.exporter import THRIFT, Exporter, Plan, Scrape
from dexwatch.daemons.program import HttpReady, Port, Program
from dexwatch.daemons.programs.authentication import WEB_FLAG, web_file
from dexwatch.daemons.programs.scrape import LOOPBACK, group, job
from dexwatch.metrics.scrape_class import ScrapeClass


def _programs(plan: Plan) -> list[Program]:
    config, access = plan.config, plan.secrets.access
    address = f"{LOOPBACK}:{config.node.port}"
    program = Program(
        name="node-exporter",
        requirements=("C-NODE-EXP",),
        argv=(
            "prometheus-node-exporter",
            f"--web.listen-address={address}",
            WEB_FLAG,
            "--web.disable-exporter-metrics",
            "--web.max-requests=4",
            "--log.level=warn",
            # Nothing here reads these; they cost the most series or time.
            *(
                f"--no-collector.{name}"
                for name in (
                    "arp",
                    "netclass",
                    "schedstat",
                    "softnet",
                    "systemd",
                    "thermal_zone",
                    "zfs",
                )
            ),
        ),
        package="prometheus-node-exporter",
        folder=plan.folder / "etc" / "node-exporter",
        files=(web_file(access),),
        ports=(Port("daemons.node.port", config.node.port),),
        ready=HttpReady(f"http://{address}/", access.header),
        env=THRIFT,
        required=False,
    )
    return [program]


def _jobs(scrape: Scrape) -> list[dict[str, Any]]:
    config = scrape.config.node
    labels = {"instance": scrape.host, "host": scrape.host} | config.labels
    groups = [group(scrape.config, config.port, labels)]
    return [job("node", ScrapeClass.STANDARD, scrape.profile, groups=groups)]


NODE = Exporter(
    package="prometheus-node-exporter",
    wanted=lambda config: config.node.enabled,
    programs=_programs,
    jobs=_jobs,
)
