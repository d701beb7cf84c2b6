"""What we believe of Debian's Prometheus 2.42 and its tools; a new version is judged by these."""

import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from dexwatch.daemons.ports import request
from tests.fakes.patience import until
from tests.fakes.stack import SECRETS, Stack, asked, stack

served = pytest.mark.asyncio(loop_scope="module")


def promtool_takes(folder: Path, require, document: dict, kind: str = "rules") -> bool:
    file = folder / "file.yml"
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [require("promtool"), "check", kind, str(file)], capture_output=True, check=False
    )
    return done.returncode == 0


def rule(expression: str, **more) -> dict:
    return {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expression, **more}]}]}


def group(**more) -> dict:
    return {"groups": [{"name": "g", "rules": [], **more}]}


@pytest.mark.parametrize(
    "document",
    [
        rule("up == 0", keep_firing_for="1500ms", **{"for": "0s"}),
        group(limit=10, interval="1s"),
        *(
            rule(expression)
            for expression in (
                "predict_linear(x[1h], 3600) < 0",
                "holt_winters(x[1h], 0.5, 0.5) > 1",
                "quantile_over_time(0.9, x[5m]) > 1",
                "absent_over_time(x[5m])",
                "last_over_time(x[5m] offset -1m) > 0",
            )
        ),
    ],
)
def test_rules_may_use(tmp_path, require, document):
    assert promtool_takes(tmp_path, require, document)


@pytest.mark.parametrize(
    "document",
    [
        group(query_offset="1m"),
        group(labels={"a": "b"}),
        rule("mad_over_time(x[5m]) > 1"),
        rule("double_exponential_smoothing(x[1h], 0.5, 0.5) > 1"),
    ],
)
def test_rules_may_not_use_what_came_later(tmp_path, require, document):
    assert not promtool_takes(tmp_path, require, document)


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("sample_limit", 10, True),
        ("target_limit", 10, True),
        ("label_limit", 10, True),
        ("label_value_length_limit", 10, True),
        ("body_size_limit", "10MB", True),
        ("honor_timestamps", False, True),
        ("scrape_protocols", ["PrometheusText0.0.4"], False),
        ("keep_dropped_targets", 1, False),
    ],
)
def test_a_scrape_job_has_these_limits_and_not_those(tmp_path, require, key, value, taken):
    job = {"job_name": "a", "scrape_interval": "1s", "scrape_timeout": "900ms", key: value}
    assert promtool_takes(tmp_path, require, {"scrape_configs": [job]}, "config") is taken


def test_a_timeout_longer_than_its_interval_is_refused(tmp_path, require):
    job = {"job_name": "a", "scrape_interval": "1s", "scrape_timeout": "2s"}
    assert not promtool_takes(tmp_path, require, {"scrape_configs": [job]}, "config")


RULES = json.dumps(
    {
        "groups": [
            {
                "name": "g",
                "interval": "1s",
                "rules": [
                    {
                        "alert": "A",
                        "expr": "fault == 1",
                        "keep_firing_for": "2s",
                        "labels": {"severity": "P0", "alert_group": "a"},
                    }
                ],
            }
        ]
    }
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory) -> AsyncIterator[Stack]:
    async with stack(tmp_path_factory.mktemp("stack"), RULES, "A") as started:
        yield started


@served
async def test_the_rules_api_shows_keep_firing_for(running):
    found = (await running.prometheus("/api/v1/rules"))["groups"][0]["rules"][0]
    assert found["keepFiringFor"] == 2
    assert found["state"] == "inactive"


@served
async def test_keep_firing_for_holds_an_alert_that_is_over(running):
    async def states() -> list[str]:
        rules = (await running.prometheus("/api/v1/rules"))["groups"][0]["rules"]
        return [alert["state"] for alert in rules[0]["alerts"]]

    async def firing() -> bool:
        return await states() == ["firing"]

    async def over() -> bool:
        return await states() == []

    async def zero() -> bool:
        answer = await running.prometheus("/api/v1/query", query="fault")
        return answer["result"][0]["value"][1] == "0"

    running.faults["A"] = 1.0
    await until(firing)
    running.faults["A"] = 0.0
    await until(zero)
    assert await firing()
    await until(over)


@served
async def test_the_reload_metrics_have_the_names_that_prove_a_reload(running):
    body = (await request(asked(f"{running.config.prometheus_url}/metrics"))).text
    assert "prometheus_config_last_reload_successful 1" in body
    assert "prometheus_config_last_reload_success_timestamp_seconds " in body


@served
async def test_labels_of_a_target_may_carry_its_parameters_and_path(running):
    """Probes and Redis targets are written so, without relabelling."""
    target = (await running.prometheus("/api/v1/targets"))["activeTargets"]
    exchange = next(t for t in target if t["labels"]["job"] == "exchange")
    assert exchange["discoveredLabels"]["__metrics_path__"] == "/metrics"
    assert exchange["labels"]["host"] == "dex-1"
    assert exchange["health"] == "up"


@served
async def test_quitting_and_reloading_over_http_are_off(running):
    """Each answers with an error; what matters is that none of them does anything."""
    for path in ("/-/quit", "/-/reload", "/api/v1/admin/tsdb/snapshot"):
        status = (
            await request(asked(f"{running.config.prometheus_url}{path}"), method="POST")
        ).status_code
        assert status in {403, 404, 405, 500}, path


@served
async def test_no_page_of_another_origin_may_ask(running):
    async with httpx.AsyncClient(headers={"authorization": SECRETS.access.header}) as client:
        answer = await client.get(
            f"{running.config.prometheus_url}/api/v1/query",
            params={"query": "up"},
            headers={"Origin": "http://evil.example"},
        )
    assert "access-control-allow-origin" not in answer.headers


@served
async def test_debian_leaves_the_new_ui_out(running):
    for path, wanted in (("/graph", 301), ("/alerts", 404), ("/targets", 404)):
        status = (await request(asked(f"{running.config.prometheus_url}{path}"))).status_code
        assert status == wanted, path
