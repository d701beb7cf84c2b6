"""The configuration of one dexwatch: gathers the Config that each capability declares.

    settings = load(Path("dexwatch.yml"))

All mistakes are found in one run, each with file, line, key and remedy.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dexwatch.chain.config import ChainConfig
from dexwatch.clients.config import DatabaseConfig
from dexwatch.collectors.config import WatchConfig
from dexwatch.console.config import ConsoleConfig
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.market.config import DexConfig
from dexwatch.notifiers.registry import NotifyConfig
from dexwatch.response.config import RespondConfig
from dexwatch.rules.config import RulesConfig
from dexwatch.settings.document import Document, dotted, read
from dexwatch.settings.problems import Problem, SettingsError
from dexwatch.settings.schema import PORT_BASE, Place, default_ports, keys
from dexwatch.storage.config import StorageConfig

__all__ = ["Problem", "Settings", "SettingsError", "load"]


class Settings(BaseModel):
    """Everything that can be set; a capability that is left out keeps its defaults or is off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """The platform's name, in lower case; it stands on pages and in messages."""
    folder: Path = Path("./dexwatch-state")
    """Where state, data and logs of this dexwatch lie; relative to the configuration file."""
    base_port: Annotated[int, Field(ge=1024, le=65_000)] = PORT_BASE
    """The first of our own ports; all that are not set move with it, so a second dexwatch on one
    machine needs this setting only."""
    pace: Literal["production", "sample"] = "production"
    """`sample` shrinks scrape intervals and windows so that a demonstration reacts in seconds."""
    chain: ChainConfig | None = None
    dex: DexConfig = DexConfig()
    database: DatabaseConfig | None = None
    daemons: DaemonsConfig = DaemonsConfig()
    rules: RulesConfig = RulesConfig()
    watch: WatchConfig = WatchConfig()
    respond: RespondConfig
    notify: NotifyConfig = NotifyConfig()
    storage: StorageConfig = StorageConfig()
    console: ConsoleConfig = ConsoleConfig()

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, values: Any) -> Any:  # noqa: ANN401 - a YAML value may be anything.
        base = values.get("base_port") if isinstance(values, dict) else None
        if not isinstance(base, int) or base == PORT_BASE:
            return values
        for place, port in default_ports(cls).items():
            values = _with_default(values, place, base + port - PORT_BASE)
        return values


def load(file: Path) -> Settings:
    """Read, resolve and validate a configuration file; relative folders become absolute.

    Raises:
        SettingsError: with every mistake that was found.
    """
    document = read(file)
    try:
        settings = Settings.model_validate(document.values)
    except ValidationError as error:
        raise SettingsError(_problems(document, error)) from None
    return _anchored(settings, file.parent)


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Make every path absolute that the file gives relative to itself."""
    users = (folder / settings.console.users_file).resolve()
    extra = tuple((folder / path).resolve() for path in settings.rules.extra_files)
    return settings.model_copy(
        update={
            "folder": (folder / settings.folder).resolve(),
            "console": settings.console.model_copy(update={"users_file": users}),
            "rules": settings.rules.model_copy(update={"extra_files": extra}),
        }
    )


def _with_default(values: dict[str, Any], place: Place, value: int) -> dict[str, Any]:
    """Return the values with one more where it is not set; a section of a wrong kind stays so."""
    key, *rest = place
    if not rest:
        return {str(key): value, **values}
    inner = values.get(str(key))
    if inner is not None and not isinstance(inner, dict):
        return values
    return {**values, str(key): _with_default(inner or {}, tuple(rest), value)}


def _problems(document: Document, error: ValidationError) -> list[Problem]:
    found = []
    for detail in error.errors(include_url=False, include_input=False):
        place = _place(document, detail["loc"])
        message, remedy = _words(detail["type"], detail["msg"], place)
        found.append(Problem(document.file, document.line(place), dotted(place), message, remedy))
    return found


def _place(document: Document, location: tuple[int | str, ...]) -> Place:
    """Drop the steps that pydantic adds for unions, which stand nowhere in the file."""
    place: Place = ()
    for step in location:
        parent = document.at(place) if place else document.values
        last = step == location[-1]
        in_mapping = isinstance(parent, dict) and (step in parent or last)
        if in_mapping or (isinstance(parent, list) and isinstance(step, int)):
            place = (*place, step)
    return place


def _words(kind: str, message: str, place: Place) -> tuple[str, str]:
    if kind == "extra_forbidden":
        known = keys(Settings, place[:-1])
        close = difflib.get_close_matches(str(place[-1]), known, n=1)
        remedy = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(known)}."
        return "unknown key", remedy
    if kind == "missing":
        return "is missing", "Add it; docs/reference/settings.md says what it means."
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:].rstrip("."), "Correct the value."
