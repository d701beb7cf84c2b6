"""Whose silence means that we are blind follows from what is configured."""

from pathlib import Path

import pytest

from dexwatch.metrics.component import Component
from dexwatch.settings import load
from dexwatch.settings.components import expected_components

SMALLEST = "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"
ALWAYS = {Component.MONITORING, Component.HOSTS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ALWAYS),
        ("daemons: {node: {enabled: false}}\n", {Component.MONITORING}),
        (
            "daemons: {redis: {targets: [{name: a, url: 'redis://127.0.0.1:1'}]}}\n",
            {*ALWAYS, Component.CACHE},
        ),
        (
            "daemons: {postgres: {targets: [{name: a, dsn: 'postgresql://127.0.0.1:1/a'}]}}\n",
            {*ALWAYS, Component.DATABASE},
        ),
        (
            "daemons: {nginx: {targets: [{name: a, status_url: 'http://127.0.0.1:1/s'}]}}\n",
            {*ALWAYS, Component.LOAD_BALANCER},
        ),
        (
            "daemons: {probes: [{name: a, kind: http, target: 'http://a', class: api}]}\n",
            {*ALWAYS, Component.API},
        ),
        (
            "chain: {endpoints: [{name: a, http: 'http://127.0.0.1:1'}]}\n",
            {*ALWAYS, Component.CHAIN},
        ),
    ],
)
def test_what_is_configured_is_expected(
    tmp_path: Path, text: str, expected: set[Component]
) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(SMALLEST + text)
    assert expected_components(load(file)) == expected
