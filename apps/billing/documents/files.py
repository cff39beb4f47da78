"""A file that was made: its name, its media type, its bytes."""

import hashlib
import re
from dataclasses import dataclass

PDF = "application/pdf"
XML = "application/xml"
TEXT = "text/plain"
CSV = "text/csv"
ZIP = "application/zip"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A finished file."""

    name: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def safe_name(text: str) -> str:
    """The text as part of a file name: letters, digits, dot, dash and underscore."""
    return _UNSAFE.sub("-", text).strip("-.") or "document"
