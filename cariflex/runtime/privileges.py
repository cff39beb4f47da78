"""Dropping root for one child process while it can still walk to a hidden checkout.

PostgreSQL refuses to run as root. The checkout may lie below a folder that other users cannot
enter, so the child changes to an unprivileged account but keeps two capabilities that let it read
and search any folder. Nothing outside the data folder changes owner or mode.
"""

import ctypes
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from cariflex.runtime.errors import StartError

ACCOUNTS = ("nobody", "daemon", "www-data")
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
KEPT = (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_CHILD_SUBREAPER = 36
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]  # noqa: RUF012


class _Data(ctypes.Structure):
    _fields_ = [  # noqa: RUF012
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


@dataclass(frozen=True)
class Account:
    """An unprivileged account; `keeps_access` if the two capabilities can be kept."""

    name: str
    uid: int
    gid: int
    keeps_access: bool


def _prctl(option: int, *arguments: int) -> bool:
    words = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return bool(_libc.prctl(ctypes.c_int(option), *words) == 0)


def set_parent_death_signal(number: int) -> None:
    """Ask the kernel to signal this process when the thread that started it ends."""
    _prctl(PR_SET_PDEATHSIG, int(number))


def become_subreaper() -> None:
    """Adopt orphaned grandchildren, so that they are reaped here."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def drop_to(account: Account) -> None:
    """Become the account for good; called in the child between fork and exec."""
    if account.keeps_access:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    if account.keeps_access:
        mask = sum(1 << capability for capability in KEPT)
        header = _Header(CAPABILITY_VERSION_3, 0)
        words = (_Data * 2)(_Data(mask, mask, mask), _Data(0, 0, 0))
        if _libc.capset(ctypes.byref(header), ctypes.byref(words)) != 0:
            raise OSError(ctypes.get_errno(), "capset")
        for capability in KEPT:
            if not _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability):
                raise OSError(ctypes.get_errno(), "prctl(PR_CAP_AMBIENT_RAISE)")


def _can_keep_access(name: str, uid: int, gid: int) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            drop_to(Account(name, uid, gid, keeps_access=True))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def closed_parent(path: Path) -> Path | None:
    """The first folder on the way to `path` that users other than its owner cannot enter."""
    for folder in (*reversed(path.resolve().parents), path.resolve()):
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def server_account(*needed: Path) -> Account | None:
    """The account for a server that refuses root; None when this is not root.

    Raises StartError if no account fits or it could not reach one of the `needed` paths.
    """
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            continue
        keeps = _can_keep_access(name, entry.pw_uid, entry.pw_gid)
        closed = None if keeps else next(filter(None, map(closed_parent, needed)), None)
        if closed is not None:
            raise StartError(
                f"PostgreSQL refuses to run as root, and {name!r} cannot enter {closed}",
                "run ./run as a normal user, put the checkout in a folder that all users can enter,"
                " or set DATABASE_URL to a running PostgreSQL.",
            )
        return Account(name, entry.pw_uid, entry.pw_gid, keeps_access=keeps)
    raise StartError(
        "PostgreSQL refuses to run as root, and no unprivileged account exists"
        f" ({', '.join(ACCOUNTS)})",
        "run ./run as a normal user, or set DATABASE_URL to a running PostgreSQL.",
    )
