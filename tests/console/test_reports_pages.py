"""Energy reports as pages: the list of months, a month with its files, computing one now."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO

import pytest
from django.test import Client
from pypdf import PdfReader

from apps.accounts.roles import Role
from apps.assets.models import Site
from apps.console.views import reports as views
from apps.flexibility.models import EnergyReport
from apps.flexibility.services.reports import report_compute
from apps.markets.choices import SeriesKind
from apps.tenants.context import operator_context
from tests.flexibility.reporting.measured import (
    device_make,
    measure,
    quarter_hours,
    series_make,
    site_make,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
PAGE = "/reports/"
MARCH = date(2026, 3, 1)
START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
SOON = START + timedelta(hours=1, minutes=2)


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    monkeypatch.setattr(views, "utc_now", lambda: now)


@pytest.fixture
def here(operator_a: object) -> Iterator[None]:
    with operator_context("guadeloupe"):
        yield


@pytest.fixture
def site(here: None) -> Site:
    """An hour with sun, a battery that bought at 60 and sold at 200 EUR/MWh, and a gap."""
    made = site_make()
    pv, bat = device_make(made, "pv-1", "pv"), device_make(made, "bat-1", "battery")
    measure(pv, quarter_hours(START, [0.0, -40.0, 0.0]))
    measure(bat, quarter_hours(START, [40.0, 0.0, -32.0, 0.0]))
    measure(bat, quarter_hours(START, [50.0, 58.0, 50.0, 50.0]), "soc_percent")
    pv.stage = "in_service"
    pv.save(update_fields=["stage"])
    prices = enumerate((60, 60, 200, 200))
    series_make(
        SeriesKind.PRICE, {START + n * timedelta(minutes=15): Decimal(p) for n, p in prices}
    )
    assert report_compute(site_id=made.pk, month=MARCH, now=SOON)
    return made


def page_of(site: Site, key: str = "2026-03") -> str:
    return f"{PAGE}{site.pk}/{key}/"


def text_of(client: Client, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return reply.content.decode().replace("\xa0", " ")


def part(text: str, mark: str, end: str = "</tr>") -> str:
    return text.split(mark)[1].split(end)[0]


def test_the_list_tells_what_a_month_came_to(site: Site, signed_in: SignIn) -> None:
    text = text_of(signed_in("guadeloupe"), PAGE)

    row = part(text, 'data-report="island 2026-03"')
    # 10 kWh x 0.06 - 10 kWh x 0.05 - 8 kWh x 0.19; idle - 10 kWh x 0.05.
    for words in ("March 2026", "So far", "−1.42 €", "0.92 € saved", "10.0 kWh", "75.0 %",
                  "with gaps"):  # fmt: skip
        assert words in row, words
    assert page_of(site) in row
    assert re.search(r'href="/reports/"[^>]* aria-current="page"', text)


def test_a_month_tells_its_figures_savings_days_and_gaps(site: Site, signed_in: SignIn) -> None:
    text = text_of(signed_in("guadeloupe"), page_of(site))

    assert "so far, until 1 March 2026, 01:00" in text
    assert "−1.42 €" in part(text, 'data-figure="cost_eur"', "</section>")
    assert "0.92 € saved" in part(text, 'data-figure="saving"', "</section>")
    assert "10.0 kWh" in part(text, '<div data-figure="import_kwh"', "</div>")
    assert "0.1" in part(text, 'data-figure="cycles bat-1"', "</div>")
    assert "PV-1 was not measured in 1 quarter hour." in text
    for key in ("actual", "no_control", "rules", "foresight"):
        assert f'class="report-bar-{key}"' in part(text, f'data-case="{key}"')
    day = part(text, 'data-day="2026-03-01"')
    assert "Sun 1 March" in day
    assert "−1.42 €" in day
    chart = json.loads(part(text, '<script id="days-data" type="application/json">', "</script>"))
    assert chart["times_s"] == [1772337600, 1772337600 + 86399]
    assert chart["cost_eur"] == [-1.42, -1.42]
    assert chart["pv_kwh"] == [10.0, 10.0]
    assert chart["gaps"] == []


def test_no_style_and_no_script_stands_in_the_page(site: Site, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    for path in (PAGE, page_of(site)):
        text = text_of(client, path)
        assert " style=" not in text
        assert "<style" not in text
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
        assert not re.search(r'(src|href)="(https?:)?//', text)


@pytest.mark.parametrize(("language", "cost"), [("fr", "−1,42 €"), ("es", "−1,42 €")])
def test_pages_speak_the_readers_language(
    site: Site, signed_in: SignIn, language: str, cost: str
) -> None:
    client = signed_in("guadeloupe")

    reply = client.get(page_of(site), headers={"accept-language": language})

    assert cost in reply.content.decode().replace("\xa0", " ")


def test_the_pdf_reads_as_the_page(site: Site, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").get(f"{page_of(site)}report.pdf")

    assert reply["Content-Type"] == "application/pdf"
    assert reply["Content-Disposition"] == 'attachment; filename="report-island-2026-03.pdf"'
    text = " ".join(
        page.extract_text() for page in PdfReader(BytesIO(reply.content)).pages
    ).replace("\xa0", " ")
    for words in ("Energy report", "March 2026", "−1.42 €", "0.92 € saved"):
        assert words in text


def test_without_a_renderer_the_page_says_so(
    site: Site, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("apps.flexibility.reporting.document.importlib.import_module", missing)

    reply = signed_in("guadeloupe").get(f"{page_of(site)}report.pdf", follow=True)

    assert "PDF files cannot be made on this server: Pango is missing." in reply.content.decode()
    assert reply.redirect_chain[-1][0] == page_of(site)


def test_the_csv_is_parsed(site: Site, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").get(f"{page_of(site)}report.csv")

    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    rows = {tuple(row[:3]): row[3] for row in csv.reader(StringIO(reply.content.decode()))}
    assert rows["month", "", "cost_eur"] == "-1.42"
    assert rows["gap", "pv-1", "slot_count"] == "1"


def test_a_month_that_is_not_there_is_not_found(site: Site, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")

    for key in ("2026-02", "2026-13", "202603", "march"):
        for file in ("", "report.pdf", "report.csv"):
            assert client.get(f"{page_of(site, key)}{file}").status_code == 404
    assert client.get(f"{PAGE}{site.pk + 99}/2026-03/").status_code == 404


def test_a_month_is_computed_on_request(
    site: Site, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(views.report_compute, "enqueue", lambda *args: asked.append(args))
    client = signed_in("guadeloupe")

    reply = client.post(f"{PAGE}compute", {"site": site.pk, "month": "2026-02"}, follow=True)

    assert asked == [(site.pk, "2026-02-01")]
    assert "The report is being computed; it is here in a moment." in reply.content.decode()


@pytest.mark.parametrize(
    ("month", "words"),
    [("2026-12", "This month has not begun."), ("", "Choose a site"), ("x", "Choose a site")],
)
def test_a_month_that_cannot_be_is_refused(
    site: Site, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, month: str, words: str
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(views.report_compute, "enqueue", lambda *args: asked.append(args))

    reply = signed_in("guadeloupe").post(
        f"{PAGE}compute", {"site": site.pk, "month": month}, follow=True
    )

    assert words in reply.content.decode()
    assert asked == []


def test_who_may_look_and_who_may_compute(site: Site, signed_in: SignIn) -> None:
    analyst = signed_in("guadeloupe", Role.ANALYST)
    assert "/reports/compute" not in text_of(analyst, PAGE)
    assert "/reports/compute" not in text_of(analyst, page_of(site))
    assert analyst.post(f"{PAGE}compute", {"site": site.pk, "month": "2026-03"}).status_code == 403

    clerk = signed_in("guadeloupe", Role.BILLING)
    for path in (PAGE, page_of(site), f"{page_of(site)}report.csv", f"{page_of(site)}report.pdf"):
        assert clerk.get(path).status_code == 403


def test_another_operator_sees_nothing_of_it(site: Site, signed_in: SignIn) -> None:
    client = signed_in("martinique")

    assert "data-report=" not in text_of(client, PAGE)
    for file in ("", "report.pdf", "report.csv"):
        assert client.get(f"{page_of(site)}{file}").status_code == 404


def test_a_final_month_is_not_computed_again(site: Site, signed_in: SignIn) -> None:
    EnergyReport.objects.update(is_final=True)

    text = text_of(signed_in("guadeloupe"), page_of(site))

    assert "Final" in text
    assert "Compute again" not in text


def test_the_list_has_pages_and_keeps_its_budget(
    site: Site, signed_in: SignIn, queries_at_most: Budget
) -> None:
    figures = EnergyReport.objects.get().figures
    EnergyReport.objects.bulk_create(
        EnergyReport(site=site, month=date(year, month, 1), computed_at=SOON, figures=figures)
        for year in (2023, 2024) for month in range(1, 13)
    )  # fmt: skip
    client = signed_in("guadeloupe")
    client.get(PAGE)

    # Session, user, permissions (2), role, count, reports, sites.
    with queries_at_most(8):
        text = text_of(client, PAGE)

    assert text.count("data-report=") == 24
    assert "25 reports, page 1 of 2" in text
    assert text_of(client, f"{PAGE}?page=2").count("data-report=") == 1


def test_neighbouring_months_are_linked(site: Site, signed_in: SignIn) -> None:
    figures = EnergyReport.objects.get().figures
    EnergyReport.objects.create(
        site=site, month=date(2026, 2, 1), computed_at=SOON, figures=figures
    )
    client = signed_in("guadeloupe")

    assert f'rel="prev" href="{page_of(site, "2026-02")}"' in text_of(client, page_of(site))
    february = text_of(client, page_of(site, "2026-02"))
    assert f'rel="next" href="{page_of(site)}"' in february
    assert 'rel="prev"' not in february
