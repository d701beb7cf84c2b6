"""What Slack's errors mean for a message, and what an operator can do.

The names are those of the Web API's reference (chat.postMessage, chat.update and the general ones).
"""

from dexwatch.response.notifier import DeliveryResult

_TRANSIENT = frozenset({"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"})
_UNSURE = frozenset({"internal_error", "fatal_error", "request_timeout", "accesslimited"})
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""The message that was to be updated cannot be: a new one takes its place."""
_REMEDY = {
    "not_in_channel": "invite the app to the channel",
    "channel_not_found": "check the channel's name, or invite the app if it is private",
    "invalid_auth": "check notify.slack.token",
    "not_authed": "check notify.slack.token",
    "token_revoked": "make a new token and set notify.slack.token",
    "token_expired": "make a new token and set notify.slack.token",
    "account_inactive": "make a new token and set notify.slack.token",
    "missing_scope": "give the app the scope chat:write",
    "is_archived": "choose another channel",
}


def meaning(error: str, *, retry_after: float | None) -> DeliveryResult:
    """Return what an error means."""
    if error in _TRANSIENT:
        return DeliveryResult.retryable(f"Slack says {error}", retry_after=retry_after)
    if error in _UNSURE:
        return DeliveryResult.unknown(f"Slack says {error}")
    return DeliveryResult.failed(f"Slack says {error}: {remedy(error)}")


def remedy(error: str) -> str:
    """Return what an operator can do about an error."""
    return _REMEDY.get(error, "see Slack's reference of errors")
