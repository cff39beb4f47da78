"""A list of devices as CSV text: its columns, its lines, and what is wrong with each.

Pure: nothing here asks the database. A broken rule is `Broken(field, code, detail)`; the words
for a person are made where they are shown, so that each reads them in their own language.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from apps.assets.choices import DeviceKind, Transport
from apps.assets.models.devices import DEFAULT_POLL_PERIOD_S, SHORTEST_POLL_PERIOD_S
from cariflex.common.errors import DomainError

MOST_LINES = 10_000
MOST_BYTES = 4_000_000

Value = str | int | float | bool | None


class Broken(NamedTuple):
    """The field of a line that breaks a rule, the rule's code, and the figure or text in it."""

    field: str
    code: str
    detail: str = ""

    @property
    def rule(self) -> str:
        """`code:detail`, as it is stored."""
        return f"{self.code}:{self.detail}"[:300] if self.detail else self.code


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list: how its text is read, and what an empty cell means."""

    read: Callable[[str, str], Value | Broken]
    default: Value = None
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as it came; `cells` is None when it has not as many as the header."""

    number: int
    text: str
    cells: tuple[str, ...]


def _text(longest: int) -> Callable[[str, str], Value | Broken]:
    def read(field: str, text: str) -> Value | Broken:
        if len(text) > longest:
            return Broken(field, "too_long", str(longest))
        return text

    return read


_SLUG = re.compile(r"[A-Za-z0-9_-]+")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(?:[.,][0-9]{1,15})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_SPACES = re.compile(r"[\s\u00a0\u202f]")


def _slug(field: str, text: str) -> Value | Broken:
    if not _SLUG.fullmatch(text):
        return Broken(field, "not_a_code", text[:60])
    return Broken(field, "too_long", "60") if len(text) > 60 else text


def _choice(values: list[str]) -> Callable[[str, str], Value | Broken]:
    def read(field: str, text: str) -> Value | Broken:
        if text.lower() not in values:
            return Broken(field, "not_one_of", ", ".join(values))
        return text.lower()

    return read


def _number(low: float, high: float) -> Callable[[str, str], Value | Broken]:
    def read(field: str, text: str) -> Value | Broken:
        plain = _SPACES.sub("", text)
        if not _DECIMAL.fullmatch(plain):
            return Broken(field, "not_a_number", text[:60])
        value = float(plain.replace(",", "."))
        if value < low:
            return Broken(field, "too_small", f"{low:.10g}")
        return Broken(field, "too_large", f"{high:.10g}") if value > high else value

    return read


def _whole(low: int, high: int) -> Callable[[str, str], Value | Broken]:
    def read(field: str, text: str) -> Value | Broken:
        if not _WHOLE.fullmatch(text):
            return Broken(field, "not_a_whole_number", text[:60])
        value = int(text)
        if value < low:
            return Broken(field, "too_small", str(low))
        return Broken(field, "too_large", str(high)) if value > high else value

    return read


_YES_NO = {"1": True, "yes": True, "true": True, "oui": True, "si": True, "sí": True} | {
    "0": False, "no": False, "false": False, "non": False,
}  # fmt: skip


def _yes_no(field: str, text: str) -> Value | Broken:
    answer = _YES_NO.get(text.lower())
    return Broken(field, "not_yes_or_no", text[:60]) if answer is None else answer


MOST_KW = 10_000_000.0
COLUMNS: Mapping[str, Column] = {
    "code": Column(_slug, is_required=True),
    "name": Column(_text(120), is_required=True),
    "site": Column(_text(60), is_required=True),
    "kind": Column(_choice(list(DeviceKind.values)), is_required=True),
    "driver": Column(_text(60), default="sunspec"),
    "host": Column(_text(253), is_required=True),
    "port": Column(_whole(1, 65535), default=502),
    "unit_id": Column(_whole(0, 255), default=1),
    "transport": Column(_choice(list(Transport.values)), default=Transport.MODBUS_TCP.value),
    "rated_power_kw": Column(_number(0.001, MOST_KW), is_required=True),
    "capacity_kwh": Column(_number(0.001, MOST_KW)),
    "poll_period_s": Column(_number(SHORTEST_POLL_PERIOD_S, 3600), default=DEFAULT_POLL_PERIOD_S),
    "timeout_s": Column(_number(0.1, 120)),
    "inter_frame_delay_s": Column(_number(0, 5)),
    "ramp_kw_per_s": Column(_number(0.001, MOST_KW)),
    "soc_min_percent": Column(_number(0, 100), default=0.0),
    "soc_max_percent": Column(_number(0, 100), default=100.0),
    "charging_efficiency": Column(_number(0.01, 1), default=1.0),
    "discharging_efficiency": Column(_number(0.01, 1), default=1.0),
    "is_grid_meter": Column(_yes_no, default=False),
    "commune": Column(_text(120), default=""),
    "latitude": Column(_number(-90, 90)),
    "longitude": Column(_number(-180, 180)),
}
REQUIRED = tuple(name for name, column in COLUMNS.items() if column.is_required)


