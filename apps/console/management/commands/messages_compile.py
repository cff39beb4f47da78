"""Compile the translations of `locale/` that are newer than their compiled form."""

from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand


def messages_compile(locale_dir: Path) -> tuple[int, int]:
    """Write `.mo` beside each `.po` that changed since; gives (compiled, found)."""
    catalogues = sorted(locale_dir.glob("*/LC_MESSAGES/*.po"))
    compiled = 0
    for catalogue in catalogues:
        target = catalogue.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= catalogue.stat().st_mtime:
            continue
        # Written aside and renamed: a process that starts meanwhile never reads half a file.
        unfinished = target.with_suffix(".mo.new")
        polib.pofile(str(catalogue)).save_as_mofile(str(unfinished))
        unfinished.replace(target)
        compiled += 1
    return compiled, len(catalogues)


class Command(BaseCommand):
    help = "Compile the .po files of locale/ that changed (the .mo files are not in the repository)"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for locale_dir in settings.LOCALE_PATHS:
            compiled, found = messages_compile(Path(locale_dir))
            self.stdout.write(f"{compiled} of {found} message catalogues compiled")
