"""What a plan is told to expect."""

from datetime import timedelta

from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.models import ForecastChoice
from apps.flexibility.selectors.forecasts import Expected, expected
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.conftest import Island
from tests.flexibility.forecasting.scene import NOW, SLOT, forecast_put

PRICE = ForecastQuantity.PRICE
PERSISTENCE, WEEKDAY = ForecastMethod.PERSISTENCE, ForecastMethod.WEEKDAY
FLEXMEASURES = ForecastMethod.FLEXMEASURES


def ask(island: Island, *, slots: int = 3, later: timedelta = timedelta(0)) -> Expected:
    return expected(
        site_id=island.site.pk,
        quantity=PRICE,
        start=SLOT,
        end=SLOT + slots * QUARTER_HOUR,
        now=NOW + later,
    )


def test_chosen_method_leads_and_gaps_are_filled(island: Island) -> None:
    forecast_put(island.site, PERSISTENCE, [1.0, None])
    forecast_put(island.site, WEEKDAY, [2.0, 2.0])
    ForecastChoice.objects.create(site=island.site, quantity=PRICE, method=PERSISTENCE, since=NOW)

    found = ask(island)

    assert (found.method, found.made_at, found.start) == (PERSISTENCE, SLOT, SLOT)
    assert found.p50 == (1.0, 2.0, None)
    assert found.p10 == found.p90 == (None, None, None)


def test_nothing_known_is_nothing_expected(island: Island) -> None:
    assert ask(island) == Expected(SLOT, None, None, *[(None, None, None)] * 3)


def test_forecast_made_later_is_not_known_yet(island: Island) -> None:
    forecast_put(island.site, WEEKDAY, [1.0] * 3)
    forecast_put(island.site, WEEKDAY, [9.0] * 3, made_at=SLOT + QUARTER_HOUR)

    assert ask(island).p50 == (1.0, 1.0, 1.0)
    assert ask(island, later=QUARTER_HOUR).p50 == (1.0, 9.0, 9.0)[:0] + (None, 9.0, 9.0)


def test_without_a_choice_the_order_of_trust_holds(island: Island) -> None:
    for number, method in enumerate((PERSISTENCE, WEEKDAY, FLEXMEASURES)):
        forecast_put(island.site, method, [float(number)] * 3)

    assert ask(island).method == FLEXMEASURES


def test_old_forecast_of_the_chosen_method_gives_way(island: Island) -> None:
    old = SLOT - timedelta(hours=13)
    forecast_put(island.site, FLEXMEASURES, [7.0] * 192, made_at=old)
    forecast_put(island.site, PERSISTENCE, [1.0])
    ForecastChoice.objects.create(site=island.site, quantity=PRICE, method=FLEXMEASURES, since=old)

    found = ask(island)

    assert found.method == PERSISTENCE
    assert found.p50 == (1.0, 7.0, 7.0)


def test_range_within_quarter_hours_takes_them_whole(island: Island) -> None:
    forecast_put(island.site, WEEKDAY, [1.0, 2.0, 3.0])

    found = expected(
        site_id=island.site.pk,
        quantity=PRICE,
        start=SLOT + timedelta(minutes=7),
        end=SLOT + timedelta(minutes=16),
        now=NOW,
    )

    assert (found.start, found.p50) == (SLOT, (1.0, 2.0))


def test_two_queries(island: Island, django_assert_num_queries: object) -> None:
    for method in (PERSISTENCE, WEEKDAY, FLEXMEASURES):
        forecast_put(island.site, method, [1.0] * 3)

    with django_assert_num_queries(4):  # type: ignore[operator]  # each with its SET search_path
        ask(island)
