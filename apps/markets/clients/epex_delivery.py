"""What both ways of an exchange delivery share: which files are taken, and how much at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, Protocol

from apps.markets.feeds.day_ahead import MAX_DOCUMENT_BYTES
from cariflex.common.errors import DomainError

SYSTEM: Final = "epex"
MAX_FILE_BYTES: Final = MAX_DOCUMENT_BYTES
MAX_FILES: Final = 50
"""Files taken at one look; the rest wait for the next."""
MAX_ENTRIES: Final = 10_000
MAX_NAME: Final = 200
SETTLED: Final = timedelta(seconds=60)
"""A file that was written to less than this ago may still be on its way."""
DEFAULT_PATTERN: Final = "*"
SUFFIXES: Final = (".csv", ".xml")


@dataclass(frozen=True, slots=True, order=True)
class FileStamp:
    """A file as a listing shows it; `modified_s` in seconds since 1970."""

    modified_s: int
    name: str
    size_bytes: int

    @property
    def version(self) -> str:
        """Differs when the file was written again."""
        return f"{self.size_bytes}-{self.modified_s}"

    @property
    def shown_name(self) -> str:
        """The name as it may be shown and kept: printable and not too long."""
        shown = self.name if self.name.isprintable() else ascii(self.name)
        return shown[:MAX_NAME]


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is not read, and why."""

    stamp: FileStamp
    rule: str


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """A file that was read whole."""

    stamp: FileStamp
    content: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one look brought: files, oldest first; names of those that wait; those refused."""

    files: tuple[DeliveredFile, ...]
    waiting: tuple[str, ...]
    refused: tuple[RefusedFile, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which files of a listing are to be read."""

    take: tuple[FileStamp, ...]
    waiting: tuple[str, ...]
    refused: tuple[RefusedFile, ...]


class FileSource(Protocol):
    """A place where files are laid down. Nothing there is ever changed."""

    def take(self, *, now: datetime, known: frozenset[tuple[str, str]]) -> Delivery:
        """The complete files whose (shown name, version) is not in `known`.

        Raises ExternalError.
        """


def pattern_check(pattern: str) -> str:
    """The pattern of file names; DomainError for one that names another folder."""
    if not 1 <= len(pattern) <= 100 or "/" in pattern or "\\" in pattern:
        raise DomainError("epex.pattern", "is no pattern of a file name", field="pattern")
    return pattern


def files_choose(
    stamps: Iterable[FileStamp], *, pattern: str, now: datetime, known: frozenset[tuple[str, str]]
) -> Choice:
    """Choose CSV and XML files that fit the pattern, are new, have settled and are not too large.

    The writer's clock may be ahead of ours: a time far ahead has settled as one far behind has. A
    file taken too early is read again as soon as it has changed.
    """
    take: list[FileStamp] = []
    waiting: list[str] = []
    refused: list[RefusedFile] = []
    for stamp in sorted(stamps):
        if not stamp.name.lower().endswith(SUFFIXES) or not fnmatchcase(stamp.name, pattern):
            continue
        age = abs(now - datetime.fromtimestamp(stamp.modified_s, UTC))
        if (stamp.shown_name, stamp.version) in known:
            continue
        if stamp.shown_name != stamp.name:
            refused.append(RefusedFile(stamp, "its name is too long or holds control characters"))
        elif stamp.size_bytes > MAX_FILE_BYTES:
            refused.append(RefusedFile(stamp, f"is larger than {MAX_FILE_BYTES} bytes"))
        elif age < SETTLED or stamp.size_bytes == 0 or len(take) == MAX_FILES:
            waiting.append(stamp.name)
        else:
            take.append(stamp)
    return Choice(tuple(take), tuple(waiting), tuple(refused))
