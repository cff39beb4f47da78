"""Finding or fetching a Chromium for the browser tests; they are never skipped silently."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from cariflex.runtime import debian
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "@sparticuz/chromium@141.0.0"
UNPACK = (
    "const fs=require('fs'),z=require('zlib');"
    "fs.createReadStream(process.argv[1]).pipe(z.createBrotliDecompress())"
    ".pipe(fs.createWriteStream(process.argv[2]))"
)

Say = Callable[[str], None]


def installed_chromium() -> Path | None:
    """A Chromium that is there already: $CARIFLEX_CHROMIUM, else the first on PATH."""
    given = os.environ.get("CARIFLEX_CHROMIUM")
    if given:
        return Path(given)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


def ensure_chromium(layout: Layout, say: Say) -> Path:
    """A Chromium that starts: an installed one, Debian's package, or the one in an npm package."""
    ways = (installed_chromium, lambda: _from_debian(say), lambda: _from_npm(layout, say))
    for way in ways:
        path = way()
        if path is not None and _starts(path):
            return path
    raise StartError(
        "no Chromium for the browser tests",
        "install one (Debian/Ubuntu: apt install chromium) or set CARIFLEX_CHROMIUM to its path.",
    )


def _starts(path: Path) -> bool:
    words = [str(path), "--version", "--no-sandbox"]
    try:
        return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _from_debian(say: Say) -> Path | None:
    return installed_chromium() if debian.install("chromium", say) else None


def _from_npm(layout: Layout, say: Say) -> Path | None:
    folder = layout.root / "var" / "chromium"
    binary = folder / "chromium"
    if binary.exists():
        return binary
    if not (shutil.which("npm") and shutil.which("node") and shutil.which("tar")):
        return None
    say(f"fetching {PACKAGE} for the browser tests")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "chromium.part"
    try:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, timeout=300)
        archive = next(folder.glob("*.tgz"))
        subprocess.run(["tar", "xzf", archive.name, "package/bin"], cwd=folder, check=True)
        packed = folder / "package" / "bin" / "chromium.br"
        subprocess.run(["node", "-e", UNPACK, str(packed), str(partial)], check=True, timeout=300)
    except (subprocess.SubprocessError, OSError, StopIteration) as err:
        say(f"that failed: {err}")
        return None
    partial.chmod(0o755)
    partial.rename(binary)
    return binary
