"""The PDF: archive and accessibility marks, embedded fonts, and the XML inside as it was made."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from facturx import get_facturx_xml_from_pdf
from lxml import etree
from pypdf import PdfReader
from pypdf.generic import DictionaryObject
from weasyprint.urls import FatalURLFetchingError

from apps.billing.documents.facturx import checked_xml, facturx_pdf
from apps.billing.documents.papers import (
    ReceiptPaper,
    ReminderPaper,
    ReminderRow,
    SettlementPaper,
    SettlementRow,
)
from apps.billing.documents.rendering import Paper, paper_html, paper_pdf
from cariflex.common.errors import DomainError
from tests.billing.documents import samples

D = Decimal
RDF = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfuaid": "http://www.aiim.org/pdfua/ns/id/",
    "fx": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
    "pdfaSchema": "http://www.aiim.org/pdfa/ns/schema#",
}


def settlement() -> SettlementPaper:
    return SettlementPaper(
        issuer=samples.SELLER, partner=samples.PARTNER, partner_code="DE-VLT", language="en",
        month=date(2026, 3, 1), is_payable=True, is_draft=False, currency="EUR", cdr_count=3,
        energy_kwh=D("61.5"), net=D("24.60"), tax=D("2.09"), hub_fee=D("0.50"), total=D("27.19"),
        rows=(
            SettlementRow(date(2026, 3, 2), 2, D("41.0"), D("16.40")),
            SettlementRow(date(2026, 3, 9), 1, D("20.5"), D("8.20")),
        ),
    )  # fmt: skip


def receipt() -> ReceiptPaper:
    return ReceiptPaper(
        issuer=samples.SELLER, language="es", time_zone="America/Guadeloupe",
        reference="GP-CFG-20260310-1a2b3c4d", issued_at=datetime(2026, 3, 10, 13, 1, tzinfo=UTC),
        station="Marina 1", place="Pointe-à-Pitre", evse="1",
        started_at=datetime(2026, 3, 10, 12, 0, tzinfo=UTC),
        ended_at=datetime(2026, 3, 10, 13, 0, tzinfo=UTC), energy_kwh=D("9.00055"),
        currency="EUR", net=D("2.71"), taxes=(replace(samples.standard().taxes[0],
        basis=D("2.71"), amount=D("0.23")),), gross=D("2.94"), paid_by="card 4242",
    )  # fmt: skip


def reminder() -> ReminderPaper:
    row = ReminderRow(
        "F-2026-000042", date(2026, 4, 2), date(2026, 5, 2), D("133.98"), D("133.98"), 12
    )
    return ReminderPaper(
        seller=samples.SELLER, buyer=samples.COMPANY, language="fr", made_on=date(2026, 5, 14),
        level=1, currency="EUR", subject="Rappel", text="Bonjour,\n\nmerci de régler <vite>.",
        rows=(row,), fee=D("0.00"), total=D("133.98"),
    )  # fmt: skip


PAPERS: dict[str, Callable[[], Paper]] = {
    "invoice": samples.standard,
    "settlement": settlement,
    "receipt": receipt,
    "reminder": reminder,
}


def fonts_of(reader: PdfReader) -> list[DictionaryObject]:
    found = []
    for page in reader.pages:
        for reference in page["/Resources"]["/Font"].values():  # type: ignore[index]
            font = reference.get_object()
            found += [each.get_object() for each in font.get("/DescendantFonts", [font])]
    return found


def xmp(reader: PdfReader) -> etree._Element:
    stream = reader.trailer["/Root"]["/Metadata"]  # type: ignore[index]
    return etree.fromstring(stream.get_data())


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_is_marked_for_archives_and_for_readers_aloud(name: str) -> None:
    paper = PAPERS[name]()

    reader = PdfReader(BytesIO(paper_pdf(paper)))

    root = reader.trailer["/Root"]
    assert root["/Lang"] == paper.language
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert reader.metadata is not None
    assert reader.metadata.title
    kept = xmp(reader)
    assert len(kept.findall("rdf:RDF", RDF)) == 1
    assert kept.xpath("//@pdfaid:part", namespaces=RDF) == ["3"]
    assert kept.xpath("//@pdfaid:conformance", namespaces=RDF) == ["A"]
    assert kept.xpath("//@pdfuaid:part", namespaces=RDF) == ["1"]


def test_all_fonts_are_the_shipped_ones_and_embedded() -> None:
    polish = replace(samples.standard(), buyer=replace(samples.COMPANY, name="Łódź Taxi Şirketi"))

    fonts = fonts_of(PdfReader(BytesIO(paper_pdf(polish))))

    assert fonts
    for font in fonts:
        descriptor = font["/FontDescriptor"]
        assert "Inter" in str(descriptor["/FontName"])
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_the_xml_inside_is_the_one_that_was_made() -> None:
    paper = samples.standard()
    xml = checked_xml(paper)

    pdf = facturx_pdf(paper, xml)

    name, inside = get_facturx_xml_from_pdf(BytesIO(pdf))
    assert name == "factur-x.xml"
    assert inside == xml
    reader = PdfReader(BytesIO(pdf))
    (attached,) = reader.trailer["/Root"]["/AF"]
    assert attached["/AFRelationship"] == "/Data"
    assert attached["/EF"]["/F"]["/Subtype"] == "/text/xml"
    kept = xmp(reader)
    assert kept.findtext(".//fx:ConformanceLevel", None, RDF) == "EN 16931"
    assert kept.findtext(".//fx:DocumentFileName", None, RDF) == "factur-x.xml"
    prefixes = {node.text for node in kept.iterfind(".//pdfaSchema:prefix", RDF)}
    assert prefixes == {"fx", "pdfuaid"}


def test_what_stands_on_the_page_is_what_the_paper_says() -> None:
    page = PdfReader(BytesIO(paper_pdf(samples.standard()))).pages[0].extract_text()

    words = " ".join(page.split())
    for said in ("F-2026-000042", "124,36", "9,30", "0,32", "133,98 EUR", "312,4568", "2 avril"):
        assert said in words
    assert "Taxis Karukéra & Fils <SARL>" in words


@pytest.mark.parametrize(
    ("language", "said"),
    [("fr", "1\u202f234,50"), ("en", "1,234.50"), ("es", "1\u202f234,50")],
)
def test_figures_are_written_as_the_language_has_them(language: str, said: str) -> None:
    paper = replace(samples.standard(), language=language, gross=D("1234.50"))

    html = paper_html(paper)

    assert f'<html lang="{language}">' in html
    assert said in html.replace("\u00a0", "\u202f")


def test_a_draft_says_so_and_has_no_number() -> None:
    draft = replace(samples.standard(), reference="", issued_on=None, due_on=None)

    html = paper_html(draft)

    assert 'class="number draft"' in html
    assert "F-2026" not in html


def test_a_customers_text_is_never_markup() -> None:
    evil = replace(samples.COMPANY, name='<img src="http://evil.example/x.png">')

    html = paper_html(replace(samples.standard(), buyer=evil))

    assert "<img" not in html


def test_a_paper_fetches_nothing() -> None:
    weasy = importlib.import_module("apps.billing.documents.weasy")
    fetcher = weasy.OwnFontsOnly()

    for address in ("http://evil.example/x", "file:///etc/passwd", "font:../vendor.json", "font:x"):
        with pytest.raises(FatalURLFetchingError, match="papers fetch nothing"):
            fetcher.fetch(address)
    assert fetcher.fetch("font:inter-latin-400-normal.woff2").read(4) == b"\x00\x01\x00\x00"


def test_without_pango_the_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoPango:
        def find_spec(self, name: str, *_more: object) -> None:
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.delitem(sys.modules, "apps.billing.documents.weasy", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoPango(), *sys.meta_path])

    with pytest.raises(DomainError) as refused:
        paper_pdf(samples.standard())

    assert refused.value.code == "documents.renderer_missing"
    assert "libpangoft2" in refused.value.message
