"""A report survives its JSON column."""

import json
from decimal import Decimal

from apps.flexibility.reporting.baselines import CaseName
from apps.flexibility.reporting.month import DeviceGap
from apps.flexibility.reporting.stored import figures_of
from tests.flexibility.reporting.months import month, reported, slot, small_day


def test_a_report_comes_back_as_it_was_kept() -> None:
    kept = reported(small_day()).as_json()

    back = figures_of(json.loads(json.dumps(kept)))

    assert back is not None
    assert back.as_json() == kept
    assert back.month.cost_eur == Decimal("0.6500")
    assert back.month.peak == reported(small_day()).month.peak
    assert back.comparison.saving_eur(CaseName.NO_CONTROL) is not None
    assert back.month.days[0].day.isoformat() == "2026-03-10"


def test_money_is_text() -> None:
    kept = reported(small_day()).as_json()

    assert kept["month"]["cost_eur"] == "0.6500"
    assert kept["feed_in_margin_eur_per_mwh"] == "10.0000"
    assert isinstance(kept["comparison"]["cases"][0]["cost_eur"], str)


def test_a_report_of_nothing_comes_back_too() -> None:
    nothing = reported(month(slot(0, pv_kw=None), gaps=(DeviceGap("pv-1", "PV 1", 1),)))

    back = figures_of(json.loads(json.dumps(nothing.as_json())))

    assert back == nothing


def test_another_shape_is_no_report() -> None:
    assert figures_of({}) is None
    assert figures_of({**reported(small_day()).as_json(), "version": 0}) is None
