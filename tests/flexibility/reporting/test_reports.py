"""Computing and keeping reports: once, by one, until they are final."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.assets.models import Device, RollupDue, Sensor, Site
from apps.assets.services import ReadingRow, readings_store
from apps.flexibility.models import EnergyReport
from apps.flexibility.reporting.baselines import CaseName
from apps.flexibility.selectors.reports import report_of, reports_page
from apps.flexibility.services import reports
from apps.flexibility.services.reports import report_compute, reports_refresh
from apps.markets.choices import SeriesKind
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.reporting.measured import (
    device_make,
    measure,
    quarter_hours,
    series_make,
    site_make,
)

D = Decimal
MARCH = date(2026, 3, 1)
START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
END = datetime(2026, 4, 1, 4, 0, tzinfo=UTC)
SOON = START + timedelta(hours=1, minutes=2)


@pytest.fixture
def site(operator_a: Operator) -> Site:
    """A PV plant and a battery over one hour, and prices."""
    return site_measured()


def site_measured(code: str = "island") -> Site:
    made = site_make(code)
    pv, bat = device_make(made, f"pv-{code}", "pv"), device_make(made, f"bat-{code}", "battery")
    measure(pv, quarter_hours(START, [0.0, -40.0, 0.0, 0.0]))
    measure(bat, quarter_hours(START, [40.0, 0.0, -32.0, 0.0]))
    measure(bat, quarter_hours(START, [50.0, 58.0, 50.0, 50.0]), "soc_percent")
    series_make(
        SeriesKind.PRICE,
        {START + n * QUARTER_HOUR: D(price) for n, price in enumerate((60, 60, 200, 200))},
    )
    return made


def test_a_report_is_computed_and_kept(site: Site) -> None:
    row = report_compute(site_id=site.pk, month=MARCH, now=SOON)

    assert row is not None
    assert (row.month, row.computed_at, row.is_final, row.lease_until) == (MARCH, SOON, False, None)
    told = report_of(site.pk, MARCH)
    assert told is not None
    # 10 kWh x 0.06 - 10 kWh x (0.06 - 0.01) - 8 kWh x (0.20 - 0.01)
    assert told.figures.month.cost_eur == D("-1.4200")
    assert told.figures.is_so_far
    assert told.figures.end == START + timedelta(hours=1)
    # Idle: - 10 kWh x 0.05. The battery ended as full as it began.
    assert told.figures.comparison.saving_eur(CaseName.NO_CONTROL) == D("0.9200")
    assert [case.name for case in told.figures.comparison.cases] == list(CaseName)


def test_the_same_month_again_is_the_same_row(site: Site) -> None:
    first = report_compute(site_id=site.pk, month=MARCH, now=SOON)
    again = report_compute(site_id=site.pk, month=MARCH.replace(day=17), now=SOON)

    assert EnergyReport.objects.count() == 1
    assert first is not None
    assert again is not None
    assert first.figures == again.figures


def test_who_comes_second_leaves_it_to_the_first(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[EnergyReport | None] = []
    figures = reports.report_figures

    def meanwhile(**asked: object) -> object:
        seconds.append(report_compute(site_id=site.pk, month=MARCH, now=SOON))
        return figures(**asked)  # type: ignore[arg-type]

    monkeypatch.setattr(reports, "report_figures", meanwhile)

    first = report_compute(site_id=site.pk, month=MARCH, now=SOON)

    assert first is not None
    assert seconds == [None]


def test_one_that_was_killed_is_followed_after_its_lease(site: Site) -> None:
    EnergyReport.objects.create(
        site=site, month=MARCH, computed_at=SOON, lease_until=SOON + timedelta(minutes=5)
    )

    assert report_compute(site_id=site.pk, month=MARCH, now=SOON) is None
    later = report_compute(site_id=site.pk, month=MARCH, now=SOON + timedelta(minutes=5))

    assert later is not None
    assert later.lease_until is None


def test_a_late_one_does_not_overwrite_who_took_over(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = reports.report_figures
    after = SOON + timedelta(minutes=16)

    def held(**asked: object) -> object:
        told = figures(**asked)  # type: ignore[arg-type]
        if asked["now"] == SOON:
            assert report_compute(site_id=site.pk, month=MARCH, now=after) is not None
        return told

    monkeypatch.setattr(reports, "report_figures", held)

    assert report_compute(site_id=site.pk, month=MARCH, now=SOON) is None
    assert EnergyReport.objects.get().computed_at == after


def test_a_failure_gives_the_lease_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_asked: object) -> object:
        raise RuntimeError("no")

    monkeypatch.setattr(reports, "report_figures", fail)

    with pytest.raises(RuntimeError):
        report_compute(site_id=site.pk, month=MARCH, now=SOON)

    assert EnergyReport.objects.get().lease_until is None
    # Nothing was computed yet, and nothing is shown.
    assert report_of(site.pk, MARCH) is None
    assert reports_page().total == 0


def test_a_report_is_final_three_days_after_its_month(site: Site) -> None:
    just_before = report_compute(
        site_id=site.pk, month=MARCH, now=END + timedelta(days=3) - timedelta(seconds=1)
    )
    assert just_before is not None
    assert not just_before.is_final
    at_last = report_compute(site_id=site.pk, month=MARCH, now=END + timedelta(days=3))
    assert at_last is not None
    assert at_last.is_final

    late_reading(site)
    again = report_compute(site_id=site.pk, month=MARCH, now=END + timedelta(days=9))

    assert again is not None
    assert again.computed_at == END + timedelta(days=3)
    assert again.figures == at_last.figures


def test_readings_that_wait_to_be_rolled_up_keep_a_report_open(site: Site) -> None:
    late_reading(site)
    assert RollupDue.objects.exists()

    row = report_compute(site_id=site.pk, month=MARCH, now=END + timedelta(days=4))

    assert row is not None
    assert not row.is_final


def test_a_final_report_of_another_shape_is_computed_again(site: Site) -> None:
    EnergyReport.objects.create(
        site=site, month=MARCH, computed_at=END, is_final=True, figures={"version": 0}
    )

    row = report_compute(site_id=site.pk, month=MARCH, now=END + timedelta(days=4))

    assert row is not None
    assert row.computed_at == END + timedelta(days=4)


def test_a_month_without_any_measurement_has_no_report(site: Site) -> None:
    april = date(2026, 4, 1)

    assert report_compute(site_id=site.pk, month=april, now=END + timedelta(days=1)) is None
    assert not EnergyReport.objects.exists()


def test_a_month_to_come_is_refused(site: Site) -> None:
    with pytest.raises(DomainError) as refused:
        report_compute(site_id=site.pk, month=date(2026, 4, 1), now=SOON)

    assert refused.value.code == "report.month"
    assert not EnergyReport.objects.exists()


def test_refresh_computes_this_month_and_the_past_one_of_every_site(site: Site) -> None:
    second = site_make("second")
    measure(device_make(second, "pv-s", "pv"), {END + QUARTER_HOUR: -4.0})
    site_make("without-devices")

    kept = reports_refresh(now=END + timedelta(hours=2))

    assert kept == 2
    assert set(EnergyReport.objects.values_list("site_id", "month")) == {
        (site.pk, MARCH), (second.pk, date(2026, 4, 1)),
    }  # fmt: skip


def test_a_site_that_fails_leaves_the_others_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    second = site_make("second")
    measure(device_make(second, "pv-s", "pv"), {START: -4.0})
    figures = reports.report_figures

    def fail_first(**asked: object) -> object:
        if asked["site_id"] == site.pk:
            raise RuntimeError("no")
        return figures(**asked)  # type: ignore[arg-type]

    monkeypatch.setattr(reports, "report_figures", fail_first)

    assert reports_refresh(now=SOON) == 1
    assert EnergyReport.objects.exclude(figures={}).get().site_id == second.pk
    assert f"report failed site={site.pk}" in caplog.text


def test_reports_are_listed_newest_first_in_pages(site: Site) -> None:
    second = site_make("second")
    told = report_compute(site_id=site.pk, month=MARCH, now=SOON)
    assert told is not None
    for month in (date(2026, 1, 1), date(2026, 2, 1)):
        EnergyReport.objects.create(
            site=second, month=month, computed_at=SOON, figures=told.figures, is_final=True
        )

    page = reports_page(page_size=2)

    assert [(one.site_code, one.month) for one in page.reports] == [
        ("island", MARCH), ("second", date(2026, 2, 1)),
    ]  # fmt: skip
    assert (page.total, page.page, page.pages) == (3, 1, 2)
    assert [one.month for one in reports_page(page=9, page_size=2).reports] == [date(2026, 1, 1)]
    assert reports_page(site_id=second.pk).total == 2


def test_reports_of_another_operator_are_not_there(site: Site, operator_b: Operator) -> None:
    report_compute(site_id=site.pk, month=MARCH, now=SOON)

    with operator_context(operator_b.schema_name):
        other = site_measured()
        assert reports_page().total == 0
        assert report_of(other.pk, MARCH) is None
        assert reports_refresh(now=SOON) == 1

    assert reports_page().total == 1


def late_reading(site: Site) -> None:
    sensor = Sensor.objects.get(
        device=Device.objects.get(site=site, kind="pv"), quantity="power_kw", channel=""
    )
    readings_store([ReadingRow(sensor.pk, START + timedelta(hours=9), -1.0)])