def list_text(content: bytes) -> str:
    """The text of an uploaded list: UTF-8 (with or without BOM), else Windows or ISO Latin-1.

    Raises DomainError `device_import.too_big` or `device_import.not_text`.
    """
    if len(content) > MOST_BYTES:
        raise _refused("too_big", f"more than {MOST_BYTES} bytes")
    if b"\x00" in content:
        raise _refused("not_text", "the file is no text in UTF-8 or Latin-1")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def list_columns(header: str) -> tuple[str, ...]:
    """The columns that the first line names, in its order.

    Raises DomainError `device_import.empty`, `.columns_missing`, `.columns_unknown`,
    `.columns_twice`; its message is the list of the columns.
    """
    names = tuple(
        cell.strip().lower() for cell in next(csv.reader([header], delimiter=delimiter(header)), [])
    )
    if not any(names):
        raise _refused("empty", "the file has no header")
    unknown = [name or "–" for name in names if name not in COLUMNS]
    if unknown:
        raise _refused("columns_unknown", ", ".join(unknown)[:200])
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise _refused("columns_twice", ", ".join(twice))
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise _refused("columns_missing", ", ".join(missing))
    return names


def delimiter(header: str) -> str:
    """`;` or `,`, whichever the header uses more."""
    return ";" if header.count(";") >= header.count(",") else ","


def list_lines(text: str) -> tuple[str, list[RawLine]]:
    """The header and the lines below it that are not empty.

    Raises DomainError as `list_columns`, and `device_import.too_many`, `device_import.not_csv`
    (its message is the line's number).
    """
    physical = io.StringIO(text, newline=None).read().split("\n")
    at = next((n for n, line in enumerate(physical) if line.strip(" ,;\t")), None)
    if at is None:
        raise _refused("empty", "the file is empty")
    header = physical[at]
    list_columns(header)
    lines: list[RawLine] = []
    for line in _records(physical, at + 1, delimiter(header)):
        if any(cell.strip() for cell in line.cells):
            lines.append(line)
        if len(lines) > MOST_LINES:
            raise _refused("too_many", f"more than {MOST_LINES} lines")
    if not lines:
        raise _refused("empty", "the file has no line below its header")
    return header, lines


def _records(physical: list[str], first: int, delimiter: str) -> Iterator[RawLine]:
    """The records with their own text; a quoted cell may run over several lines."""
    reader = csv.reader(
        (f"{line}\n" for line in physical[first:]), delimiter=delimiter, strict=True
    )
    start = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise _refused("not_csv", str(first + start + 1)) from None
        end = reader.line_num
        yield RawLine(
            first + start + 1, "\n".join(physical[first + start : first + end]), tuple(cells)
        )
        start = end


def line_cells(text: str, delimiter: str) -> tuple[str, ...]:
    """The cells of a stored line."""
    lines = (f"{line}\n" for line in text.split("\n"))
    return tuple(next(csv.reader(lines, delimiter=delimiter, strict=True), []))


def line_values(cells: tuple[str, ...], columns: tuple[str, ...]) -> dict[str, Value] | Broken:
    """The values of a line by field, or the first rule it breaks in the order of its columns."""
    if len(cells) != len(columns):
        return Broken("line", "cells_count", f"{len(cells)}/{len(columns)}")
    given = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    values: dict[str, Value] = {name: column.default for name, column in COLUMNS.items()}
    for name, text in given.items():
        column = COLUMNS[name]
        if any(ord(letter) < 32 for letter in text):
            return Broken(name, "not_one_line")
        if not text:
            if column.is_required:
                return Broken(name, "missing")
            continue
        value = column.read(name, text)
        if isinstance(value, Broken):
            return value
        values[name] = value
    return _together(values) or values


def _together(values: Mapping[str, Value]) -> Broken | None:
    """The rules about two fields of one line."""
    if values["kind"] == DeviceKind.BATTERY and values["capacity_kwh"] is None:
        return Broken("capacity_kwh", "battery_needs_capacity")
    if float(values["soc_min_percent"] or 0) >= float(values["soc_max_percent"] or 0):
        return Broken("soc_min_percent", "soc_window")
    if values["is_grid_meter"] and values["kind"] != DeviceKind.METER:
        return Broken("is_grid_meter", "only_a_meter")
    return None


def list_template() -> str:
    """A list to fill in: all columns, and one line that may be imported as it is."""
    example = {
        "code": "pv-roof-1", "name": "Toiture 1", "site": "island", "kind": "pv",
        "driver": "sunspec", "host": "192.168.1.20", "port": "502", "unit_id": "1",
        "transport": "modbus_tcp", "rated_power_kw": "99,5", "commune": "Le Gosier",
    }  # fmt: skip
    rows = (COLUMNS, (example.get(name, "") for name in COLUMNS))
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _refused(code: str, message: str) -> DomainError:
    return DomainError(f"device_import.{code}", message, field="file")
