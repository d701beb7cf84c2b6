"""A storm of incidents becomes a few messages, none is dropped, and a P0 is not held up by P2."""

import asyncio
from dataclasses import dataclass, field

import pytest

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import Notice, NoticeKind, headline, told
from dexwatch.incidents.records import DeliveryOutcome, IncidentState, NotificationReason
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.collecting import Collecting, collected
from dexwatch.response.notifier import DeliveryResult, LookupResult, Turn
from tests.fakes.alerts import T0
from tests.fakes.notices import notice


@dataclass
class Channel:
    name: str = "email"
    parallel: int = 4
    only_state_changes: bool = True
    shows_chart: bool = False
    shared_limit: bool = False
    attempt_seconds: float | None = None
    idempotent: bool = False
    answer: DeliveryResult | Exception = field(
        default_factory=lambda: DeliveryResult.delivered(handle="h")
    )
    sent: list[Notice] = field(default_factory=list)
    begun: list[Notice] = field(default_factory=list)
    open: asyncio.Event | None = None
    """Nothing is taken before it is set."""
    busy: int = 0
    most_busy: int = 0

    async def start(self) -> None: ...

    async def send(self, notice: Notice) -> DeliveryResult:
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        self.begun.append(notice)
        await (self.open.wait() if self.open else asyncio.sleep(0))
        self.busy -= 1
        self.sent.append(notice)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def lookup(self, notice: Notice) -> LookupResult:
        return LookupResult(None)

    async def close(self) -> None: ...


def page(number: int, recipient: str = "ana@example.org", **changes: object) -> Notice:
    return notice(
        "email", recipient, key=str(number), incident_id=f"INC-{number}",
        console_url=f"http://c/incidents/INC-{number}", **changes,
    )  # fmt: skip


def collecting(channel: Channel) -> Collecting:
    return Collecting(channel, per_minute=10, wait_seconds=0.01, gap_seconds=0.05)


async def test_what_is_beyond_the_limit_goes_out_as_one_message() -> None:
    sender = collecting(channel := Channel())
    results = await asyncio.gather(*(sender.send(page(n)) for n in range(40)))
    assert {result.outcome for result in results} == {DeliveryOutcome.DELIVERED}
    assert len(channel.sent) == 11
    last = channel.sent[-1]
    assert last.event is NotificationReason.COLLECTED
    assert len(last.alerts) + last.more_alerts == 30
    assert last.console_url == "http://c/incidents"
    assert last.incident_id == "INC-10-and-29-more"
    assert channel.most_busy <= channel.parallel
    # The collected message is no message of one incident, so nothing can update it later.
    assert [result.handle for result in results].count("h") == 10


async def test_each_recipient_and_each_severity_has_its_own_limit() -> None:
    sender = collecting(channel := Channel())
    storm = [sender.send(page(n, severity=Severity.P2)) for n in range(30)]
    others = [
        sender.send(page(100, severity=Severity.P0)),
        sender.send(page(101, "bo@example.org", severity=Severity.P2)),
    ]
    await asyncio.gather(*storm, *others)
    alone = [one.incident_id for one in channel.sent if one.event is NotificationReason.OPENED]
    assert {"INC-100", "INC-101"} <= set(alone)
    assert len(channel.sent) == 13


async def test_collected_messages_keep_their_distance() -> None:
    sender = collecting(channel := Channel())
    await asyncio.gather(*(sender.send(page(n)) for n in range(12)))
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(sender.send(page(n)) for n in range(12, 20)))
    assert asyncio.get_running_loop().time() - began >= 0.04
    assert len(channel.sent) == 12


async def test_a_message_that_waits_alone_is_sent_alone() -> None:
    sender = collecting(channel := Channel())
    results = await asyncio.gather(*(sender.send(page(n)) for n in range(11)))
    assert [one.incident_id for one in channel.sent] == [f"INC-{n}" for n in range(11)]
    assert {result.handle for result in results} == {"h"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (DeliveryResult.failed("no"), DeliveryOutcome.FAILED),
        (DeliveryResult.unknown("?"), DeliveryOutcome.UNKNOWN),
        (DeliveryResult.retryable("later", retry_after=9), DeliveryOutcome.RETRYABLE),
        (RuntimeError("secret"), DeliveryOutcome.RETRYABLE),
    ],
)
async def test_the_fate_of_the_collected_message_is_that_of_each(
    answer: DeliveryResult | Exception, outcome: DeliveryOutcome
) -> None:
    sender = collecting(channel := Channel())
    await asyncio.gather(*(sender.send(page(n)) for n in range(10)))
    channel.answer = answer
    results = await asyncio.gather(*(sender.send(page(n)) for n in range(10, 15)))
    assert {result.outcome for result in results} == {outcome}
    assert len(channel.sent) == 11


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    sender = collecting(channel := Channel())
    await asyncio.gather(*(sender.send(page(n)) for n in range(10)))
    impatient = asyncio.create_task(sender.send(page(10)))
    patient = asyncio.create_task(sender.send(page(11)))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).outcome is DeliveryOutcome.DELIVERED
    assert len(channel.sent) == 11


