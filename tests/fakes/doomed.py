"""A respond role in a process of its own that kills itself at a named step; run as a script.

The one argument is JSON: database, slack, smtp_port, hook, crash (a crash point or null), nth,
offset (seconds that its clock is ahead), post (feed the alert or not).
It prints `posted` when the alert is durable and `idle` when nothing is left to do.
"""

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta

from pydantic import SecretStr

from dexwatch import clock
from dexwatch.incidents.records import NotificationState
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers import registry as notifiers
from dexwatch.notifiers.email.config import EmailConfig
from dexwatch.notifiers.registry import NotifyConfig
from dexwatch.notifiers.slack.config import SlackConfig
from dexwatch.notifiers.webhook.config import WebhookConfig
from dexwatch.response.config import RespondConfig
from dexwatch.response.ingest import fired
from dexwatch.response.respond import Respond
from dexwatch.storage.store import open_store

FAST = 30


def notify(order: dict) -> NotifyConfig:
    return NotifyConfig(
        email=EmailConfig(
            host="127.0.0.1",
            port=order["smtp_port"],
            tls="none",
            sender="dexwatch@example.org",
            to={Severity.P0: ("ana@example.org",)},
        ),
        slack=SlackConfig(
            token=SecretStr("xoxb-sample"),
            api_url=order["slack"],
            channels={Severity.P0: "#critical-alerts"},
        ),
        webhooks=(WebhookConfig(name="ops", url=order["hook"], secret=SecretStr("s" * 16)),),
    )


async def main(order: dict) -> None:
    left = order["nth"]

    def crash(name: str) -> None:
        nonlocal left
        if name == order["crash"]:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def now():
        return clock.now() + timedelta(seconds=order["offset"])

    config = RespondConfig(hook_token=SecretStr("t" * 16))
    channels = notify(order)
    # Leases are waited for by the steady clock: it runs fast, and so do they out.
    store = await open_store(order["database"], clock=now, steady=lambda: FAST * clock.monotonic())
    policy = config.policy(notifiers.routes(channels))
    role = Respond(store, notifiers.build(channels), config, policy=policy, clock=now, crash=crash)
    stop = asyncio.Event()
    running = asyncio.create_task(role.run(stop))
    if order["post"]:
        labels = {"alertname": "ApiUptimeLow", "severity": "P0", "alert_group": "api"}
        starts_at = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        event = fired(
            fingerprint="f1", labels=labels, annotations={}, starts_at=starts_at, upstream="g"
        )
        await role.ingest([event])
        sys.stdout.write("posted\n")
        sys.stdout.flush()
    while True:
        view = await store.incident("INC-1")
        if view and all(page.state is NotificationState.DELIVERED for page in view.notifications):
            break
        await asyncio.sleep(0.05)
    sys.stdout.write("idle\n")
    stop.set()
    await running
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
