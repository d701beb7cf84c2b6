"""Where Prometheus and Alertmanager are the operator's own: what is exported for them."""

import pytest
from ruamel.yaml import YAML

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.programs.prometheus import prometheus_files
from dexwatch.metrics.profile import PRODUCTION
from tests.fakes.planned import planned
from tests.fakes.stack import SECRETS


def test_in_external_mode_nothing_is_run_and_the_urls_are_used(tmp_path):
    document = {
        "mode": "external",
        "prometheus": {"url": "https://prometheus.example/"},
        "alertmanager": {"url": "http://10.0.0.1:9093"},
    }
    assert planned(document, tmp_path) == {}
    config = DaemonsConfig.model_validate(document)
    assert config.prometheus_url == "https://prometheus.example"
    assert config.alertmanager_url == "http://10.0.0.1:9093"


def test_exported_files_send_alerts_to_the_alertmanager_that_is_named():
    config = DaemonsConfig.model_validate(
        {
            "mode": "external",
            "prometheus": {"url": "https://prometheus.example/"},
            "alertmanager": {"url": "http://10.0.0.1:9093/am"},
        }
    )
    [file] = (
        file
        for file in prometheus_files(
            config, profile=PRODUCTION, rules="", host="h", secrets=SECRETS
        )
        if file.name == "prometheus.yml"
    )
    document = YAML(typ="safe").load(file.content)
    [receiver] = document["alerting"]["alertmanagers"]
    assert receiver["static_configs"] == [{"targets": ["10.0.0.1:9093"]}]
    assert (receiver["scheme"], receiver["path_prefix"]) == ("http", "/am")
    own = [job for job in document["scrape_configs"] if job["job_name"].endswith(("eus", "ager"))]
    seen = {
        (group["labels"]["__scheme__"], *group["targets"], group["labels"]["__metrics_path__"])
        for job in own
        for group in job["static_configs"]
    }
    assert seen == {
        ("https", "prometheus.example", "/metrics"),
        ("http", "10.0.0.1:9093", "/am/metrics"),
    }


@pytest.mark.parametrize(
    ("asks", "keys", "files"),
    [
        (
            {"username": "ana", "password": "geheim"},
            {"basic_auth": {"username": "ana", "password_file": "alertmanager.password"}},
            {"alertmanager.password"},
        ),
        (
            {"token": "geheim", "ca_file": "/etc/ca.pem"},
            {
                "authorization": {"type": "Bearer", "credentials_file": "alertmanager.token"},
                "tls_config": {"ca_file": "/etc/ca.pem"},
            },
            {"alertmanager.token"},
        ),
    ],
)
def test_exported_files_show_what_your_alertmanager_asks_for(asks, keys, files):
    config = DaemonsConfig.model_validate(
        {
            "mode": "external",
            "prometheus": {"url": "http://10.0.0.1:9090"},
            "alertmanager": {"url": "https://10.0.0.1:9093", **asks},
        }
    )
    written = prometheus_files(config, profile=PRODUCTION, rules="", host="h", secrets=SECRETS)
    document = YAML(typ="safe").load(written[0].content)
    [receiver] = document["alerting"]["alertmanagers"]
    assert receiver | keys == receiver
    assert {file.name for file in written if "geheim" in file.content} == files
    assert config.alertmanager.access.header.startswith(("Basic ", "Bearer geheim"))