async def test_what_is_given_up_before_its_turn_is_not_sent() -> None:
    sender = collecting(channel := Channel())
    await asyncio.gather(*(sender.send(page(n)) for n in range(10)))
    turns = [Turn(), Turn(), Turn()]
    impatient, *rest = [
        asyncio.create_task(sender.send_in_turn(page(10 + n), turn)) for n, turn in enumerate(turns)
    ]
    await asyncio.sleep(0)
    assert not any(turn.due.is_set() or turn.begun.is_set() for turn in turns)
    impatient.cancel()
    await asyncio.gather(*rest)
    assert [turn.begun.is_set() for turn in turns] == [False, True, True]
    assert len(channel.sent[-1].alerts) == 2


async def test_a_p0_is_sent_before_the_many_slow_p3_that_came_first() -> None:
    channel = Channel()
    channel.open = asyncio.Event()
    sender = collecting(channel)
    slow = [
        asyncio.create_task(sender.send(page(n, f"p{n}@example.org", severity=Severity.P3)))
        for n in range(63)
    ]
    await asyncio.sleep(0.01)
    urgent = asyncio.create_task(sender.send(page(99, severity=Severity.P0)))
    await asyncio.sleep(0.01)
    assert [one.severity for one in channel.begun] == [Severity.P3] * 3 + [Severity.P0]
    channel.open.set()
    await asyncio.gather(urgent, *slow)


async def test_changes_of_messages_that_are_there_make_no_noise() -> None:
    sender = collecting(channel := Channel(name="chat", only_state_changes=False))
    change = {"kind": NoticeKind.UPDATE, "event": UpdateReason.ACKNOWLEDGED, "handle": "C1:1"}
    await asyncio.gather(*(sender.send(page(n, **change)) for n in range(40)))
    assert len(channel.sent) == 40


def test_the_message_is_as_grave_as_the_worst_and_names_it_first() -> None:
    over = {"kind": NoticeKind.UPDATE, "event": UpdateReason.RESOLVED}
    made = collected(
        [
            page(1, severity=Severity.P2),
            page(2, severity=Severity.P0, title="Pool drained"),
            page(3, severity=Severity.P1, state=IncidentState.RESOLVED, **over),
        ]
    )
    assert (made.severity, made.kind) == (Severity.P0, NoticeKind.PAGE)
    assert made.title == "3 incidents at once"
    assert made.alerts[0].name == "INC-2 Pool drained"
    assert [one.firing for one in made.alerts] == [True, True, False]
    assert told(made) == "This message stands for 3."


@pytest.mark.parametrize(
    ("others", "head"),
    [
        ([(Severity.P0, IncidentState.OPEN)], "[P0]"),
        ([(Severity.P2, IncidentState.OPEN)], "[P2]"),
        ([(Severity.P0, IncidentState.ACKNOWLEDGED)], "[P0 acknowledged]"),
        (
            [(Severity.P0, IncidentState.ACKNOWLEDGED), (Severity.P3, IncidentState.OPEN)],
            "[P0]",
        ),
        ([(Severity.P1, IncidentState.MITIGATED)], "[P0 mitigated]"),
        ([(Severity.P1, IncidentState.RESOLVED)], "[P0 resolved]"),
    ],
)
def test_what_is_over_hides_nothing_that_is_not(
    others: list[tuple[Severity, IncidentState]], head: str
) -> None:
    over = page(0, severity=Severity.P0, state=IncidentState.RESOLVED, detected_at=T0)
    rest = [page(n, severity=s, state=state) for n, (s, state) in enumerate(others, 1)]
    assert headline(collected([over, *rest])).startswith(f"{head} ")
