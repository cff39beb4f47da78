"""Dropping root for one child process while it can still walk to a hidden checkout.

PostgreSQL refuses to run as root. The checkout may lie below a folder that other users cannot
enter, so the child changes to an unprivileged account but keeps two capabilities that let it read
and search any folder. Nothing outside the data folder changes owner or mode.
"""

import ctypes
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from cariflex.runtime.errors import StartError

ACCOUNTS = ("nobody", "daemon", "www-data")
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
KEPT = (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
"""Keeps capabilities at a change of user; access(2), which initdb asks, then counts them."""
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
    """An unprivileged account; `keeps_access` if it takes the two capabilities along."""

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
    if account.keeps_access and not _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECUREBITS)")
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


def can_reach(account: Account, *paths: Path) -> bool:
    """Whether a process of the account could read every path; tried in a child."""
    pid = os.fork()
    if pid == 0:
        try:
            drop_to(account)
            reached = all(os.access(path, os.R_OK | os.X_OK) for path in paths)
        except OSError:
            reached = False
        os._exit(0 if reached else 1)
    return os.waitpid(pid, 0)[1] == 0


def server_account(*needed: Path) -> Account | None:
    """The account for a server that refuses root; None when this is not root.

    Raises StartError if no account exists or none could reach the `needed` paths.
    """
    if os.geteuid() != 0:
        return None
    advice = "run ./run as a normal user, or set DATABASE_URL to a running PostgreSQL."
    known = []
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            continue
        known.append(name)
        for keeps_access in (True, False):
            account = Account(name, entry.pw_uid, entry.pw_gid, keeps_access)
            if can_reach(account, *needed):
                return account
    if known:
        raise StartError(
            f"PostgreSQL refuses to run as root, and {known[0]!r} cannot read {needed[-1]}: this"
            " container takes the capabilities away that would let it",
            f"put the checkout in a folder that all users can enter, {advice}",
        )
    raise StartError(
        "PostgreSQL refuses to run as root, and there is no unprivileged account"
        f" ({', '.join(ACCOUNTS)})",
        advice,
    )
