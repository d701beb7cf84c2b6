"""What a channel to people says of itself: the registry lists them, all other lists are derived."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dexwatch.clients.probing import Probe
from dexwatch.metrics.severity import Severity
from dexwatch.response.notifier import Notifier

C = TypeVar("C")


@dataclass(frozen=True)
class Question:
    """One thing that `dexwatch init` asks; the first unanswered one leaves the channel out."""

    key: str
    words: str
    example: str
    """What stands in the commented example when nothing was answered."""
    many: bool = False


@dataclass(frozen=True)
class Setup:
    """What `dexwatch init` asks, and the part of the file that it writes from the answers."""

    questions: tuple[Question, ...]
    template: str
    """Jinja2 of YAML below `notify`; answers by key, foreign text through the filter `quote`."""


@dataclass(frozen=True)
class Channel(Generic[C]):
    """A kind of notifier: its settings, what is made of them, and whom it reaches when."""

    name: str
    """As routes, metrics and the console call it."""
    setting: str
    """Its key below `notify`."""
    config: Any
    """The type of that key's value, as pydantic takes it."""
    build: Callable[[C], Notifier]
    recipients: Callable[[C, Severity], tuple[str, ...]]
    probes: Callable[[C], Iterable[Probe]]
    severities: str
    """The setting below `notify` that says which severity goes where."""
    setup: Setup
    read_by_people: bool
    """May many messages become one, because people read them?"""
    requirements: Mapping[str, str]
    """The requirements that it answers by id, each with what it lacks for it, or nothing."""
