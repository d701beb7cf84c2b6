"""What the programs of one installation ask each other for: a password and a certificate.

    secrets = kept(config, folder=settings.folder)
    PrometheusClient(config.prometheus_url, access=prometheus_access(config, secrets.access))

They are made up at the first call and kept in `<folder>/secrets`, which only our own user can
read. The password is also that of the roles' `/metrics`; where they run on several hosts,
`daemons.password` gives the same one to all.
"""

import errno
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from dexwatch.clients.access import Access
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import BinaryMissingError, DaemonError

USER = "dexwatch"
_PASSWORD = "password"  # noqa: S105 - the name of a file.
_IDENTITY = "loopback.pem"
_SIZE_MOST = 16_384
_REQUEST = (
    *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-days", "3650", "-subj", "/CN=dexwatch", "-addext", "subjectAltName=IP:127.0.0.1"),
    *("-keyout", "-", "-out", "-"),
)


@dataclass(frozen=True)
class Secrets:
    """What everything that we start asks for."""

    access: Access = field(repr=False)
    identity: str = field(default="", repr=False)
    """Private key and certificate (PEM): for a program that can only ask for a certificate.

    It is its own authority, and both ends of the connection show the same one.
    Empty where nothing needs it.
    """


def kept(config: DaemonsConfig, *, folder: Path) -> Secrets:
    """Return the secrets of this installation; what is missing is made up.

    Raises:
        DaemonError: they cannot be read, or are not ours alone.
    """
    wanted = config.mode == "embedded" and config.redis.targets
    identity = _kept(folder / "secrets" / _IDENTITY, _certificate) if wanted else ""
    return Secrets(_access(config, folder), identity)


def known(config: DaemonsConfig, *, folder: Path) -> Access:
    """Return what our programs ask for, making up nothing; no password where there is none yet.

    For whoever only asks: what such a command made, perhaps as root, a platform could not read.

    Raises:
        DaemonError: it cannot be read, or is not ours alone.
    """
    if config.password is None and not os.path.lexists(folder / "secrets" / _PASSWORD):
        return Access()
    return _access(config, folder)


def prometheus_access(config: DaemonsConfig, own: Access) -> Access:
    """Return how Prometheus is called: ours, or in external mode yours."""
    return own if config.mode == "embedded" else config.prometheus.access


def alertmanager_access(config: DaemonsConfig, own: Access) -> Access:
    """Return how Alertmanager is called: ours, or in external mode yours."""
    return own if config.mode == "embedded" else config.alertmanager.access


def _access(config: DaemonsConfig, folder: Path) -> Access:
    password = config.password or SecretStr(
        _kept(folder / "secrets" / _PASSWORD, lambda: secrets.token_urlsafe(32))
    )
    return Access(username=USER, password=password)


def _kept(path: Path, make: Callable[[], str]) -> str:
    try:
        if not os.path.lexists(path):
            _create(path, make())
        return _read(path)
    except OSError as error:
        remedy = "run this as the user that runs dexwatch"
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.EEXIST, errno.ENOTDIR):
            remedy = "remove what stands there"
        place = error.filename or path
        raise DaemonError(f"{place} cannot be read ({error.strerror}); {remedy}") from error


def _create(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    try:
        # Unlike a rename, a link does not replace what another process of ours made meanwhile.
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()


def _read(path: Path) -> str:
    # Not blocking: a pipe in its place would otherwise hold us up.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor) as stream:
        about = os.fstat(descriptor)
        ours = about.st_uid == os.geteuid() or os.geteuid() == 0
        if not (ours and stat.S_ISREG(about.st_mode)) or stat.S_IMODE(about.st_mode) & 0o077:
            raise DaemonError(
                f"{path} must belong to the user that runs dexwatch and have mode 0600; "
                "remove it, and another one is made up at the next start"
            )
        return stream.read(_SIZE_MOST).strip()


def _certificate() -> str:
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BinaryMissingError("openssl is not installed; install it: apt-get install openssl")
    made = subprocess.run(
        [openssl, *_REQUEST], capture_output=True, text=True, timeout=30, check=False
    )
    if made.returncode != 0 or "PRIVATE KEY" not in made.stdout:
        raise DaemonError(f"openssl makes no certificate: {made.stderr.strip()[-300:]}")
    return made.stdout
