"""Alertmanager's webhook, version 4."""

from dexwatch.receivers.alertmanager.config import SOURCE
from dexwatch.receivers.alertmanager.route import routes
from dexwatch.receivers.receiver import Receiver

RECEIVER = Receiver(
    name="Alertmanager",
    source=SOURCE,
    routes=routes,
    requirements={"C-ALERTMANAGER": "", "R-DEDUP": ""},
)
