"""nginx_exporter: one process a server, at a Unix socket, since it can ask for nothing."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from dexwatch.clients.probing import Probe, http_answers
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters.exporter import THRIFT, Exporter, Plan, Scrape
from dexwatch.daemons.program import Program, SocketReady
from dexwatch.daemons.programs.scrape import job, relayed_path
from dexwatch.metrics.scrape_class import ScrapeClass

SOCKET_FILE = "metrics.sock"


def _programs(plan: Plan) -> list[Program]:
    programs = []
    for target in plan.config.nginx.targets:
        name = _name(target.name)
        data = plan.folder / name
        programs.append(
            Program(
                name=name,
                requirements=("C-LB-EXP",),
                argv=(
                    "prometheus-nginx-exporter",
                    # It has no authentication: no port, and the supervisor serves its metrics.
                    f"-web.listen-address=unix:{SOCKET_FILE}",
                    f"-nginx.scrape-uri={target.status_url}",
                    # It gives up at the start if nginx is away; we want it there to say so.
                    "-nginx.retries=1000000",
                    "-nginx.retry-interval=2s",
                    "-nginx.timeout=2s",
                ),
                package="prometheus-nginx-exporter",
                cwd=data,
                data=(data,),
                metrics=data / SOCKET_FILE,
                ready=SocketReady(data / SOCKET_FILE),
                # It listens only once it has found its nginx.
                ready_seconds=2.0,
                env=THRIFT,
                required=False,
            )
        )
    return programs


def _jobs(scrape: Scrape) -> list[dict[str, Any]]:
    """The supervisor serves what the exporter returns at its Unix socket."""
    supervisor = urlsplit(scrape.config.supervisor.local_url).netloc
    groups = [
        {
            "targets": [supervisor],
            "labels": {
                "instance": target.name,
                "__metrics_path__": relayed_path(_name(target.name)),
            }
            | target.labels,
        }
        for target in scrape.config.nginx.targets
    ]
    return [job("nginx", ScrapeClass.CRITICAL, scrape.profile, groups=groups)]


def _probes(config: DaemonsConfig) -> Iterator[Probe]:
    for target in config.nginx.targets:
        attempt = partial(http_answers, target.status_url)
        yield Probe(
            target.name, attempt, "Check the url, or enable stub_status there.", area="nginx"
        )


def _name(target: str) -> str:
    """Return the name of the exporter that looks at this nginx."""
    return f"nginx-exporter-{target}"


NGINX = Exporter(
    package="prometheus-nginx-exporter",
    wanted=lambda config: bool(config.nginx.targets),
    programs=_programs,
    jobs=_jobs,
    probes=_probes,
    elsewhere=False,
)
