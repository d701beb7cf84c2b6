"""Alertmanager: groups, inhibits, silences, and delivers every alert to our receiver.

Incidents are our own business, so the routes here only decide how long an alert may wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from dexwatch.clients.access import Access
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import File, HttpReady, Port, Program
from dexwatch.daemons.programs.authentication import WEB_FLAG, web_file
from dexwatch.daemons.programs.scrape import LOOPBACK
from dexwatch.daemons.programs.text import yaml
from dexwatch.metrics.identity import IDENTITY_LABELS
from dexwatch.metrics.profile import EvaluationProfile, duration
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rule import AlertRule

WATCHDOG = "Watchdog"
HEARTBEAT = "heartbeat"
"""The receiver of the dead man's signal: the same webhook, which awaits it."""
HEARTBEAT_SCRAPES = 4
"""So many of the shortest scrape intervals lie between two signals: 20 s in production."""
TOKEN_FILE = "hook.token"  # noqa: S105 - the name of a file.


@dataclass(frozen=True)
class Consequence:
    """What says nothing new while its cause fires."""

    cause: str
    effects: tuple[str, ...]
    equal: tuple[str, ...] = ()
    """Labels that cause and effect must share; without any, only P2 and P3 are held back."""


CONSEQUENCES = (
    Consequence(
        "DatabaseDown",
        ("DatabaseConnectionsHigh", "DatabaseTransactionLong", "DatabaseDeadlocks"),
        equal=("instance",),
    ),
    Consequence(
        "RedisDown",
        (
            "RedisMemoryHigh",
            "RedisRejectingConnections",
            "RedisEvictingKeys",
            "RedisPersistenceFailing",
        ),
        equal=("instance",),
    ),
    Consequence("RedisDown", ("CacheMissRateRising",)),
    Consequence("DatabaseDown", ("ErrorRateNoticeable",)),
    Consequence("ApiUptimeLow", ("ErrorRateNoticeable",)),
)
"""Every P0 is heard, and so is every P1 that may have another cause: failing payments are told even
while some database is down, for it need not be theirs."""


@dataclass(frozen=True)
class Webhook:
    """The URL of our receiver, and its bearer token."""

    url: str
    token: SecretStr


def alertmanager_files(
    *,
    profile: EvaluationProfile,
    webhook: Webhook,
    alerts: Sequence[AlertRule] = ALERTS,
) -> tuple[File, ...]:
    """Return alertmanager.yml and the token's file, which only Alertmanager's user may read."""
    document = {
        "route": _routes(profile),
        "inhibit_rules": [*_within_groups(alerts), *_explanations(alerts), *_consequences()],
        "receivers": [
            {"name": "dexwatch", "webhook_configs": [_webhook(webhook)]},
            {
                "name": HEARTBEAT,
                "webhook_configs": [_webhook(webhook) | {"send_resolved": False}],
            },
            {"name": "nobody"},
        ],
    }
    return (
        File("alertmanager.yml", yaml(document)),
        File(TOKEN_FILE, webhook.token.get_secret_value(), secret=True),
    )


def _webhook(webhook: Webhook) -> dict[str, Any]:
    authorization = {"type": "Bearer", "credentials_file": TOKEN_FILE}
    return {
        "url": webhook.url,
        "send_resolved": True,
        "http_config": {"authorization": authorization, "follow_redirects": False},
        # Bounds one message; what is cut off is sent again with the group's next change.
        "max_alerts": 500,
    }


def _routes(profile: EvaluationProfile) -> dict[str, Any]:
    scrape = profile.scrape_ms(ScrapeClass.CRITICAL)
    return {
        "receiver": "dexwatch",
        **_timing(
            ["alertname", "alert_group", "host"], wait=2 * scrape, interval=2 * scrape, repeat="1h"
        ),
        "routes": [
            _heartbeat(scrape),
            {"receiver": "nobody", "matchers": ['severity="none"']},
            # Each P0 is a group of its own, so that none waits for another's group interval.
            {
                "matchers": ['severity="P0"'],
                **_timing(["..."], wait=0, interval=scrape, repeat="5m"),
            },
            {
                "matchers": ['severity="P1"'],
                # One scrape interval lets a P0 of the same cause arrive first and inhibit.
                **_timing(
                    ["alertname", "alert_group", "host"], wait=scrape, interval=scrape, repeat="15m"
                ),
            },
        ],
    }


