"""What `dexwatch doctor` asks of a webhook: whether somebody listens; nothing is posted."""

import asyncio
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from dexwatch.clients.probing import Probe
from dexwatch.notifiers.webhook.config import WebhookConfig


def probes(hooks: tuple[WebhookConfig, ...]) -> Iterator[Probe]:
    """Yield what is to be tried."""
    for hook in hooks:
        yield Probe(f"webhook {hook.name}", partial(_listens, hook.url), "Check the url.")


async def _listens(url: str) -> str:
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    _, writer = await asyncio.open_connection(address.hostname or "", port)
    writer.close()
    return f"port {port} open"
