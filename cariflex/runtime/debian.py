"""What only the tests need and only Debian's packages carry."""

import os
import shutil
import subprocess
from collections.abc import Callable

from cariflex.runtime.errors import StartError

Say = Callable[[str], None]


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
