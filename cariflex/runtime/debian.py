"""What only the tests need and only Debian's packages carry."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable

from cariflex.runtime.errors import StartError

Say = Callable[[str], None]
PANGO = {
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
"""Libraries by which papers become PDF, and the Debian packages that carry them."""


def install(package: str, say: Say) -> bool:
    """Install a Debian package; False where that cannot be done (no root, no apt, no network)."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"installing Debian's {package} for the tests")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    for attempt in (words, ["apt-get", "update", "-qq"], words):
        done = subprocess.run(attempt, env=quiet, capture_output=True, check=False)
        if attempt is words and done.returncode == 0:
            return True
    return False


def ensure_gettext(say: Say) -> None:
    """GNU gettext's xgettext, by which a test finds strings that no catalogue has."""
    if shutil.which("xgettext") or (install("gettext", say) and shutil.which("xgettext")):
        return
    raise StartError(
        "no xgettext for the test of the translations",
        "install GNU gettext (Debian/Ubuntu: apt install gettext).",
    )


def ensure_pango(say: Say) -> None:
    """Pango and HarfBuzz, which no wheel carries: invoices as PDF need them."""
    for library, package in PANGO.items():
        if _loads(library) or (install(package, say) and _loads(library)):
            continue
        raise StartError(
            f"no {library} for the tests of papers",
            f"install Pango (Debian/Ubuntu: apt install {' '.join(PANGO.values())}).",
        )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
