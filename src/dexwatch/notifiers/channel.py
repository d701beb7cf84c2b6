"""What a channel to people says of itself: the registry lists them, all other lists are derived."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dexwatch.metrics.severity import Severity
from dexwatch.response.notifier import Notifier

if TYPE_CHECKING:
    from dexwatch.clients.probing import Probe

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
    """Given by `later`, so that whoever reads the settings loads no mail and no HTTP library."""
    recipients: Callable[[C, Severity], tuple[str, ...]]
    probes: Callable[[C], "Iterable[Probe]"]
    severities: str
    """The setting below `notify` that says which severity goes where."""
    setup: Setup
    read_by_people: bool
    """May many messages become one, because people read them?"""
    requirements: Mapping[str, str]
    """The requirements that it answers by id, each with what it lacks for it, or nothing."""


def later(path: str) -> Callable[..., Any]:
    """Return a function that imports `module:name` when it is called, and calls that."""
    module, _, name = path.partition(":")

    def call(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the named one takes and gives.
        return getattr(import_module(module), name)(*arguments)

    return call
