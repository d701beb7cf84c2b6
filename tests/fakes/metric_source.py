"""A source of plausible values for every declared metric, for trying boards without an exchange.

`python -m tests.fakes.metric_source PORT` serves one path an exporter, such as `/platform`.
Values follow slow waves of the time since the start; counters only grow.
`trouble` makes some of them ill: `api-slow`, `db-down`.
"""

import http.server
import itertools
import math
import sys
import threading
import time
import zlib

from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import Kind, Metric, Unit
from tests.fakes.metric_values import GAUGES, LEVELS, OUTCOMES, RARE, SPECIAL, STILL, VALUES


class Source:
    """Computes the values; `trouble` may be changed while it serves."""

    def __init__(self, trouble: str = "", hostile: str = "") -> None:
        self.trouble = trouble
        self.begun = time.time() - 4_000
        self.values = {**VALUES, "pool": (*VALUES["pool"], hostile)} if hostile else VALUES

    def text(self, owner: str) -> str:
        if owner == "postgres_exporter" and self.trouble == "db-down":
            return "# TYPE pg_up gauge\npg_up 0\n"
        lines = [line for metric in METRICS if metric.owner == owner for line in self.lines(metric)]
        return "\n".join(lines) + "\n"

    def lines(self, metric: Metric):
        yield f"# TYPE {metric.name} {metric.kind.value}"
        choices = {**self.values, "outcome": OUTCOMES, **SPECIAL.get(metric.name, {})}
        sets = [choices.get(label, ("one",)) for label in metric.labels]
        for values in itertools.product(*sets):
            labels = dict(zip(metric.labels, values, strict=True))
            if metric.kind is Kind.HISTOGRAM:
                yield from self.histogram(metric, labels)
            elif metric.kind is Kind.COUNTER:
                yield f"{metric.name}{braces(labels)} {self.counter(metric, labels)}"
            else:
                yield f"{metric.name}{braces(labels)} {self.gauge(metric, labels)}"

    def weight(self, labels: dict[str, str]) -> float:
        phase = zlib.crc32(repr(sorted(labels.items())).encode())
        rare = math.prod(0.004 for value in labels.values() if value in RARE)
        return rare * (0.4 + phase % 100 / 60)

    def wave(self, labels: dict[str, str]) -> float:
        phase = zlib.crc32(repr(sorted(labels.items())).encode()) % 628 / 100
        at = time.time()
        return (
            math.sin(at / 97 + phase)
            + 0.4 * math.sin(at / 23 + 2 * phase)
            + 0.15 * math.sin(at / 3 + phase)
        )

    def counter(self, metric: Metric, labels: dict[str, str]) -> float:
        passed = time.time() - self.begun
        per_second = {Unit.USD: 900.0, Unit.BYTES: 4e5, Unit.GAS: 3e5}.get(metric.unit, 6.0)
        if metric.name == "node_cpu_seconds_total":
            share = {"idle": 0.62, "user": 0.28, "system": 0.1}[labels["mode"]]
            swing = 6 if labels["mode"] == "idle" else -3
            return passed * share + swing * math.sin(time.time() / 97)
        if metric.name == "bsc_blocks_total":
            return math.floor(passed / 0.45)
        if metric.name == "dex_high_value_swaps_total":
            return 4
        if any(word in metric.name for word in STILL):
            return 0.0
        if metric.name == "node_disk_io_time_seconds_total":
            return passed * 0.07
        if metric.name == "node_netstat_Tcp_RetransSegs":
            return passed * 0.01
        weight = self.weight(labels)
        # The wave is integrated, so that the counter's rate swings and never turns negative.
        return max(
            0.0,
            weight
            * per_second
            * (passed - 30 * math.cos(time.time() / 97) - 4 * math.cos(time.time() / 11)),
        )

    def gauge(self, metric: Metric, labels: dict[str, str]) -> float:
        now = time.time()
        if metric.name == "probe_ssl_earliest_cert_expiry":
            return now + 60 * 86_400
        if metric.name.startswith("probe_http_duration"):
            return 0.004
        if metric.unit is Unit.TIMESTAMP:
            return now - 0.3
        if metric.name in {"bsc_head_block", "bsc_endpoint_head_block", "bsc_finalized_block"}:
            return 48_000_000 + math.floor((now - self.begun) / 0.45)
        if metric.name == "dex_token_price_usd":
            return {"WBNB": 612, "CAKE": 2.4, "ETH": 3_480}[labels["token"]] * (
                1 + 0.004 * self.wave(labels)
            )
        base = LEVELS.get(metric.name, GAUGES.get(metric.unit, 1.0))
        if metric.unit is Unit.BOOLEAN or metric.unit is Unit.BLOCKS or base == 0:
            return base
        scale = 0.7 + zlib.crc32(repr(sorted(labels.items())).encode()) % 100 / 100 if labels else 1
        if metric.name.startswith(("node_", "pg_settings", "business_satisfaction")):
            scale = 1
        size = 0.02 if metric.unit is Unit.USD else 0.08
        if metric.name in {
            "node_memory_MemTotal_bytes",
            "node_filesystem_size_bytes",
            "pg_settings_max_connections",
            "db_client_connection_max",
        }:
            size = 0
        value = base * scale * (1 + size * self.wave(labels))
        return round(value) if metric.unit is Unit.COUNT and base > 10 else value

    def histogram(self, metric: Metric, labels: dict[str, str]):
        middle = metric.buckets[len(metric.buckets) // 3]
        if metric.name == "platform_transaction_confirmation_seconds":
            middle /= 2
        if self.trouble == "api-slow" and metric.name.startswith("http_server_request_duration"):
            middle *= 14
        total = max(
            1.0,
            self.weight(labels) * 8 * (time.time() - self.begun - 30 * math.cos(time.time() / 97)),
        )
        sigma = 0.7
        key = braces(labels, 'le="{}"')
        for bound in metric.buckets:
            share = (
                0.0
                if bound <= 0
                else 0.5 * (1 + math.erf(math.log(bound / middle) / sigma / math.sqrt(2)))
            )
            yield f"{metric.name}_bucket{key.format(f'{bound:g}')} {math.floor(total * share)}"
        yield f"{metric.name}_bucket{key.format('+Inf')} {math.floor(total)}"
        yield f"{metric.name}_sum{braces(labels)} {total * middle * math.exp(sigma**2 / 2)}"
        yield f"{metric.name}_count{braces(labels)} {math.floor(total)}"


def braces(labels: dict[str, str], more: str = "") -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    parts = [f'{key}="{escaped(text)}"' for key, text in labels.items()]
    if more:
        parts = [part.replace("{", "{{").replace("}", "}}") for part in parts] + [more]
        return "{{" + ",".join(parts) + "}}"
    return "{" + ",".join(parts) + "}" if parts else ""


class SourceServer:
    """Serves a source on loopback until closed."""

    def __init__(self, source: Source, port: int = 0) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = source.text(self.path.strip("/")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.source = source
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


JOBS = {
    "exchange": ("platform", {"service": "api", "host": "dex-1"}),
    "watch": ("dexwatch", {"service": "watch"}),
    "node": ("node_exporter", {"host": "dex-1"}),
    "postgres": ("postgres_exporter", {"instance": "platform"}),
    "redis": ("redis_exporter", {"instance": "cache"}),
    "nginx": ("nginx_exporter", {"instance": "edge"}),
    "probe-api": ("blackbox_exporter", {"instance": "api", "class": "api"}),
    "probe-edge": ("blackbox_exporter", {"instance": "edge", "class": "lb"}),
}


def prometheus_config(port: int, rules: str = "", alertmanager: str = "") -> dict:
    """Return a configuration that scrapes the source every second."""
    config: dict = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": job,
                "metrics_path": f"/{owner}",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": labels}],
            }
            for job, (owner, labels) in JOBS.items()
        ],
    }
    if rules:
        config["rule_files"] = [rules]
    if alertmanager:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return config


if __name__ == "__main__":
    SourceServer(Source(*sys.argv[2:3]), int(sys.argv[1]))
    threading.Event().wait()
