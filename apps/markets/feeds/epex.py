"""Day-ahead files of an operator's own exchange subscription: CSV or XML rows in, slots out.

The exchange publishes no schema, so a `ColumnMap` says which column holds what. Every row that
breaks a rule is reported with its line, column and rule, beside the slots that are good: an
operator sees all that is wrong with a file at once. A slot about which the file is not clear
(priced twice, an autumn hour that could be either) is reported and never guessed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lxml import etree

from apps.markets.feeds.day_ahead import MAX_DOCUMENT_BYTES, RESOLUTIONS
from apps.markets.feeds.epex_slots import (
    EUR_PER_MWH,
    DayAheadFile,
    FileError,
    Row,
    SlotColumns,
    slots_read,
    unit_normalised,
)
from cariflex.common.units import QUARTER_HOUR

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_UNIT_IN_HEADER: Final = re.compile(r"[A-Za-z]{2,3}\s*/\s*[kM]Wh|€\s*/\s*[kM]Wh", re.IGNORECASE)
_MAX_ROWS: Final = 367 * 100


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column of a file holds what; columns go by the name in the header line (CSV) or of
    the attribute or child element (XML).

    The slot is given by `date` and `time` (its start; "00:00 - 00:15" counts as 00:00), by `date`
    and `slot_number` (1 to 92, 96 or 100), or by `date_time` alone, whose format may hold %z.
    `unit` is EUR/MWh, EUR/kWh or ct/kWh; where `unit_column` is given each row must repeat it.
    For values that are no prices in EUR, `scale` says what one of `unit`, then any word, is in the
    unit of the values.
    Raises FileError for a map that contradicts itself.
    """

    price: str
    date: str | None = None
    time: str | None = None
    slot_number: str | None = None
    date_time: str | None = None
    unit_column: str | None = None
    unit: str = "EUR/MWh"
    time_zone: str = "Europe/Paris"
    resolution: timedelta = QUARTER_HOUR
    date_format: str = "%d/%m/%Y"
    time_format: str = "%H:%M"
    date_time_format: str = "%d/%m/%Y %H:%M"
    delimiter: str = ";"
    decimal_mark: str = ","
    thousands_mark: str = ""
    header_line: int = 1
    scale: Decimal | None = None

    def __post_init__(self) -> None:
        given = (self.date, self.time, self.slot_number, self.date_time)
        shape = tuple(column is not None for column in given)
        if shape not in (
            (True, True, False, False),
            (True, False, True, False),
            (False, False, False, True),
        ):
            self._refuse("date", "give date and time, date and slot_number, or date_time alone")
        if self.scale is None and unit_normalised(self.unit) not in EUR_PER_MWH:
            self._refuse("unit", f"{self.unit!r} is not one of EUR/MWh, EUR/kWh, ct/kWh")
        if self.resolution not in RESOLUTIONS:
            self._refuse("resolution", f"{self.resolution} is not 15, 30 or 60 minutes")
        if self.decimal_mark not in (",", "."):
            self._refuse("decimal_mark", "is neither a comma nor a point")
        if self.thousands_mark not in ("", ",", ".", " ", "'"):
            self._refuse("thousands_mark", "is not a comma, a point, a space or an apostrophe")
        if self.thousands_mark == self.decimal_mark:
            self._refuse("thousands_mark", "is the decimal mark too")
        if len(self.delimiter) != 1 or self.delimiter in "\r\n\"'" or self.header_line < 1:
            self._refuse("delimiter", "needs one character, and a header line from 1 on")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._refuse("time_zone", f"{self.time_zone!r} is not a time zone")

    def _refuse(self, field: str, rule: str) -> None:
        raise FileError(0, field, rule)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the map names."""
        named = (
            self.date,
            self.time,
            self.slot_number,
            self.date_time,
            self.price,
            self.unit_column,
        )
        return tuple(column for column in named if column is not None)

    def slot_columns(self) -> SlotColumns:
        """What the placing of rows needs of the map."""
        return SlotColumns(
            price=self.price,
            date=self.date,
            time=self.time,
            slot_number=self.slot_number,
            date_time=self.date_time,
            unit_column=self.unit_column,
            unit=unit_normalised(self.unit),
            scale=self.scale,
            zone=ZoneInfo(self.time_zone),
            resolution=self.resolution,
            date_format=self.date_format,
            time_format=self.time_format,
            date_time_format=self.date_time_format,
            decimal_mark=self.decimal_mark,
            thousands_mark=self.thousands_mark,
        )


def epex_csv_read(content: bytes, *, columns: ColumnMap) -> DayAheadFile:
    """Read a CSV file in UTF-8 (with or without byte order mark) or Latin-1 (Windows-1252).

    Raises FileError (line, column, rule) when the file is none that the map describes; what is
    wrong with single rows comes back as faults.
    """
    return slots_read(list(_csv_rows(_text(content), columns)), columns.slot_columns())


def epex_xml_read(content: bytes, *, columns: ColumnMap, row_element: str) -> DayAheadFile:
    """Read an XML file whose elements named `row_element` are the rows.

    A column is an attribute or a child element, by local name, of the row or of the nearest
    element around it (a day around its slots). Raises FileError as `epex_csv_read` does.
    """
    root = _xml_root(content)
    if not row_element:
        raise FileError(0, "row_element", "is empty")
    rows = [
        Row(int(str(element.sourceline or 0)), _xml_cells(element, columns.columns))
        for element in root.iter(f"{{*}}{row_element}")
    ]
    if not rows:
        raise FileError(0, row_element, "no element has this name")
    if len(rows) > _MAX_ROWS:
        raise FileError(0, row_element, f"there are more than {_MAX_ROWS}")
    return slots_read(rows, columns.slot_columns())


def _text(content: bytes) -> str:
    if len(content) > MAX_DOCUMENT_BYTES:
        raise FileError(0, "file", f"is larger than {MAX_DOCUMENT_BYTES} bytes")
    if content.startswith(_WIDE_MARKS) or b"\0" in content:
        raise FileError(0, "file", "is UTF-16 or binary, expected UTF-8 or Latin-1")
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.removeprefix(_BYTE_ORDER_MARK).decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _csv_rows(text: str, columns: ColumnMap) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=columns.delimiter)
    places: dict[str, int] | None = None
    count = 0
    try:
        for cells in reader:
            if reader.line_num < columns.header_line or not any(cell.strip() for cell in cells):
                continue
            if places is None:
                places = _header_places(cells, reader.line_num, columns)
                continue
            count += 1
            if count > _MAX_ROWS:
                raise FileError(reader.line_num, "file", f"has more than {_MAX_ROWS} rows")
            found = {n: cells[at].strip() for n, at in places.items() if at < len(cells)}
            yield Row(reader.line_num, found)
    except csv.Error as err:
        raise FileError(reader.line_num, "file", f"is not CSV: {err}") from err
    if places is None:
        raise FileError(columns.header_line, "header", "the file has no header line")


def _header_places(cells: list[str], line: int, columns: ColumnMap) -> dict[str, int]:
    names = [cell.strip() for cell in cells]
    for name in columns.columns:
        if names.count(name) != 1:
            rule = "is named twice" if name in names else f"is not among {names!r}"[:300]
            raise FileError(line, name, f"{rule} in the header")
    stated = _UNIT_IN_HEADER.search(columns.price)
    if stated and unit_normalised(stated.group()) != unit_normalised(columns.unit):
        raise FileError(
            line, columns.price, f"states {stated.group()}, the map says {columns.unit}"
        )
    return {name: names.index(name) for name in columns.columns}


def _xml_root(content: bytes) -> etree._Element:
    if len(content) > MAX_DOCUMENT_BYTES:
        raise FileError(0, "file", f"is larger than {MAX_DOCUMENT_BYTES} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as err:
        raise FileError(err.lineno or 0, "file", f"is not well-formed XML: {err.msg}") from err
    if root is None:
        raise FileError(0, "file", "is empty")
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs lack it
        raise FileError(0, "DOCTYPE", "a document type declaration is not accepted")
    return root


def _xml_cells(element: etree._Element, names: tuple[str, ...]) -> dict[str, str]:
    cells: dict[str, str] = {}
    around: etree._Element | None = element
    while around is not None:
        for name in names:
            said = around.get(name)
            if said is None:
                child = next(around.iterchildren(f"{{*}}{name}"), None)
                said = None if child is None or len(child) else child.text or ""
            if said is not None:
                cells.setdefault(name, said.strip())
        around = around.getparent()
    return cells
