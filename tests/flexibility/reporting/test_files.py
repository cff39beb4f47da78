"""The report as a spreadsheet and as a paper."""

import csv
from datetime import UTC, date, datetime
from io import BytesIO, StringIO

import pytest
from pypdf import PdfReader

from apps.flexibility.reporting.document import ReportPaper, report_html, report_pdf
from apps.flexibility.reporting.month import DeviceGap
from apps.flexibility.reporting.table import HEAD, report_csv
from tests.flexibility.reporting.months import month, reported, slot, small_day

Row = tuple[str, str, str]


def parsed(content: bytes, delimiter: str) -> dict[Row, str]:
    rows = list(csv.reader(StringIO(content.decode("utf-8-sig")), delimiter=delimiter))
    assert tuple(rows[0]) == HEAD
    assert {len(row) for row in rows} == {4}
    return {(section, name, figure): value for section, name, figure, value in rows[1:]}


def test_csv_in_english_has_commas_between_and_points() -> None:
    content = report_csv(reported(small_day()), site_code="island", language="en")
    found = parsed(content, ",")

    assert not content.startswith(b"\xef\xbb\xbf")
    assert found["month", "", "site"] == "island"
    assert found["month", "", "cost_eur"] == "0.65"
    assert found["month", "", "import_kwh"] == "6.000"
    assert found["month", "", "measured_count"] == "5"
    assert found["month", "", "peak_at"] == "2026-03-11T04:00:00Z"
    assert found["month", "", "is_so_far"] == "true"
    assert found["battery", "bat-1", "cycles"] == "0.040"
    assert found["mode", "hold", "share_percent"] == "16.667"
    assert found["day", "2026-03-10", "cost_eur"] == "0.05"
    assert found["day", "2026-03-11", "import_kwh"] == "4.000"
    assert found["case", "no_control", "import_kwh"] == found["case", "no_control", "import_kwh"]
    assert {name for section, name, _ in found if section == "case"} == {
        "actual", "no_control", "rules", "foresight",
    }  # fmt: skip


@pytest.mark.parametrize("language", ["fr", "es"])
def test_csv_in_french_and_spanish_opens_in_their_spreadsheets(language: str) -> None:
    content = report_csv(reported(small_day()), site_code="island", language=language)

    assert content.startswith(b"\xef\xbb\xbf")
    found = parsed(content, ";")
    assert found["month", "", "cost_eur"] == "0,65"
    assert found["month", "", "self_consumption_percent"] == "80,000"


def test_csv_holds_no_formula_and_leaves_what_is_not_known_empty() -> None:
    gap = DeviceGap("=cmd", "PV", 1)
    content = report_csv(
        reported(month(slot(0, pv_kw=None), gaps=(gap,))), site_code="+site", language="en"
    )
    found = parsed(content, ",")

    assert found["gap", "'=cmd", "slot_count"] == "1"
    assert found["month", "", "site"] == "'+site"
    assert found["month", "", "cost_eur"] == ""
    assert found["month", "", "plan_mae_kw"] == ""


def paper() -> ReportPaper:
    return ReportPaper(
        operator_name="Guadeloupe", site_name="Île <1>", month=date(2026, 3, 1),
        computed_at=datetime(2026, 3, 11, 4, 45, tzinfo=UTC), is_final=False,
        figures=reported(small_day()),
    )  # fmt: skip


def text_of(content: bytes) -> str:
    pages = PdfReader(BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).replace("\u00a0", " ").split())


def test_pdf_reads_as_the_page_does() -> None:
    content = report_pdf(paper(), language="en")
    text = text_of(content)

    assert content.startswith(b"%PDF-")
    for part in (
        "Energy report", "Île <1>", "March 2026", "so far, until 11 March 2026, 00:30",
        "Drawn from the grid 6.0 kWh", "Cost of the energy 0.65 €", "Own sun used 80.0 %",
        "Highest quarter hour drawn 12.0 kW 11 March 2026, 00:00", "Perfect foresight",
        "No control", "1 measured quarter hour has no price and is not in the cost.",
        "computed 11 March 2026, 00:45", "Tue 10 March 0.05 €",
    ):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("language", ["fr", "en", "es"])
def test_pdf_is_tagged_in_its_language_with_its_fonts_inside(language: str) -> None:
    reader = PdfReader(BytesIO(report_pdf(paper(), language=language)))

    assert reader.trailer["/Root"]["/Lang"] == language
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    embedded = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        for font in fonts
    ]
    assert embedded
    assert all("/FontFile2" in one or "/FontFile3" in one for one in embedded)


def test_the_paper_asks_for_nothing_from_outside() -> None:
    html = report_html(paper(), language="fr")

    assert "http" not in html
    assert "Île &lt;1&gt;" in html
    assert "0,65" in html
