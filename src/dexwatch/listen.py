"""Where a process of ours listens, and the address by which others reach it.

    ListenConfig(host="0.0.0.0", port=8903, advertise="10.0.0.7").url    # http://10.0.0.7:8903

What other programs are told (Prometheus' targets, Alertmanager's webhook, links) is the advertised
address; it may be that of a proxy before us, with another port and with TLS.
"""

from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from dexwatch.config_model import ConfigModel
from dexwatch.secret import with_host

LOOPBACK = "127.0.0.1"

_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"


class ListenConfig(ConfigModel):
    """One listening socket; on loopback unless `host` says otherwise."""

    host: Annotated[
        str, Field(min_length=1, max_length=253, description="The address to listen on.")
    ] = LOOPBACK
    port: Annotated[int, Field(ge=1, le=65_535)]
    advertise: Annotated[
        str | None,
        Field(
            pattern=rf"^(https?://)?{_HOST}(:[0-9]{{1,5}})?$",
            description="The address that others use, [http[s]://]host[:port]; host and port of"
            " the listening socket when it is left out.",
        ),
    ] = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.advertise is not None:
            with_host(self.advertise)
        if self.advertise is None and _is_any(self.host):
            raise ValueError(
                f"{self.host} listens on every address of this machine, so `advertise` must say "
                "which of them others use"
            )
        return self

    @property
    def url(self) -> str:
        """The address that others use, without a slash at the end."""
        scheme, _, place = (self.advertise or self.host).rpartition("://")
        scheme = scheme or "http"
        if ":" in place and not place.startswith("[") and place.count(":") > 1:
            place = f"[{place}]"
        if urlsplit(f"//{place}").port is None and not (scheme == "https" and self.advertise):
            place = f"{place}:{self.port}"
        return f"{scheme}://{place}"

    @property
    def local_url(self) -> str:
        """The address for a program on this machine."""
        host = LOOPBACK if _is_any(self.host) else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def on_loopback(self) -> bool:
        """True when no other machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
