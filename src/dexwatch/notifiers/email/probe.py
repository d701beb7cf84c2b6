"""What `dexwatch doctor` asks of the mail server: connection, encryption and sign-in; no mail."""

from collections.abc import Iterator

from dexwatch.clients.probing import Probe, ProbeError
from dexwatch.notifiers.email.config import EmailConfig
from dexwatch.notifiers.email.dialogue import SmtpError, connect


def probes(config: EmailConfig) -> Iterator[Probe]:
    """Yield what is to be tried."""

    async def server() -> str:
        try:
            client = await connect(config)
        except SmtpError as error:
            raise ProbeError(error.result.detail) from None
        client.close()
        signed_in = "signed in" if config.username and config.password else "connected"
        return f"{signed_in} to {config.host}:{config.port}, encryption: {config.tls}"

    yield Probe("email", server, "Check host, port, tls, username and password of notify.email.")
