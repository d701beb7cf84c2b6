"""Everything that can be set."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from dexwatch.chain.config import ChainConfig
from dexwatch.clients.config import DatabaseConfig
from dexwatch.collectors.config import WatchConfig
from dexwatch.config_model import ConfigModel, form
from dexwatch.console.config import ConsoleConfig
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.market.config import DexConfig
from dexwatch.notifiers.registry import NotifyConfig
from dexwatch.response.config import RespondConfig
from dexwatch.rules.config import RulesConfig
from dexwatch.settings.schema import PORT_BASE, Place, default_ports
from dexwatch.storage.config import StorageConfig


class Settings(ConfigModel):
    """Everything that can be set; a capability that is left out keeps its defaults or is off."""

    name: Annotated[
        str,
        Field(max_length=64),
        form(re.compile(r"[a-z0-9][a-z0-9-]*"), "write a to z, digits and `-`, with no `-` first"),
    ]
    """The platform's name, in lower case; it stands on pages and in messages."""
    folder: Path = Path("./dexwatch-state")
    """Where state, data and logs of this dexwatch lie; relative to the configuration file."""
    base_port: Annotated[int, Field(ge=1024, le=65_000)] = PORT_BASE
    """The first of our own ports; all that are not set move with it, so a second dexwatch on one
    machine needs this setting only."""
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


def _with_default(values: dict[str, Any], place: Place, value: int) -> dict[str, Any]:
    """Return the values with one more where it is not set; a section of a wrong kind stays so."""
    key, *rest = place
    if not rest:
        return {str(key): value, **values}
    inner = values.get(str(key))
    if inner is not None and not isinstance(inner, dict):
        return values
    return {**values, str(key): _with_default(inner or {}, tuple(rest), value)}
