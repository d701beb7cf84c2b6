"""What `dexwatch doctor` asks of the mail server: connection, encryption and sign-in; no mail."""

from collections.abc import Iterator

from dexwatch.notifiers.channel import Probe, ProbeError
from dexwatch.notifiers.email.client import connection, sign_in
from dexwatch.notifiers.email.config import EmailConfig


def probes(config: EmailConfig) -> Iterator[Probe]:
    """Yield what is to be tried."""

    async def server() -> str:
        client = connection(config)
        try:
            refused = await sign_in(client, config)
        finally:
            client.close()
        if refused is not None:
            raise ProbeError(refused.detail)
        signed_in = "signed in" if config.username and config.password else "connected"
        return f"{signed_in} to {config.host}:{config.port}, encryption: {config.tls}"

    yield Probe("email", server, "Check host, port, tls, username and password of notify.email.")
