"""Webhook: each message as signed JSON to a program of the operator's."""

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.channel import Channel, Question, Setup, later
from dexwatch.notifiers.webhook.config import WebhookConfig, WebhooksConfig


def recipients(hooks: tuple[WebhookConfig, ...], severity: Severity) -> tuple[str, ...]:
    """Return the names of the webhooks that take this severity."""
    return tuple(hook.name for hook in hooks if severity in hook.severities)


SETUP = Setup(
    questions=(
        Question("url", "Webhook URL of a program of yours", "https://hooks.example.org/dexwatch"),
        Question("secret_env", "Variable that holds the webhook's secret", "WEBHOOK_SECRET"),
    ),
    template="""\
webhooks:                  # the secret has 16 characters or more and signs each message
  - {name: ops, url: {{ url | quote }}, secret: {env: {{ secret_env | quote }}}}
""",
)

CHANNEL = Channel(
    name="webhook",
    setting="webhooks",
    config=WebhooksConfig,
    build=later("dexwatch.notifiers.webhook.client:WebhookNotifier"),
    recipients=recipients,
    probes=later("dexwatch.notifiers.webhook.probe:probes"),
    severities="webhooks[].severities",
    setup=SETUP,
    read_by_people=False,
    requirements={"R-CHANNELS": ""},
)
