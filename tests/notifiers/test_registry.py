"""The registry is the one list of channels: settings, routes and notifiers are made from it."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from pydantic import SecretStr

import dexwatch.notifiers as package
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.registry import NOTIFIERS, NotifyConfig, build, routes
from dexwatch.notifiers.webhook.config import WebhookConfig
from tests.notifiers.case import CASES, NOWHERE

SOURCE = Path(package.__file__).parents[1]


def everything() -> NotifyConfig:
    return NotifyConfig(**{c.setting: CASES[c.name].config(NOWHERE) for c in NOTIFIERS})


def test_each_folder_with_a_client_is_listed_once() -> None:
    found = {
        importlib.import_module(f"dexwatch.notifiers.{module.name}").CHANNEL.name
        for module in pkgutil.iter_modules(package.__path__)
        if (Path(package.__file__).parent / module.name / "client.py").exists()
    }
    listed = [channel.name for channel in NOTIFIERS]
    assert sorted(listed) == sorted(found)


def test_everybody_configured_is_routed() -> None:
    listed = routes(everything())
    assert {route.channel for route in listed[Severity.P1]} == {c.name for c in NOTIFIERS}
    assert [route.channel for route in listed[Severity.P3]] == ["webhook"]
    assert set(build(everything())) == {c.name for c in NOTIFIERS}


def test_without_a_channel_nobody_is_notified() -> None:
    assert not any(routes(NotifyConfig()).values())
    assert build(NotifyConfig()) == {}


def test_a_channel_is_named_in_its_folder_and_its_line_only() -> None:
    """Whoever adds or changes one must not have to look anywhere else; the sample plays Slack."""
    free = ("notifiers/slack/", "notifiers/registry.py", "demo/")
    named = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if not str(path.relative_to(SOURCE)).startswith(free)
        and "slack" in path.read_text(encoding="utf-8").lower()
    ]
    assert named == []


@pytest.mark.parametrize("url", ["ftp://h/", "file:///etc/passwd", "https://u:p@h/", "https://"])
def test_addresses_that_lead_elsewhere_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        WebhookConfig(name="x", url=url, secret=SecretStr("s" * 16))
