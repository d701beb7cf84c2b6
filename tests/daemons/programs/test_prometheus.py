"""Whatever an operator configures, the programs' own checkers accept what we render from it."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dexwatch.daemons import files
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters.postgres import CONNECT_SECONDS
from dexwatch.daemons.programs.alertmanager import CONSEQUENCES
from dexwatch.demo.profile import DEMO
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.metrics.severity import Severity
from dexwatch.rules.registry import ALERTS, render
from tests.fakes.planned import FULL, jobs, planned

PROVES = ("C-PROMETHEUS", "S-RETAIN")
"""Requirements that these tests prove, for `dexwatch coverage`."""


names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z")
values = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
labels = st.dictionaries(st.sampled_from(["service", "team", "tier", "alerting"]), values)
scrape_classes = st.sampled_from(list(ScrapeClass))
targets = st.fixed_dictionaries(
    {
        "job": names,
        "address": st.from_regex(r"\A[a-z]{1,9}:[1-9][0-9]{0,3}\Z"),
        "path": st.sampled_from(["/metrics", "/a/b?c=d", "/$1"]),
        "scheme": st.sampled_from(["http", "https"]),
        "scrape_class": scrape_classes,
        "labels": labels,
        "token": st.none() | st.text("abc$:{}'\" ", min_size=1, max_size=20),
    }
)
probes = st.one_of(
    st.fixed_dictionaries(
        {
            "name": names,
            "kind": st.sampled_from(["http", "rpc"]),
            "target": st.sampled_from(["http://a.example/x?y=${1}", "https://b.example:8443"]),
            "scrape_class": scrape_classes,
            "labels": labels,
        }
    ),
    st.fixed_dictionaries(
        {
            "name": names,
            "kind": st.just("dns"),
            "target": st.sampled_from(["dex.example", "a.b.example."]),
            "server": st.just("127.0.0.1:53"),
            "class": st.sampled_from(["api", "lb", "upstream", "rpc", "external"]),
        }
    ),
)
configs = st.fixed_dictionaries(
    {
        "targets": st.lists(targets, max_size=4),
        "probes": st.lists(probes, max_size=4, unique_by=lambda probe: probe["name"]),
        "redis": st.fixed_dictionaries(
            {
                "targets": st.lists(
                    st.fixed_dictionaries(
                        {"name": names, "url": st.just("redis://:x@127.0.0.1:1")}
                    ),
                    max_size=1,
                )
            }
        ),
        "prometheus": st.fixed_dictionaries({"retention_size_gb": st.floats(0.1, 1000)}),
    }
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(configs, st.sampled_from([PRODUCTION, DEMO]))
def test_the_checkers_accept_what_is_rendered(tmp_path, require, document, profile):
    for binary in ("promtool", "amtool", "prometheus-blackbox-exporter"):
        require(binary)
    for program in planned(document, tmp_path, profile=profile).values():
        files.check(program)


@pytest.mark.parametrize("profile", [PRODUCTION, DEMO], ids=lambda one: one.name)
def test_promtool_accepts_our_own_rules_with_the_configuration(tmp_path, require, profile):
    require("promtool")
    files.check(planned({}, tmp_path, profile=profile, rules=render(profile))["prometheus"])


def test_each_class_has_its_interval_and_every_job_its_limits(tmp_path):
    found = jobs(FULL, tmp_path)
    intervals = {name: job["scrape_interval"] for name, job in found.items()}
    assert intervals == {
        "dexwatch-critical": "5s",
        "dexwatch-high": "15s",
        "prometheus": "30s",
        "alertmanager": "30s",
        "node": "30s",
        "probe-high": "15s",
        "probe-critical": "5s",
        "postgres": "5s",
        "redis": "5s",
        "nginx": "5s",
        "target-exchange-critical-0": "5s",
        "target-ledger-historical": "5m",
    }
    for job in found.values():
        assert job["sample_limit"] > 0
        assert job["label_limit"] > 0
        assert job["target_limit"] > 0
        assert job["body_size_limit"]
        assert job["honor_timestamps"] is False


def test_secrets_stand_in_files_of_their_own_and_nowhere_else(tmp_path):
    for program in planned(FULL, tmp_path).values():
        assert "geheim" not in " ".join(program.argv)
        assert "geheim" not in repr(program)
        for file in program.files:
            assert file.secret or "geheim" not in file.content


def test_a_target_keeps_its_job_and_gets_what_the_configuration_adds(tmp_path):
    group = jobs(FULL, tmp_path)["target-exchange-critical-0"]["static_configs"][0]
    assert group["targets"] == ["127.0.0.1:9000"]
    assert group["labels"]["job"] == "exchange"
    probe = jobs(FULL, tmp_path)["probe-high"]["static_configs"][0]["labels"]
    assert probe["class"] == "api"
    assert probe["instance"] == "api"
    assert probe["__param_target"] == "http://127.0.0.1/"


def test_everything_listens_on_loopback_or_at_a_socket_of_its_own_folder(tmp_path):
    for program in planned(FULL, tmp_path).values():
        flags = [flag for flag in program.argv if "listen-address" in flag]
        assert flags, program.name
        for flag in flags:
            assert flag.partition("=")[2].startswith(("127.0.0.1:", "unix:")) or flag.endswith(
                "cluster.listen-address="
            )
            assert flag.startswith("-web.listen-address=unix:") == (program.metrics is not None)


def test_every_job_of_ours_shows_what_the_program_asks_for(tmp_path):
    by_certificate = {"redis"}
    theirs = {"target-exchange-critical-0", "target-ledger-historical"}
    for name, job in jobs(FULL, tmp_path).items():
        assert ("tls_config" in job) is (name in by_certificate), name
        asks = name not in by_certificate | theirs
        assert ("basic_auth" in job) is asks, name
        assert "password" not in job.get("basic_auth", {})


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"mode": "external"}, "prometheus.url must say where it runs"),
        ({"prometheus": {"port": 8902}}, "daemons.alertmanager.port are both 8902"),
        ({"probes": [{"name": "a", "kind": "http", "target": "host:80"}]}, "needs a URL"),
        ({"probes": [{"name": "a", "kind": "dns", "target": "x.example"}]}, "server"),
        (
            {"nginx": {"targets": [{"name": "a", "status_url": "http://ana:geheim@a/"}]}},
            "remove `user:password@`",
        ),
        (
            {"probes": [{"name": "a", "kind": "http", "target": "http://ana:geheim@a/"}]},
            "remove `user:password@`",
        ),
        ({"probes": [FULL["probes"][0]] * 2}, "the name 'api' is used 2 times"),
        (
            {"postgres": {"targets": [{"name": n, "dsn": "host=a"} for n in "ab"]}},
            r"targets.1 \(b\) needs a `port`",
        ),
        ({"prometheus": {"username": "ana"}}, "belong together"),
        ({"alertmanager": {"ca_file": "ca.pem"}}, "absolute path"),
    ],
)
def test_a_mistake_is_explained(document, said):
    with pytest.raises(ValidationError, match=said):
        DaemonsConfig.model_validate(document)


def test_inhibition_names_only_rules_that_exist():
    known = {rule.id for rule in ALERTS}
    named = {name for each in CONSEQUENCES for name in (each.cause, *each.effects)}
    assert named <= known, sorted(named - known)


def test_a_p1_is_held_back_only_by_a_cause_of_the_same_thing():
    severities = {rule.id: rule.severity for rule in ALERTS}
    for each in CONSEQUENCES:
        if not each.equal:
            assert {severities[name] for name in each.effects} <= {Severity.P2, Severity.P3}


@pytest.mark.parametrize("name", ["postgres", "redis", "nginx"])
def test_an_exporter_gives_up_before_its_scrape_does(tmp_path, name):
    scrape = float(jobs(FULL, tmp_path)[name]["scrape_timeout"].removesuffix("ms")) / 1000
    flags = {
        "redis": ("redis-exporter", "-connection-timeout="),
        "nginx": ("nginx-exporter-edge", "-nginx.timeout="),
    }
    if name == "postgres":
        # Two attempts, one after the other.
        assert scrape > 2 * CONNECT_SECONDS
        return
    program, flag = flags[name]
    [given] = (a for a in planned(FULL, tmp_path)[program].argv if a.startswith(flag))
    assert float(given.partition("=")[2].removesuffix("s")) < scrape


def test_a_load_balancer_without_a_probe_is_given_one(tmp_path):
    [group] = jobs(FULL, tmp_path)["probe-critical"]["static_configs"]
    assert group["labels"]["class"] == "lb"
    assert group["labels"]["instance"] == "edge"
    assert group["labels"]["__param_target"] == "127.0.0.1:80"
    own = {**FULL["probes"][0], "name": "public", "class": "lb"}
    found = jobs({**FULL, "probes": [own]}, tmp_path)
    assert "probe-critical" not in found


def test_only_what_never_replays_data_is_restarted_when_silent(tmp_path):
    found = {p.name for p in planned(FULL, tmp_path).values() if p.restart_when_silent}
    assert found == {"alertmanager"}


def test_the_redis_passwords_file_is_what_the_exporter_reads(tmp_path):
    program = planned(FULL, tmp_path)["redis-exporter"]
    assert json.loads(program.files[0].content) == {"redis://127.0.0.1:6379": "geheim"}
