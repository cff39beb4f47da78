"""The XML floor of every ENTSO-E reader: a safe root, children by local name, typed texts.

Elements are matched by local name because the namespace changes with each schema version
(`publicationdocument:7:0`, `:7:3`). The parser resolves no entity, loads no DTD and opens no
network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NoReturn

from lxml import etree

from apps.markets.feeds.entsoe.errors import DocumentError

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z")
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_HTML: Final = re.compile(rb"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def root_read(content: bytes, *, max_bytes: int) -> etree._Element:
    """The root element of one XML document; DocumentError when it is none or not a safe one."""
    if len(content) > max_bytes:
        raise DocumentError("document", f"is larger than {max_bytes} bytes")
    if _HTML.match(content.removeprefix(_BYTE_ORDER_MARK)[:200]):
        raise DocumentError("document", "is an HTML page, not an XML document")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as err:
        raise DocumentError("document", f"is not well-formed XML: {err.msg}") from err
    if root is None:
        raise DocumentError("document", "is empty")
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs lack it
        raise DocumentError("DOCTYPE", "a document type declaration is not accepted")
    return root


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


@cache
def any_namespace(name: str) -> str:
    """The tag that matches a local name in every namespace and in none."""
    return f"{{*}}{name}"


def children(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """The direct children of that local name."""
    return parent.iterchildren(any_namespace(name))


def child(parent: etree._Element, name: str) -> etree._Element:
    """The first child of that name; DocumentError when there is none."""
    found = next(children(parent, name), None)
    if found is None:
        fail(parent, name, "is missing")
    return found


def text(parent: etree._Element, name: str, *, default: str | None = None) -> str:
    """The stripped text of a child, `default` when it has none; else DocumentError."""
    found = next(children(parent, name), None)
    said = "" if found is None or len(found) else (found.text or "").strip()
    if said:
        return said
    if default is None:
        fail(parent, name, "is missing or empty")
    return default


def whole_number(parent: etree._Element, name: str, *, default: int) -> int:
    """A child's number of at most six digits."""
    said = text(parent, name, default=str(default))
    if not _WHOLE_NUMBER.fullmatch(said):
        fail(parent, name, f"{said[:40]!r} is not a whole number")
    return int(said)


def position(point: etree._Element, *, slot_count: int) -> int:
    """The 1-based position of a Point in a period of `slot_count` slots."""
    said = text(point, "position")
    if not _WHOLE_NUMBER.fullmatch(said) or not 1 <= int(said) <= slot_count:
        fail(point, "position", f"{said[:40]!r} is not a position between 1 and {slot_count}")
    return int(said)


def instant(parent: etree._Element, name: str) -> datetime:
    """A child's UTC instant, written yyyy-mm-ddThh:mm[:ss]Z."""
    said = text(parent, name)
    if not _INSTANT.fullmatch(said):
        fail(parent, name, f"{said[:40]!r} is not a UTC instant (yyyy-mm-ddThh:mmZ)")
    try:
        return datetime.fromisoformat(said).astimezone(UTC)
    except ValueError:
        fail(parent, name, f"{said[:40]!r} is not an existing instant")


def expect(parent: etree._Element, name: str, wanted: str) -> None:
    """DocumentError unless a child says exactly this."""
    said = text(parent, name)
    if said != wanted:
        fail(parent, name, f"is {said[:40]!r}, expected {wanted!r}")


def fail(parent: etree._Element, name: str, rule: str) -> NoReturn:
    """Refuse a document because of one child of an element."""
    line: Any = parent.sourceline
    raise DocumentError(f"{local_name(parent)}/{name}", rule, line=line)
