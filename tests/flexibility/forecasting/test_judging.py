"""The nightly look back: skill rows, the method used, and what is deleted."""

from datetime import timedelta

import pytest

from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.models import Forecast, ForecastChoice, ForecastSkill
from apps.flexibility.services.forecasts import forecasts_prune, skills_update
from apps.markets.choices import SeriesKind
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.flexibility.conftest import Island, island_make
from tests.flexibility.forecasting.scene import DAY, NOW, SLOT, forecast_put, publish

PRICE = ForecastQuantity.PRICE
PERSISTENCE, WEEKDAY = ForecastMethod.PERSISTENCE, ForecastMethod.WEEKDAY


@pytest.fixture
def judged(island: Island) -> None:
    """Prices of 100 for three days; persistence said 110, the weekday 98, twice."""
    publish(SeriesKind.PRICE, lambda _slot: 100.0, start=SLOT - 3 * DAY, end=SLOT)
    for days in (3, 2):
        for method, value in ((PERSISTENCE, 110.0), (WEEKDAY, 98.0)):
            forecast_put(island.site, method, [value] * 192, made_at=SLOT - days * DAY)


@pytest.mark.usefixtures("judged")
def test_error_and_bias_by_horizon(island: Island) -> None:
    assert skills_update(now=NOW) == 1

    rows = ForecastSkill.objects.filter(method=PERSISTENCE).order_by("horizon_from_h")
    # Of each of the two forecasts 4, 20, 72 and 95 slots: the first of 192 starts with it.
    assert list(
        rows.values_list("horizon_from_h", "horizon_to_h", "slot_count", "mae", "bias", "rmse")
    ) == [
        (0, 1, 8, 10.0, 10.0, 10.0),
        (1, 6, 40, 10.0, 10.0, 10.0),
        (6, 24, 144, 10.0, 10.0, 10.0),
        (24, 48, 190, 10.0, 10.0, 10.0),
    ]
    assert ForecastSkill.objects.get(method=WEEKDAY, horizon_from_h=6).bias == -2.0
    choice = ForecastChoice.objects.get(quantity=PRICE)
    assert (choice.method, choice.mae, choice.baseline_mae) == (WEEKDAY, 2.0, 10.0)
    assert choice.since == NOW


@pytest.mark.usefixtures("judged")
def test_nightly_twice_is_one_night(island: Island) -> None:
    skills_update(now=NOW)
    before = list(ForecastSkill.objects.order_by("pk").values())

    assert skills_update(now=NOW + timedelta(hours=2)) == 0
    assert list(ForecastSkill.objects.order_by("pk").values()) == before
    assert skills_update(now=NOW + DAY) == 1
    assert ForecastSkill.objects.count() == len(before)
    assert ForecastChoice.objects.get(quantity=PRICE).since == NOW


def test_too_little_evidence_keeps_the_baseline(island: Island) -> None:
    publish(SeriesKind.PRICE, lambda _slot: 100.0, start=SLOT - DAY, end=SLOT)
    for method in (PERSISTENCE, WEEKDAY):
        forecast_put(island.site, method, [90.0] * 192, made_at=SLOT - DAY)

    skills_update(now=NOW)

    choice = ForecastChoice.objects.get(quantity=PRICE)
    assert (choice.method, choice.mae, choice.baseline_mae) == (PERSISTENCE, None, None)


@pytest.mark.usefixtures("judged")
def test_skill_of_what_is_no_longer_made_goes_away(island: Island) -> None:
    skills_update(now=NOW)
    Forecast.objects.filter(method=WEEKDAY).delete()

    skills_update(now=NOW + DAY)

    assert not ForecastSkill.objects.filter(method=WEEKDAY).exists()
    assert ForecastChoice.objects.get(quantity=PRICE).method == PERSISTENCE


def test_forecasts_are_kept_for_sixty_days(island: Island) -> None:
    for days in (60, 61):
        forecast_put(island.site, PERSISTENCE, [1.0], made_at=NOW - days * DAY)

    assert forecasts_prune(now=NOW) == 1
    assert Forecast.objects.get().made_at == NOW - 60 * DAY


@pytest.mark.usefixtures("judged")
def test_operators_are_judged_apart(operator_b: Operator) -> None:
    with operator_context("martinique"):
        island_make()
        assert skills_update(now=NOW) == 0
        assert not ForecastSkill.objects.exists()
    assert skills_update(now=NOW) == 1
