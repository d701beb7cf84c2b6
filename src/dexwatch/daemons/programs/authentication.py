"""How the programs that we start ask for our password, and how Prometheus shows it to them.

Those built with Prometheus' exporter toolkit take `--web.config.file` with bcrypt hashes; the
Redis exporter can only ask for a certificate.
"""

import base64
import ctypes
import hashlib
from typing import Any

from dexwatch.clients.access import Access
from dexwatch.daemons.program import File
from dexwatch.daemons.programs.text import yaml

WEB_FILE = "web.yml"
WEB_FLAG = f"--web.config.file={WEB_FILE}"
_ROUNDS = "04"
"""bcrypt's fewest, 2**4: a password of 256 random bits is not guessed, however fast one tries."""
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")
_TO_BCRYPT = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
)


def web_file(access: Access) -> File:
    """Return the file that makes a program ask for our name and password."""
    if access.password is None:
        raise ValueError("there is no password to ask for")
    hashed = bcrypt(access.password.get_secret_value())
    return File(WEB_FILE, yaml({"basic_auth_users": {access.username: hashed}}), secret=True)


def bcrypt(password: str) -> str:
    """Return the password's bcrypt hash; the salt comes from it, so that one stays the other.

    The C library makes it (libxcrypt), which every Debian has.
    """
    salt = base64.b64encode(hashlib.sha256(b"salt:" + password.encode()).digest()[:16])
    setting = b"$2b$" + _ROUNDS.encode() + b"$" + salt.translate(_TO_BCRYPT)[:22]
    for name in _LIBRARIES:
        try:
            crypt = ctypes.CDLL(name).crypt
        except OSError:
            continue
        crypt.restype, crypt.argtypes = ctypes.c_char_p, [ctypes.c_char_p, ctypes.c_char_p]
        made = crypt(password.encode(), setting)
        if made and made.startswith(b"$2b$"):
            return str(made.decode())
    raise RuntimeError(f"none of {', '.join(_LIBRARIES)} hashes by bcrypt")


def asked(access: Access, name: str) -> tuple[dict[str, Any], tuple[File, ...]]:
    """Return how Prometheus calls a server, with the files that it reads for it.

    `name` tells one server's files from another's.
    """
    keys: dict[str, Any] = {}
    files: tuple[File, ...] = ()
    if access.ca_file is not None:
        keys["tls_config"] = {"ca_file": str(access.ca_file)}
    if access.token is not None:
        files = (File(f"{name}.token", access.token.get_secret_value(), secret=True),)
        keys["authorization"] = {"type": "Bearer", "credentials_file": files[0].name}
    elif access.password is not None:
        files = (File(f"{name}.password", access.password.get_secret_value(), secret=True),)
        keys["basic_auth"] = {"username": access.username, "password_file": files[0].name}
    return keys, files
