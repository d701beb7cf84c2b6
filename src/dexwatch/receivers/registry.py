"""The receivers. To add one: a folder, and its line here."""

from starlette.routing import Route

from dexwatch.receivers import alertmanager
from dexwatch.receivers.receiver import Inbound, Receiver

RECEIVERS: tuple[Receiver, ...] = (alertmanager.RECEIVER,)


def routes(inbound: Inbound) -> list[Route]:
    """Return the routes of all receivers."""
    return [route for receiver in RECEIVERS for route in receiver.routes(inbound)]
