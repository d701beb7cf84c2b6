"""Gives up root's rights at the start, before anything is read from the network or written."""

import contextlib
import os
import pwd
import shlex
import stat
import sys
from pathlib import Path

import structlog

from dexwatch.daemons.files import opened_folder
from dexwatch.daemons.program import DaemonError
from dexwatch.settings import Settings

_log = structlog.get_logger(__name__)


def become_user(settings: Settings, file: Path) -> None:
    """Go on as `daemons.user` where we are root; roles and daemons then run as that user, too.

    The state folder is made for that user. Without the setting root stays root, of which `up` and
    `run` warn: the sample and a container of its own may do that, a shared machine should not.

    Raises:
        DaemonError: there is no such user, or it could not work with the folder or the file.
    """
    user = settings.daemons.user
    if user is None:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise DaemonError(f"daemons.user: there is no user {user!r} here; add it") from None
    if os.geteuid() == entry.pw_uid:
        return
    if os.geteuid() != 0:
        raise DaemonError(f"daemons.user is {user}: start dexwatch as that user, or as root")
    _give_folder(settings.folder, entry)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ.update(HOME=entry.pw_dir, USER=user, LOGNAME=user)
    if not os.access(settings.folder, os.W_OK | os.X_OK):
        raise DaemonError(f"{user} cannot walk to {settings.folder}; choose another `folder`")
    if not os.access(file, os.R_OK):
        raise DaemonError(f"{user} cannot read {file}: chgrp it to its group, and chmod 0640")
    _log.info("privileges.given_up", user=user)


def become_owner(folder: Path) -> None:
    """Go on as the folder's owner where we are root.

    What root leaves there nobody else reads, and what lies there could lead root elsewhere.

    Raises:
        OSError: there is no such folder.
    """
    owner = folder.stat()
    if os.geteuid() == 0 != owner.st_uid:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def become_owner_of_store(settings: Settings) -> None:
    """Do so for the folder of the incident store, where that is a file.

    Raises:
        DaemonError: the owner may not read the installation.
    """
    file = settings.storage.sqlite_file(settings.folder)
    if file is not None and file.parent.is_dir():
        become_owner(file.parent)
        require_installation()


def group_of_user(settings: Settings) -> int | None:
    """Return the group that must read what we write as root: that of `daemons.user`."""
    user = settings.daemons.user
    if user is None or os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(user).pw_gid
    return None


def require_installation() -> None:
    """Refuse a user who may not read what it runs, such as a Python below another's home.

    Raises:
        DaemonError: the interpreter, its library or dexwatch itself cannot be read.
    """
    for needed in (sys.executable, os.__file__, __file__):
        if not os.access(needed, os.R_OK):
            raise DaemonError(
                f"{pwd.getpwuid(os.geteuid()).pw_name} cannot read {needed}: install Python and "
                "dexwatch where that user may read them, for example below /opt"
            )


def require_private(folder: Path) -> None:
    """Refuse a state folder that others may change: they could put any state there as ours.

    Raises:
        DaemonError: others may write to it, or it belongs to neither us nor root.
    """
    about = folder.stat()
    if about.st_uid not in {0, os.geteuid()}:
        raise DaemonError(
            f"{folder} (`folder`) belongs to another user, so what lies there is not trusted: "
            "choose another, or chown it to who runs dexwatch"
        )
    # Most systems give each user a group of its own, which may write wherever the user may.
    strangers = stat.S_IWOTH if about.st_gid == os.getegid() else stat.S_IWOTH | stat.S_IWGRP
    if about.st_mode & strangers:
        mode = stat.S_IMODE(about.st_mode)
        raise DaemonError(
            f"{folder} (`folder`) can be changed by others (mode {mode:04o}), "
            f"so what lies there is not trusted: chmod 0700 {shlex.quote(str(folder))}, "
            "or name a folder below it"
        )


def _give_folder(path: Path, entry: pwd.struct_passwd) -> None:
    """Make the state folder for the user; of one that exists nothing but itself is changed."""
    with opened_folder(path, mode=0o700) as folder:
        if os.fstat(folder).st_uid not in {0, entry.pw_uid}:
            raise DaemonError(f"{path} belongs to somebody else; choose another `folder`")
        with os.scandir(folder) as found:
            strange = [
                e.name for e in found if e.stat(follow_symlinks=False).st_uid != entry.pw_uid
            ]
        if strange:
            raise DaemonError(
                f"{path / strange[0]} does not belong to {entry.pw_name}; stop dexwatch and type"
                f" `chown -R --no-dereference {entry.pw_name}: {shlex.quote(str(path))}` once"
            )
        os.fchown(folder, entry.pw_uid, entry.pw_gid)
        os.fchmod(folder, 0o700)
