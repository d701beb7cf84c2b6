"""Slack: one message for each incident and channel, kept up to date, with notes in its thread."""

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.channel import Channel, Question, Setup, later
from dexwatch.notifiers.slack.config import SlackConfig


def recipients(config: SlackConfig, severity: Severity) -> tuple[str, ...]:
    """Return the channel of this severity."""
    channel = config.channels.get(severity)
    return (channel,) if channel else ()


SETUP = Setup(
    questions=(Question("token_env", "Variable that holds the Slack bot token", "SLACK_TOKEN"),),
    template="""\
slack:
  token: {env: {{ token_env | quote }}}
  channels: {P0: "#critical-alerts", P1: "#alerts", P2: "#alerts"}
""",
)

CHANNEL = Channel(
    name="slack",
    setting="slack",
    config=SlackConfig,
    build=later("dexwatch.notifiers.slack.client:SlackNotifier"),
    recipients=recipients,
    probes=later("dexwatch.notifiers.slack.probe:probes"),
    severities="slack.channels",
    setup=SETUP,
    read_by_people=True,
    requirements={"C-SLACK": "buttons that answer an incident from Slack", "R-CHANNELS": ""},
)
