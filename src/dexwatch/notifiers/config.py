"""What the settings of all channels have in common."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict

from dexwatch.config_model import ConfigModel
from dexwatch.secret import with_host


class Config(ConfigModel):
    """A part of the settings below `notify`, which are never quoted in errors."""

    model_config = ConfigDict(hide_input_in_errors=True)


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address must begin with https:// (or http:// for a trusted network)")
    with_host(url)
    if not url.isprintable():
        raise ValueError("the address holds a character that is not printed")
    if parts.username or parts.password:
        raise ValueError("put no password into the address: use `token` or `secret`")
    return url


HttpUrl = Annotated[str, AfterValidator(_http)]
"""The address of a service over HTTP, without a password in it."""
