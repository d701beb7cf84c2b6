"""blackbox_exporter: probes from outside, as a client would connect."""

import json
from typing import Any

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters.exporter import THRIFT, Exporter, Plan, Scrape
from dexwatch.daemons.program import File, HttpReady, Port, Program
from dexwatch.daemons.programs.authentication import WEB_FLAG, web_file
from dexwatch.daemons.programs.exporter_config import ProbeConfig
from dexwatch.daemons.programs.scrape import LOOPBACK, PROBE_LIMIT, group, job
from dexwatch.daemons.programs.text import yaml
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.scrape_class import ScrapeClass


def _programs(plan: Plan) -> list[Program]:
    config, access = plan.config, plan.secrets.access
    address = f"{LOOPBACK}:{config.blackbox.port}"
    program = Program(
        name="blackbox-exporter",
        requirements=("C-BLACKBOX-EXP",),
        argv=(
            "prometheus-blackbox-exporter",
            "--config.file=blackbox.yml",
            f"--web.listen-address={address}",
            WEB_FLAG,
            # It stops so long before the scrape's own timeout; the default is half a second.
            "--timeout-offset=0.1",
            "--history.limit=20",
            "--log.level=warn",
        ),
        package="prometheus-blackbox-exporter",
        folder=plan.folder / "etc" / "blackbox",
        files=(File("blackbox.yml", yaml({"modules": _modules(config)})), web_file(access)),
        checks=(("prometheus-blackbox-exporter", "--config.file=blackbox.yml", "--config.check"),),
        ports=(Port("daemons.blackbox.port", config.blackbox.port),),
        ready=HttpReady(f"http://{address}/-/healthy", access.header),
        reload_proof=HttpReady(f"http://{address}/metrics", access.header),
        env=THRIFT,
        required=False,
    )
    return [program]


def _modules(config: DaemonsConfig) -> dict[str, Any]:
    http = {"preferred_ip_protocol": "ip4", "follow_redirects": True}
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
    modules: dict[str, Any] = {
        "http": {"prober": "http", "timeout": "10s", "http": http},
        "rpc": {
            "prober": "http",
            "timeout": "10s",
            "http": http
            | {
                "method": "POST",
                "headers": {"Content-Type": "application/json"},
                "body": call,
                # Nodes report errors inside a 200, so the answer itself is looked at.
                "fail_if_body_not_matches_regexp": ['"result"\\s*:\\s*"0x'],
            },
        },
        "tcp": {"prober": "tcp", "timeout": "5s", "tcp": {"preferred_ip_protocol": "ip4"}},
        "tls": {
            "prober": "tcp",
            "timeout": "5s",
            "tcp": {"preferred_ip_protocol": "ip4", "tls": True},
        },
        "icmp": {"prober": "icmp", "timeout": "5s", "icmp": {"preferred_ip_protocol": "ip4"}},
    }
    for probe in config.all_probes:
        if probe.kind == "dns":
            query = {
                "query_name": probe.target,
                "query_type": "A",
                "preferred_ip_protocol": "ip4",
                "validate_answer_rrs": {"fail_if_none_matches_regexp": [".+"]},
            }
            modules[module_of(probe)] = {"prober": "dns", "timeout": "5s", "dns": query}
    return modules


def _probes(
    config: DaemonsConfig, profile: EvaluationProfile, scrape_class: ScrapeClass
) -> dict[str, Any]:
    groups = [
        group(
            config,
            config.blackbox.port,
            # The exporter's parameters are target labels here, which no relabelling can garble.
            {"__param_target": probe.server or probe.target, "__param_module": module_of(probe)}
            | {"job": "probe", "instance": probe.name, "class": probe.probe_class}
            | probe.labels,
        )
        for probe in config.all_probes
        if probe.scrape_class is scrape_class
    ]
    return job(
        f"probe-{scrape_class}",
        scrape_class,
        profile,
        groups=groups,
        sample_limit=PROBE_LIMIT,
        metrics_path="/probe",
    )


def module_of(probe: ProbeConfig) -> str:
    """Return the name of the blackbox module that carries out this probe."""
    return f"dns_{probe.name}" if probe.kind == "dns" else probe.kind


def _jobs(scrape: Scrape) -> list[dict[str, Any]]:
    return [_probes(scrape.config, scrape.profile, each) for each in ScrapeClass]


BLACKBOX = Exporter(
    package="prometheus-blackbox-exporter",
    wanted=lambda config: bool(config.all_probes),
    programs=_programs,
    jobs=_jobs,
)