def _heartbeat(scrape: int) -> dict[str, Any]:
    """The dead man's signal, sent to us every few scrapes."""
    every = HEARTBEAT_SCRAPES * scrape
    # A group is looked at each interval, and told again where `repeat` has gone by then.
    timing = _timing(["alertname"], wait=0, interval=max(1000, every // 2), repeat=duration(every))
    return {
        "receiver": HEARTBEAT,
        "matchers": [f'alertname="{WATCHDOG}"', 'severity="none"'],
        **timing,
    }


def _timing(group_by: list[str], *, wait: int, interval: int, repeat: str) -> dict[str, Any]:
    """`repeat` is how soon a lost alert is told again; our receiver drops what it knows already."""
    return {
        "group_by": group_by,
        "group_wait": duration(wait),
        "group_interval": duration(interval),
        "repeat_interval": repeat,
    }


def _within_groups(alerts: Sequence[AlertRule]) -> list[dict[str, Any]]:
    """A worse alert on the same thing silences the lesser ones."""
    rules = [
        _inhibit([f'severity="{worse}"', 'alert_group!=""'], [f'severity=~"{lesser}"'])
        for worse, lesser in (("P0", "P1|P2|P3"), ("P1", "P2|P3"), ("P2", "P3"))
    ]
    highest = max(rule.group_priority for rule in alerts)
    # Within one severity the priority in the group tells which is worse.
    rules += [
        _inhibit(
            [f'severity="{severity}"', f'group_priority="{priority}"', 'alert_group!=""'],
            [
                f'severity="{severity}"',
                f'group_priority=~"{"|".join(str(low) for low in range(1, priority))}"',
            ],
        )
        for severity in ("P1", "P2", "P3")
        for priority in range(2, highest + 1)
    ]
    return rules


def _inhibit(source: list[str], target: list[str]) -> dict[str, Any]:
    return {
        "source_matchers": source,
        "target_matchers": target,
        "equal": ["alert_group", *IDENTITY_LABELS],
    }


def _explanations(alerts: Sequence[AlertRule]) -> list[dict[str, Any]]:
    """A part that is down explains the availability that it costs, P0 or not."""
    groups = sorted({rule.inhibits for rule in alerts} - {""})
    return [
        {
            "source_matchers": [f'inhibits="{group}"'],
            "target_matchers": [f'alert_group="{group}"'],
        }
        for group in groups
    ]


def _consequences() -> list[dict[str, Any]]:
    return [
        {
            "source_matchers": [f'alertname="{each.cause}"'],
            "target_matchers": [f'alertname=~"{"|".join(each.effects)}"', 'severity=~"P1|P2|P3"'],
            **({"equal": list(each.equal)} if each.equal else {}),
        }
        for each in CONSEQUENCES
    ]


def alertmanager(
    config: DaemonsConfig, *, folder: Path, files: tuple[File, ...], access: Access
) -> Program:
    """Return the program; silences and the log of what was sent lie in `<folder>/alertmanager`."""
    data = folder / "alertmanager"
    address = f"{LOOPBACK}:{config.alertmanager.port}"
    return Program(
        name="alertmanager",
        requirements=("C-ALERTMANAGER",),
        argv=(
            "prometheus-alertmanager",
            "--config.file=alertmanager.yml",
            f"--storage.path={data}",
            f"--web.listen-address={address}",
            WEB_FLAG,
            # A single instance: without this it would listen on port 9094 of all interfaces.
            "--cluster.listen-address=",
            "--web.timeout=10s",
            "--web.get-concurrency=16",
            "--log.level=warn",
        ),
        package="prometheus-alertmanager",
        folder=folder / "etc" / "alertmanager",
        files=(*files, web_file(access)),
        checks=(("amtool", "check-config", "alertmanager.yml"),),
        data=(data,),
        ports=(Port("daemons.alertmanager.port", config.alertmanager.port),),
        ready=HttpReady(f"http://{address}/-/ready", access.header),
        reload_proof=HttpReady(f"http://{address}/metrics", access.header),
        restart_when_silent=True,
        env={"GOMAXPROCS": "1", "GOGC": "50"},
        stop_seconds=10.0,
    )
