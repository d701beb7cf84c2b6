"""What all rules cost to evaluate, and how the slowest group compares with its interval.

python benchmarks/rule_evaluation.py [SECONDS]

A real Prometheus evaluates the production rules over every declared metric, scraped each second.
"""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import yaml

from _rig import free_ports, report
from dexwatch.rules.registry import ALERTS, render
from tests.fakes.metric_source import Source, SourceServer, prometheus_config

SECONDS = 60
ASKED = {
    "processor_share": "sum(rate(prometheus_rule_evaluation_duration_seconds_sum[30s]))",
    "slowest_group_seconds": "max(prometheus_rule_group_last_duration_seconds)",
    "slowest_of_its_interval": (
        "max(prometheus_rule_group_last_duration_seconds / prometheus_rule_group_interval_seconds)"
    ),
    "missed": "sum(prometheus_rule_group_iterations_missed_total)",
}


def main(seconds: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = SourceServer(Source())
        stack.callback(server.close)
        [port] = free_ports(1)
        rules = render()
        (folder / "rules.yml").write_text(rules)
        config = prometheus_config(server.port, "rules.yml")
        itself = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        config["scrape_configs"].append(itself)
        (folder / "prometheus.yml").write_text(json.dumps(config))
        prometheus = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=error",
            ]
        )
        stack.callback(prometheus.wait)
        stack.callback(prometheus.terminate)
        time.sleep(seconds)
        found = {name: ask(port, query) for name, query in ASKED.items()}
    groups = yaml.safe_load(rules)["groups"]
    counts = {"alerts": len(ALERTS), "groups": len(groups)}
    counts["largest_group"] = max(len(group["rules"]) for group in groups)
    report(benchmark="rule_evaluation", seconds=seconds, **counts, **found)


def ask(port: int, query: str) -> float | None:
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}, timeout=20)
    result = answer.json()["data"]["result"]
    return round(float(result[0]["value"][1]), 5) if result else None


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
