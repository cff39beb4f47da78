"""Readings as partners send them: JSON, NDJSON or CSV, taken apart line by line.

Pure: nothing here asks the database. What is no list at all raises DomainError; a single bad line
is kept as `Broken(field, code, detail)`.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from apps.assets.services.device_lines import Broken
from cariflex.common.errors import DomainError

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
MEDIA_TYPES = (JSON, NDJSON, CSV)
FIELDS = ("sensor", "device", "quantity", "channel", "at", "value", "quality")
LONGEST_TEXT = 1_000
_WHITESPACE = re.compile(r"[ \t\r\n]*")
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NO_NUMBER = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SentLine:
    """One line (CSV, NDJSON) or element (JSON) counted from 1, as it came and taken apart."""

    number: int
    text: str
    values: Mapping[str, Any]
    broken: Broken | None = None


def sent_lines(media_type: str, body: BinaryIO, *, most: int) -> list[SentLine]:
    """The lines of a body. Raises DomainError: `readings.too_many`, `readings.malformed`,
    `readings.header`; reading stops there.
    """
    lines: list[SentLine] = []
    for line in _READ[media_type](body):
        if len(lines) == most:
            raise DomainError(
                "readings.too_many", f"One request holds at most {most} readings.", field=None
            )
        lines.append(line)
    return lines


def kept_text(text: str) -> str:
    """What PostgreSQL takes as text: shortened, without NUL and lone surrogates."""
    return (
        text[:LONGEST_TEXT]
        .replace("\0", "\N{REPLACEMENT CHARACTER}")
        .encode("utf-8", "replace")
        .decode()
    )


def _json_lines(body: BinaryIO) -> Iterator[SentLine]:
    """The elements of one array, one after the other: never all of them as objects at once."""
    text = _decoded(body.read()).removeprefix("\ufeff")
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise DomainError("readings.malformed", "The body is not a JSON array.")
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        _check_end(text, at + 1)
        return
    number = 0
    while True:
        number += 1
        value, end = _element(text, at)
        yield _of_json(number, text[at : min(end, at + LONGEST_TEXT)], value)
        at = _skip(text, end)
        mark = text[at : at + 1]
        if mark == "]":
            _check_end(text, at + 1)
            return
        if mark != ",":
            raise DomainError("readings.malformed", f"The JSON is broken after element {number}.")
        at = _skip(text, at + 1)


def _check_end(text: str, at: int) -> None:
    if _skip(text, at) != len(text):
        raise DomainError("readings.malformed", "Something follows the JSON array.")


def _skip(text: str, at: int) -> int:
    found = _WHITESPACE.match(text, at)
    return found.end() if found else at


def _element(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError) as err:
        raise DomainError(
            "readings.malformed", f"The JSON is broken at character {at + 1}."
        ) from err


def _ndjson_lines(body: BinaryIO) -> Iterator[SentLine]:
    for number, raw in enumerate(body, start=1):
        text = raw.decode("utf-8", "replace").strip().removeprefix("\ufeff")
        if not text:
            continue
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError):
            yield SentLine(number, text, {}, Broken("", "not_json"))
            continue
        yield _of_json(number, text, value)


def _of_json(number: int, text: str, value: Any) -> SentLine:
    if not isinstance(value, dict):
        return SentLine(number, text, {}, Broken("", "not_an_object"))
    unknown = next((name for name in value if name not in FIELDS), None)
    if unknown is not None:
        return SentLine(number, text, {}, Broken(kept_text(unknown)[:60], "unknown_field"))
    return SentLine(number, text, {k: v for k, v in value.items() if v is not None})


def _csv_lines(body: BinaryIO) -> Iterator[SentLine]:
    """A header, then lines of as many cells. A cell does not go on over several lines."""
    rows = ((n, raw.decode("utf-8", "replace").rstrip("\r\n")) for n, raw in enumerate(body, 1))
    first = next(rows, None)
    if first is None:
        return
    header = _header(first[1].removeprefix("\ufeff"))
    for number, text in rows:
        if not text.strip():
            continue
        cells = _cells(text)
        if cells is None:
            yield SentLine(number, text, {}, Broken("", "not_csv"))
        elif len(cells) != len(header):
            yield SentLine(number, text, {}, Broken("", "cells", str(len(header))))
        else:
            yield SentLine(number, text, _of_csv(zip(header, cells, strict=True)))


def _header(text: str) -> list[str]:
    header = [name.strip().lower() for name in _cells(text) or []]
    for name in header:
        if name not in FIELDS:
            known = ", ".join(FIELDS)
            raise DomainError(
                "readings.header",
                f"There is no column {kept_text(name)[:60]!r}; known: {known}.",
                field=kept_text(name)[:60],
            )
    if len(set(header)) != len(header):
        raise DomainError("readings.header", "A column is there twice.")
    return header


def _cells(text: str) -> list[str] | None:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        return None


def _of_csv(cells: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {name: cell.strip() for name, cell in cells if cell.strip()}
    if values.get("sensor", "").isascii() and values.get("sensor", "").isdecimal():
        values["sensor"] = int(values["sensor"][:20])
    value = values.get("value", "")
    if len(value) <= 100 and (_DECIMAL.fullmatch(value) or _NO_NUMBER.fullmatch(value)):
        values["value"] = float(value)
    return values


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as err:
        raise DomainError("readings.malformed", "The body is not UTF-8.") from err


def _whole(text: str) -> int | float:
    # Python refuses to read thousands of digits; as a number of floating point it is infinite.
    return int(text) if len(text) <= 300 else float(text)


_DECODER = json.JSONDecoder(parse_int=_whole)
_READ = {JSON: _json_lines, NDJSON: _ndjson_lines, CSV: _csv_lines}
