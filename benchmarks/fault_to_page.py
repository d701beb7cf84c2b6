"""From a fault to the message at its channel: dexwatch, and the defaults that most people run.

Two dozen Redis servers are stopped one after the other, at moments that follow no interval.
Two systems watch the same servers at the same time, each through an exporter of its own:

* dexwatch in its production profile, until its webhook channel has the page of `RedisDown` (P0);
* Prometheus with 15 s scrapes and evaluations, and Alertmanager with 30 s `group_wait`,
  until its webhook has the alert.
"""

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from _rig import free_ports, receiver, report, spread
from dexwatch.daemons.program import HttpReady, Program, TcpReady
from dexwatch.daemons.supervisor import Supervisor

FAULTS = 24
SETTLE_SECONDS = 45.0
PAUSE_SECONDS = (2.0, 5.0)
GIVE_UP_SECONDS = 120.0
AIM_P95_SECONDS = 12.0
"""Two looks of five seconds (decision 0606), an evaluation each second, and the way to people."""

BASELINE_RULES = """
groups:
  - name: redis
    rules: [{alert: RedisDown, expr: redis_up == 0}]
"""


async def main() -> None:
    ports = free_ports(FAULTS + 12)
    servers = {f"cache-{i:02d}": ports[i] for i in range(FAULTS)}
    rest = ports[FAULTS:]
    with tempfile.TemporaryDirectory(prefix="dexwatch-bench-") as name:
        folder = Path(name)
        async with (
            receiver() as ours,
            receiver() as theirs,
            Supervisor(folder / "programs") as supervisor,
        ):
            await supervisor.start(_redis(n, p, folder) for n, p in servers.items())
            await supervisor.start([_dexwatch(folder, servers, rest, ours.url)])
            await supervisor.start(_baseline(folder, servers, rest, theirs.url))
            await asyncio.sleep(SETTLE_SECONDS)
            faults = {}
            for server in servers:
                faults[server] = time.time()
                await supervisor.stop(server)
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
            deadline = time.time() + GIVE_UP_SECONDS
            for taken in (ours, theirs):
                await taken.until(list(faults), deadline)
    seconds = [
        [(r.first(server) or float("inf")) - at for server, at in faults.items()]
        for r in (ours, theirs)
    ]
    report(
        benchmark="fault_to_page",
        measurement="seconds from a stopped Redis to the message at the webhook channel",
        unit="seconds",
        dexwatch=spread(seconds[0]),
        usual_defaults=spread(seconds[1]),
        compared_with="Prometheus 15 s / 15 s with Alertmanager group_wait 30 s, same servers",
        aim=f"dexwatch p95 <= {AIM_P95_SECONDS:g} s",
        reached=spread(seconds[0])["p95"] <= AIM_P95_SECONDS,
    )


def _redis(name: str, port: int, folder: Path) -> Program:
    return Program(
        name=name,
        argv=("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""),
        folder=folder / name,
        data=(folder / name,),
        ready=TcpReady(port),
    )


def _dexwatch(folder: Path, servers: dict[str, int], ports: list[int], url: str) -> Program:
    names = ("prometheus", "alertmanager", "node", "redis", "supervisor")
    daemons = "".join(
        f"  {n}: {{port: {p}{_targets(n, servers)}}}\n" for n, p in zip(names, ports, strict=False)
    )
    file = folder / "dexwatch.yml"
    file.write_text(
        "name: bench\nfolder: ./state\n"
        f"respond: {{port: {ports[5]}, hook_token: a-token-for-this-run}}\n"
        f"watch: {{port: {ports[6]}}}\nconsole: {{port: {ports[7]}}}\n"
        f"daemons:\n{daemons}"
        f"notify:\n  webhooks:\n    - {{name: bench, url: {url}, secret: a-secret-for-this-run, "
        "severities: [P0]}\n"
    )
    return Program(
        name="dexwatch",
        argv=(sys.executable, "-m", "dexwatch", "up", "-c", str(file)),
        cwd=folder,
        ready=HttpReady(f"http://127.0.0.1:{ports[7]}/healthz"),
        ready_seconds=90,
        stop_seconds=30,
    )


def _targets(name: str, servers: dict[str, int]) -> str:
    if name != "redis":
        return ""
    rows = ", ".join(
        f"{{name: {n}, url: 'redis://127.0.0.1:{p}', labels: {{service: {n}}}}}"
        for n, p in servers.items()
    )
    return f", targets: [{rows}]"


def _baseline(
    folder: Path, servers: dict[str, int], ports: list[int], url: str
) -> tuple[Program, ...]:
    exporter, prometheus, alertmanager = ports[8:11]
    place = folder / "baseline"
    _write_baseline(place, servers, exporter=exporter, alertmanager=alertmanager, url=url)
    return (
        Program(
            name="baseline-exporter",
            argv=(
                "prometheus-redis-exporter",
                f"-web.listen-address=127.0.0.1:{exporter}",
                "-redis.addr=",
            ),
            ready=TcpReady(exporter),
        ),
        Program(
            name="baseline-alertmanager",
            argv=(
                "prometheus-alertmanager",
                f"--config.file={place}/alertmanager.yml",
                f"--storage.path={place}/am",
                f"--web.listen-address=127.0.0.1:{alertmanager}",
                "--cluster.listen-address=",
            ),
            ready=HttpReady(f"http://127.0.0.1:{alertmanager}/-/ready"),
        ),
        Program(
            name="baseline-prometheus",
            argv=(
                "prometheus",
                f"--config.file={place}/prometheus.yml",
                f"--storage.tsdb.path={place}/data",
                f"--web.listen-address=127.0.0.1:{prometheus}",
            ),
            ready=HttpReady(f"http://127.0.0.1:{prometheus}/-/ready"),
        ),
    )


def _write_baseline(
    place: Path, servers: dict[str, int], *, exporter: int, alertmanager: int, url: str
) -> None:
    place.mkdir()
    groups = "".join(
        f"      - {{targets: ['redis://127.0.0.1:{p}'], labels: {{service: {n}}}}}\n"
        for n, p in servers.items()
    )
    (place / "rules.yml").write_text(BASELINE_RULES)
    (place / "prometheus.yml").write_text(
        "global: {scrape_interval: 15s, evaluation_interval: 15s}\n"
        "rule_files: [rules.yml]\n"
        "alerting:\n  alertmanagers:\n    - static_configs:\n"
        f"        - targets: ['127.0.0.1:{alertmanager}']\n"
        "scrape_configs:\n  - job_name: redis\n    metrics_path: /scrape\n    static_configs:\n"
        f"{groups}    relabel_configs:\n"
        "      - {source_labels: [__address__], target_label: __param_target}\n"
        "      - {source_labels: [__address__], target_label: instance}\n"
        f"      - {{target_label: __address__, replacement: '127.0.0.1:{exporter}'}}\n"
    )
    (place / "alertmanager.yml").write_text(
        "route: {receiver: hook, group_by: [alertname, service], group_wait: 30s}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{url}'}}]}}]\n"
    )


if __name__ == "__main__":
    asyncio.run(main())
