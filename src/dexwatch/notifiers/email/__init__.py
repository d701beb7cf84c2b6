"""E-mail: text and HTML with the chart inside, updates in the thread of the first mail."""

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.channel import Channel, Question, Setup, later
from dexwatch.notifiers.email.config import EmailConfig


def recipients(config: EmailConfig, severity: Severity) -> tuple[str, ...]:
    """Return the addresses of this severity."""
    return config.to.get(severity, ())


SETUP = Setup(
    questions=(
        Question("host", "SMTP host", "smtp.example.org"),
        Question("to", "Who gets e-mail", "oncall@example.org", many=True),
    ),
    template="""\
email:
  host: {{ host | quote }}
  port: 587
  tls: starttls
  sender: {{ to[0] | quote }}     # an address that your server lets us use
  # username: dexwatch
  # password: {env: SMTP_PASSWORD}
  to: {P0: {{ to | quote }}, P1: {{ to | quote }}, P2: {{ to | quote }}, P3: {{ to | quote }}}
""",
)

CHANNEL = Channel(
    name="email",
    setting="email",
    config=EmailConfig,
    build=later("dexwatch.notifiers.email.client:EmailNotifier"),
    recipients=recipients,
    probes=later("dexwatch.notifiers.email.probe:probes"),
    severities="email.to",
    setup=SETUP,
    read_by_people=True,
    requirements={"C-EMAIL": "", "R-CHANNELS": ""},
)
