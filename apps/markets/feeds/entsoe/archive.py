"""An answer as it arrives: one XML document, or a ZIP archive of several.

No member is ever written to a file: its name serves only to say where an error is.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NoReturn, TypeVar

from lxml import etree

from apps.markets.feeds.entsoe.errors import DocumentError, NotYetPublishedError
from apps.markets.feeds.entsoe.markup import children, local_name, root_read, text

NO_MATCHING_DATA: Final = "999"
# A standard request is answered with at most 100 documents.
MAX_MEMBERS: Final = 100
_ZIP_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ENCRYPTED: Final = 0x1
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_T = TypeVar("_T")


def documents_read(
    content: bytes,
    *,
    root_name: str,
    kind: str,
    max_bytes: int,
    read: Callable[[etree._Element], _T],
) -> list[_T]:
    """What `read` gives for the root of each document of an answer, at least one.

    `max_bytes` bounds the answer and, in an archive, all its members together. A member that says
    "no matching data" is passed over while another holds some. Raises DocumentError (in an archive
    the element is preceded by the member's name) and NotYetPublishedError.
    """
    found: list[_T] = []
    waiting: NotYetPublishedError | None = None
    for name, member in _members(content, max_bytes):
        try:
            root = root_read(member, max_bytes=max_bytes)
            _expect_root(root, root_name, kind)
            found.append(read(root))
        except NotYetPublishedError as err:
            waiting = err
        except DocumentError as err:
            if not name:
                raise
            raise DocumentError(f"{name}: {err.element}", err.rule, line=err.line) from err
    if found:
        return found
    if waiting is not None:
        raise waiting
    raise DocumentError("document", "is a ZIP archive without an XML member")


def _members(content: bytes, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    if not content.startswith(_ZIP_STARTS):
        yield "", content
        return
    if len(content) > max_bytes:
        raise DocumentError("document", f"is larger than {max_bytes} bytes")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as err:
        raise DocumentError("document", "is a ZIP archive that cannot be read") from err
    with archive:
        listed = archive.infolist()
        if len(listed) > MAX_MEMBERS:
            raise DocumentError("document", f"is a ZIP archive of more than {MAX_MEMBERS} members")
        left = max_bytes
        for info in listed:
            if info.is_dir() or not info.filename.lower().endswith(".xml"):
                continue
            name = "".join(c if c.isprintable() else "?" for c in info.filename[-80:])
            member = _member(archive, info, name=name, max_bytes=left)
            left -= len(member)
            yield name, member


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, name: str, max_bytes: int) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise DocumentError(name, "is encrypted")
    if info.compress_type not in _METHODS:
        raise DocumentError(name, "is compressed by a method other than deflate")
    try:
        with archive.open(info) as file:
            # The size in the directory is the sender's word: only what is read counts.
            member = file.read(max_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as err:
        raise DocumentError(name, "cannot be unpacked") from err
    if len(member) > max_bytes:
        raise DocumentError(name, "makes the archive larger than allowed when unpacked")
    return member


def _expect_root(root: etree._Element, root_name: str, kind: str) -> None:
    name = local_name(root)
    if name == "Acknowledgement_MarketDocument":
        _refuse_acknowledgement(root)
    if name != root_name:
        raise DocumentError(name, f"is neither a {kind} nor an acknowledgement")


def _refuse_acknowledgement(root: etree._Element) -> NoReturn:
    reasons = [
        (text(reason, "code"), text(reason, "text", default=""))
        for reason in children(root, "Reason")
    ]
    for code, said in reasons:
        if code == NO_MATCHING_DATA:
            raise NotYetPublishedError(said)
    told = "; ".join(f"{code} {said}".strip() for code, said in reasons) or "no reason given"
    raise DocumentError("Acknowledgement_MarketDocument/Reason", f"request refused: {told}")
