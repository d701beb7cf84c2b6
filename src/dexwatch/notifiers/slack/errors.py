"""What Slack's errors mean for a message, and what an operator can do.

The names are those of the Web API's reference: chat.postMessage, chat.update, conversations.history
and the errors that all methods share.
"""

from enum import Enum

from dexwatch.response.notifier import DeliveryResult


class Refusal(Enum):
    """What Slack objects to, which says how to go on."""

    FORM = "form"
    """The way in which the message is written: a plainer one may pass."""
    MESSAGE = "message"
    """The message or thread that was to be changed: a new message takes its place."""
    DESTINATION = "destination"
    """The channel: only another channel helps, or an operator."""
    CREDENTIAL = "credential"
    """The token or the app's rights: likewise."""
    RATE_LIMIT = "rate_limit"
    """Nothing was done; later it may pass."""
    UNSURE = "unsure"
    """Slack failed and may have taken the message before."""
    STRANGE = "strange"
    """An error that this table does not know."""


_MEANINGS: dict[Refusal, tuple[str, ...]] = {
    Refusal.FORM: (
        "attachment_payload_limit_exceeded", "invalid_arg_name", "invalid_arguments",
        "invalid_array_arg", "invalid_attachments", "invalid_block_id", "invalid_blocks",
        "invalid_blocks_format", "invalid_charset", "invalid_form_data", "invalid_json",
        "invalid_metadata_format", "invalid_metadata_schema", "invalid_post_type",
        "json_not_object", "missing_post_type",
        "markdown_text_conflict", "metadata_must_be_sent_from_app", "metadata_too_large",
        "msg_blocks_too_long", "msg_too_long", "no_text", "too_many_attachments",
        "too_many_blocks",
    ),
    Refusal.MESSAGE: (
        "block_mismatch", "cannot_reply_to_message", "cant_update_message", "edit_window_closed",
        "external_channel_migrating", "invalid_thread_ts", "message_not_found",
        "restricted_action_non_threadable_channel", "restricted_action_thread_locked",
        "streaming_state_conflict",
        "thread_not_found", "update_failed",
    ),
    Refusal.DESTINATION: (
        "cannot_post_in_archived_channel", "channel_not_found", "channel_type_not_supported",
        "duplicate_channel_not_found", "ekm_access_denied", "is_archived", "is_inactive",
        "messages_tab_disabled", "not_in_channel", "restricted_action",
        "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
        "team_not_found",
    ),
    Refusal.CREDENTIAL: (
        "access_denied", "accesslimited", "account_inactive", "as_user_not_supported",
        "deprecated_endpoint", "method_deprecated",
        "enterprise_is_restricted", "invalid_auth", "invalid_token", "missing_scope",
        "no_permission", "not_allowed_token_type", "not_authed", "org_login_required",
        "team_access_not_granted", "token_expired", "token_revoked", "two_factor_setup_required",
    ),
    # `request_timeout` says that the body came incomplete, so nothing was done with it.
    Refusal.RATE_LIMIT: (
        "message_limit_exceeded", "rate_limited", "ratelimited", "request_timeout",
        "service_unavailable", "team_added_to_org",
    ),
    Refusal.UNSURE: ("fatal_error", "internal_error"),
}  # fmt: skip

_REMEDY = {
    "not_in_channel": "invite the app to the channel",
    "channel_not_found": "check the channel's name, or invite the app if it is private",
    "is_archived": "choose another channel",
    "missing_scope": "give the app the scope chat:write",
    "token_revoked": "make a new token and set notify.slack.token",
    "token_expired": "make a new token and set notify.slack.token",
    "account_inactive": "make a new token and set notify.slack.token",
}
_REMEDY_BY_KIND = {
    Refusal.DESTINATION: "let the app post in the channel, or choose another",
    Refusal.CREDENTIAL: "check notify.slack.token and the app's scopes",
}


def refusal(error: str) -> Refusal:
    """Return what Slack objects to."""
    return next((kind for kind, names in _MEANINGS.items() if error in names), Refusal.STRANGE)


def meaning(error: str, *, retry_after: float | None) -> DeliveryResult:
    """Return what an error means when there is nothing else to try."""
    kind = refusal(error)
    if kind is Refusal.RATE_LIMIT:
        return DeliveryResult.retryable(f"Slack says {error}", retry_after=retry_after)
    if kind is Refusal.UNSURE:
        return DeliveryResult.unknown(f"Slack says {error}")
    return DeliveryResult.failed(f"Slack says {error}: {remedy(error)}")


def remedy(error: str) -> str:
    """Return what an operator can do about an error."""
    general = _REMEDY_BY_KIND.get(refusal(error), "see Slack's reference of errors")
    return _REMEDY.get(error, general)
