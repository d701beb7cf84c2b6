"""What `dexwatch doctor` asks of Slack: whether the token is good, and what it may do."""

from collections.abc import Iterator

import httpx
import orjson

from dexwatch.clients.probing import Probe, ProbeError
from dexwatch.clients.unreachable import why
from dexwatch.notifiers import http
from dexwatch.notifiers.slack.config import SlackConfig
from dexwatch.notifiers.slack.errors import remedy

_NEEDED = "chat:write"
_USEFUL = ("channels:history", "channels:read")


def probes(config: SlackConfig) -> Iterator[Probe]:
    """Yield what is to be tried."""

    async def token() -> str:
        return await _token(config)

    yield Probe("slack", token, "Check notify.slack.token and the app's scopes.")


async def _token(config: SlackConfig) -> str:
    headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
    try:
        async with http.client(config.api_url) as client:
            response = await http.post(client, f"{config.api_url}auth.test", headers=headers)
    except httpx.HTTPError as error:
        raise ProbeError(
            f"Slack cannot be reached: {why(error)}",
            remedy="Check notify.slack.api_url, and this machine's way to it.",
        ) from None
    try:
        answer = orjson.loads(response.content)
    except ValueError:
        raise ProbeError(f"HTTP {response.status_code}, but no answer of Slack's") from None
    answer = answer if isinstance(answer, dict) else {}
    if answer.get("ok") is not True:
        said = str(answer.get("error", "unknown"))[:80]
        raise ProbeError(f"Slack says {said}: {remedy(said)}")
    return _scopes(response.headers.get("x-oauth-scopes", ""))


def _scopes(header: str) -> str:
    """Judge the scopes that Slack names with each answer; a proxy may have dropped them."""
    scopes = {scope.strip() for scope in header.split(",") if scope.strip()}
    if not scopes:
        return "the token is good"
    if _NEEDED not in scopes:
        raise ProbeError(f"the token is good, but the app lacks the scope {_NEEDED}")
    absent = [scope for scope in _USEFUL if scope not in scopes]
    if absent:
        scopes_wanted = " and ".join(absent)
        return (
            f"the token is good; with {scopes_wanted} a message of unknown outcome is not repeated"
        )
    return "the token is good"
