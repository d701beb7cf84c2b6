"""`dexwatch test-notification`: a marked test message by each channel, and what became of it."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

import structlog
import typer

from dexwatch import clock
from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
    EXIT_USAGE,
    ConfigOption,
    JsonOption,
    counted,
    emit_json,
    fail,
    out,
    settings_or_exit,
)
from dexwatch.cli.terminal import foreign
from dexwatch.incidents.notice import Notice, NoticeKind
from dexwatch.incidents.records import DeliveryOutcome, IncidentState, NotificationReason
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers import registry as notifiers
from dexwatch.response.notifier import DeliveryResult, Notifier
from dexwatch.settings import Settings

_SECONDS = 60.0
"""The longest trial, unless the notifier itself asks for more."""

_SIGNS = {
    DeliveryOutcome.DELIVERED: "[green]✓[/]",
    DeliveryOutcome.UNKNOWN: "[yellow]![/]",
    DeliveryOutcome.RETRYABLE: "[red]✗[/]",
    DeliveryOutcome.FAILED: "[red]✗[/]",
}


@dataclass(frozen=True)
class Trial:
    """What became of one test message; `remedy` is empty when it was delivered."""

    channel: str
    recipient: str
    outcome: DeliveryOutcome
    detail: str
    remedy: str


def try_channels(
    channel: Annotated[
        str, typer.Argument(help="One channel only, for example `email`.", show_default="all")
    ] = "",
    *,
    to: Annotated[
        str, typer.Option(help="One recipient only, whether configured or not.", show_default="all")
    ] = "",
    config: ConfigOption = CONFIG_DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Send a test message by each channel to each recipient; status 1 when one was not delivered.

    The messages say that they are a test. They go the way of real ones, but no incident is made.
    """
    settings = settings_or_exit(config, as_json=as_json, secrets=("notify",))
    known = {made.name: made for made, _ in notifiers.configured(settings.notify)}
    if not known:
        options = ", ".join(made.setting for made in notifiers.NOTIFIERS)
        fail("no channel is configured", f"Add one of these under `notify`: {options}.")
    if channel and channel not in known:
        fail(f"{channel} is not configured", f"Configured: {', '.join(known)}.", status=EXIT_USAGE)
    if to and not channel:
        fail("--to needs a channel", "Say `dexwatch test-notification CHANNEL --to RECIPIENT`.")
    # What a channel logs meanwhile is in the detail that is shown.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    trials = asyncio.run(_try(settings, [channel] if channel else list(known), to))
    if as_json:
        emit_json({"deliveries": trials})
    else:
        _show(trials)
    if any(trial.outcome is not DeliveryOutcome.DELIVERED for trial in trials):
        raise typer.Exit(EXIT_FINDINGS)


async def _try(settings: Settings, channels: Sequence[str], to: str) -> list[Trial]:
    made = notifiers.build(settings.notify)
    try:
        trials = [
            _deliver(settings, made[name], recipient)
            for name in channels
            for recipient in ([to] if to else _recipients(settings, name))
        ]
        return list(await asyncio.gather(*trials))
    finally:
        for notifier in made.values():
            await notifier.close()


def _recipients(settings: Settings, channel: str) -> list[str]:
    """Return everybody who is told there of anything, each once."""
    routes = notifiers.routes(settings.notify)
    return list(
        dict.fromkeys(
            route.recipient for s in Severity for route in routes[s] if route.channel == channel
        )
    )


async def _deliver(settings: Settings, notifier: Notifier, recipient: str) -> Trial:
    notice = marked_notice(settings, notifier.name, recipient)
    try:
        async with asyncio.timeout(notifier.attempt_seconds or _SECONDS):
            result = await notifier.send(notice)
    except TimeoutError:
        result = DeliveryResult.unknown("no answer in time")
    except Exception as error:  # noqa: BLE001 - the others are tried all the same.
        # Only the type is told: the text of a foreign error may quote a secret.
        result = DeliveryResult.retryable(f"the notifier failed with {type(error).__name__}")
    setting = next(c.setting for c in notifiers.NOTIFIERS if c.name == notifier.name)
    remedy = {
        DeliveryOutcome.DELIVERED: "",
        DeliveryOutcome.UNKNOWN: "Look whether it has arrived; the answer was lost on the way.",
        DeliveryOutcome.RETRYABLE: "Try again later; `dexwatch doctor` says what is reachable.",
        DeliveryOutcome.FAILED: f"Correct `notify.{setting}`, or what the message says of it.",
    }[result.outcome]
    return Trial(notifier.name, recipient, result.outcome, result.detail, remedy)


def marked_notice(settings: Settings, channel: str, recipient: str) -> Notice:
    """Return a message that nobody can take for a real one."""
    now = clock.now()
    return Notice(
        key=f"test/{uuid4().hex}",
        kind=NoticeKind.PAGE,
        event=NotificationReason.TEST,
        channel=channel,
        recipient=recipient,
        incident_id=f"TEST-{now:%Y%m%d-%H%M%S}",
        version=1,
        notification_round=1,
        severity=Severity.P3,
        state=IncidentState.OPEN,
        title=f"dexwatch of {settings.name} can reach you here",
        summary=f"Somebody tried the channel {channel} on {socket.gethostname()}.",
        description="When something is wrong, messages of dexwatch will arrive in this way.",
        began_at=now,
        detected_at=now,
        sent_at=now,
        console_url=settings.console.public_url,
    )


def _show(trials: Sequence[Trial]) -> None:
    for trial in trials:
        said = f"{trial.outcome.value}{': ' + trial.detail if trial.detail else ''}"
        out.print(
            f"{_SIGNS[trial.outcome]} {foreign(trial.channel)} {foreign(trial.recipient)}  "
            f"[dim]{foreign(said)}[/]",
            soft_wrap=True,
        )
        if trial.remedy:
            out.print(f"    → {foreign(trial.remedy)}", soft_wrap=True)
    reached = sum(trial.outcome is DeliveryOutcome.DELIVERED for trial in trials)
    out.print(f"{counted(reached, 'test message')} of {len(trials)} delivered.")
