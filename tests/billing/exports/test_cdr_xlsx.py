"""CDRs as a workbook: read back from its XML."""

import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from apps.billing.exports import xlsx_file
from apps.billing.exports.columns import COLUMNS, ColumnKind
from apps.billing.exports.xlsx_file import cdr_xlsx
from apps.billing.models import Cdr
from cariflex.common.errors import DomainError
from tests.billing.exports.conftest import NASTY
from tests.billing.exports.test_cdr_csv import slow_cell

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's own calendar has no zone


def sheet_rows(path: Path) -> list[list[Any]]:
    """The cells of the only sheet: text, or float; fails when there is a formula."""
    with zipfile.ZipFile(path) as book:
        sheet = etree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(sheet.iter(f"{_MAIN}f"))
    assert not list(sheet.iter(f"{_MAIN}hyperlink"))
    rows = []
    for row in sheet.iter(f"{_MAIN}row"):
        cells: list[Any] = []
        for cell in row.iter(f"{_MAIN}c"):
            value = cell.find(f"{_MAIN}v")
            place = _column(str(cell.get("r")))
            cells += [None] * (place - len(cells))
            if cell.get("t") == "inlineStr":
                cells.append("".join(cell.itertext()))
            elif value is not None and value.text is not None:
                cells.append(float(value.text))
        rows.append(cells)
    return rows


def _column(name: str) -> int:
    """`AB7` -> 27: places count from 0."""
    number = 0
    for letter in name.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def written(path: Path, **changes: Any) -> list[list[Any]]:
    seen: list[int] = []
    wanted: dict[str, Any] = {"columns": None, "order": "issued_at", "with_titles": False}
    count = cdr_xlsx(Cdr.objects.all(), path, progress=seen.append, **{**wanted, **changes})
    assert seen[-1] == count
    return sheet_rows(path)


def test_every_cell_is_that_of_the_csv(cdrs: list[Cdr], tmp_path: Path) -> None:
    head, *rows = written(tmp_path / "cdrs.xlsx", columns=list(COLUMNS))

    assert head == list(COLUMNS)
    assert len(rows) == len(NASTY)
    for cdr, row in zip(cdrs, rows, strict=True):
        for column, cell in zip(COLUMNS.values(), row + [None] * len(COLUMNS), strict=False):
            expected = slow_cell(cdr, column)
            match column.kind:
                case ColumnKind.TIME | ColumnKind.LOCAL_TIME:
                    shown = (EPOCH + timedelta(days=cell)).isoformat(" ", "seconds")
                    assert abs(
                        datetime.fromisoformat(shown)
                        - datetime.fromisoformat(expected.replace("T", " ").rstrip("Z"))
                    ) <= timedelta(seconds=1)
                case ColumnKind.NUMBER | ColumnKind.MONEY | ColumnKind.CENTS:
                    assert cell == (float(expected) if expected else None)
                case ColumnKind.FLAG:
                    assert cell == float(expected == "true")
                case _ if isinstance(cell, float):
                    assert f"{cell:.0f}" == expected
                case _:
                    assert (cell or "") == expected


def test_text_stays_text(cdrs: list[Cdr], tmp_path: Path) -> None:
    _head, *rows = written(tmp_path / "cdrs.xlsx", columns=["station_name"])

    names = {row[0] for row in rows if row}
    assert {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'  =cmd", "'＝1"} <= names
    assert {'a"b', "a;b", "1-2", "x=y"} <= names


def test_more_rows_than_a_sheet_holds_are_refused(
    cdrs: list[Cdr], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", len(NASTY) - 1)

    with pytest.raises(DomainError) as refused:
        written(tmp_path / "cdrs.xlsx")

    assert refused.value.code == "export.too_many_rows"


def test_what_stops_the_writing_leaves_no_temporary_file(cdrs: list[Cdr], tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(_count: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        cdr_xlsx(
            Cdr.objects.all(), tmp_path / "cdrs.xlsx", columns=None, order="issued_at",
            with_titles=False, progress=stop,
        )  # fmt: skip

    assert [path.name for path in tmp_path.iterdir()] == ["cdrs.xlsx"]
