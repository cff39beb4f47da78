"""Exchange files laid down in a folder of this machine: read, never changed, moved or removed.

Nothing outside the folder is read: entries are opened by name below an open folder, links are
passed over, and what was opened is looked at again before it is read.
"""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

from apps.markets.clients.epex_delivery import (
    DEFAULT_PATTERN,
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    SYSTEM,
    DeliveredFile,
    Delivery,
    FileStamp,
    files_choose,
    pattern_check,
)
from cariflex.common.errors import ExternalError


class EpexFolder:
    """One folder; `pattern` of the file names, such as `dayahead_*.csv`."""

    def __init__(self, folder: Path, *, pattern: str = DEFAULT_PATTERN) -> None:
        self._folder = folder
        self._pattern = pattern_check(pattern)

    def take(self, *, now: datetime, known: frozenset[tuple[str, str]]) -> Delivery:
        """The complete files that are new or were written again, oldest first.

        Raises ExternalError when the folder is not there, is a link, may not be read or holds too
        many entries.
        """
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            handle = os.open(self._folder, flags)
        except OSError as err:
            raise ExternalError(
                SYSTEM, f"the folder cannot be opened ({type(err).__name__})", retryable=True
            ) from err
        try:
            choice = files_choose(
                self._listing(handle), pattern=self._pattern, now=now, known=known
            )
            files = [self._read(handle, stamp) for stamp in choice.take]
        finally:
            os.close(handle)
        changed = [stamp.name for stamp, file in zip(choice.take, files, strict=True) if not file]
        return Delivery(
            files=tuple(file for file in files if file is not None),
            waiting=(*choice.waiting, *changed),
            refused=choice.refused,
        )

    def _listing(self, handle: int) -> list[FileStamp]:
        stamps: list[FileStamp] = []
        with os.scandir(handle) as entries:
            for number, entry in enumerate(entries):
                if number == MAX_ENTRIES:
                    raise ExternalError(
                        SYSTEM, f"the folder holds more than {MAX_ENTRIES} entries", retryable=True
                    )
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    stamps.append(_stamp(entry.name, status))
        return stamps

    def _read(self, handle: int, listed: FileStamp) -> DeliveredFile | None:
        """The file, or None when it is gone or no longer what the listing showed."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(listed.name, flags, dir_fd=handle)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or _stamp(listed.name, status) != listed:
                return None
            content = file.read(MAX_FILE_BYTES + 1)
        return DeliveredFile(listed, content) if len(content) == listed.size_bytes else None


def _stamp(name: str, status: os.stat_result) -> FileStamp:
    return FileStamp(int(status.st_mtime), name, status.st_size)
