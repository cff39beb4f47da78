"""What is odd about a session, and the ends of the scale: priced and told, or refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.billing.rating import (
    ChargingPeriod,
    RatingProblem,
    SessionCharged,
    rate,
    tariff_parse,
)
from tests.billing.rating.examples import (
    ISLAND,
    NIGHT,
    Json,
    Stretch,
    billed,
    charging,
    codes,
    component,
    priced,
    session,
    tariff,
    two,
)


def test_a_period_over_a_change_is_priced_as_at_its_start_and_told() -> None:
    rating = priced(NIGHT, session(charging(120, "10"), start="2026-03-02T21:00", zone=ISLAND))

    assert rating["total_cost"]["excl_vat"] == "3.00"
    [note] = rating["notes"]
    assert note["code"] == "period.spans_price_change"
    assert note["where"] == "session.charging_periods[0]"
    assert "2026-03-02 22:00" in note["text"]


@pytest.mark.parametrize(
    ("restriction", "stretch"),
    [
        ({"max_kwh": 5}, charging(60, "10")),
        ({"max_duration": 600}, charging(60, "10")),
        ({"max_power": 16}, charging(60, "10", MIN_POWER="4", MAX_POWER="30")),
        ({"max_current": 32}, charging(60, "10", MIN_CURRENT="4", MAX_CURRENT="40")),
        ({"end_date": "2019-02-05"}, charging(24 * 60, "10")),
        ({"day_of_week": ["MONDAY"]}, charging(24 * 60, "10")),
    ],
)
def test_every_kind_of_change_within_a_period_is_told(restriction: Json, stretch: Stretch) -> None:
    content = two(component("ENERGY", "1"), component("ENERGY", "2"), **restriction)

    assert "period.spans_price_change" in codes(priced(content, session(stretch)))


def test_a_period_that_ends_at_a_change_does_not_span_it() -> None:
    cut = session(charging(60, "10"), charging(60, "10"), start="2026-03-02T21:00", zone=ISLAND)

    rating = priced(NIGHT, cut)

    assert rating["total_cost"]["excl_vat"] == "4.00"
    assert codes(rating) == []


def test_a_change_of_the_clock() -> None:
    """29 March 2026, Paris: 02:00 is 03:00. Ten hours of UTC, eleven on the clock."""
    content = two(
        component("TIME", "1"), component("TIME", "2"), start_time="22:00", end_time="06:00"
    )
    charged = session(charging(7 * 60), charging(60), start="2026-03-28T22:00", zone="Europe/Paris")

    rating = priced(content, charged)

    assert billed(rating, "TIME") == [("7", "7.00", "7.00"), ("1", "2.00", "2.00")]
    assert codes(rating) == []


def test_periods_out_of_order_are_put_in_order() -> None:
    content = two(component("ENERGY", "0.20"), component("ENERGY", "0.40"), max_kwh=10)
    charged = session(charging(30, "10"), charging(30, "5"))
    charged["charging_periods"].reverse()

    rating = priced(content, charged)

    assert rating["total_cost"]["excl_vat"] == "4.00"
    assert codes(rating) == ["periods.out_of_order"]


def test_periods_outside_the_session_are_priced_and_told() -> None:
    charged = session(charging(30, "10"), charging(30, "5"), start="2019-02-04T09:30")
    charged["start_date_time"] = "2019-02-04T08:45:00Z"
    charged["end_date_time"] = "2019-02-04T08:50:00Z"

    rating = priced(tariff([component("ENERGY", "1")]), charged)

    assert rating["total_cost"]["excl_vat"] == "15.00"
    assert codes(rating)[:2] == ["period.before_start", "period.after_end"]


def test_a_session_of_400_days_at_once() -> None:
    rating = priced(
        NIGHT, session(Stretch(400 * 1440, {"ENERGY": "9999", "TIME": 9600}), zone=ISLAND)
    )

    assert rating["total_cost"]["excl_vat"] == "2999.70"
    assert codes(rating) == ["period.spans_price_change"]


def test_zero_energy_pays_its_fee() -> None:
    rating = priced(
        tariff([component("FLAT", "0.5"), component("ENERGY", "1", 1000)]),
        session(charging(0, "0")),
    )

    assert rating["total_cost"]["excl_vat"] == "0.50"
    assert rating["dimensions"]["ENERGY"]["billed_volume"] == "0"


def test_nine_decimals_are_priced_exactly() -> None:
    rating = priced(
        tariff([component("ENERGY", "0.1234", 0, "8.5")]), session(charging(60, "12.345678901"))
    )

    # 12.345678901 x 0.1234, x 1.085
    assert rating["total_cost"] == {"excl_vat": "1.5234567763834", "incl_vat": "1.652950602375989"}


def test_a_negative_volume_is_refused() -> None:
    with pytest.raises(RatingProblem, match="negative") as caught:
        priced(tariff([component("ENERGY", "1")]), session(charging(60, "-1")))

    assert caught.value.field == "session.charging_periods[0].dimensions[1].volume"


def test_the_engine_itself_refuses_what_no_parser_looked_at() -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    read, _ = tariff_parse(tariff([component("ENERGY", "1")]))
    negative = SessionCharged(start, start, (ChargingPeriod(start, energy_kwh=Decimal(-1)),))
    backwards = SessionCharged(start, start - timedelta(1), (ChargingPeriod(start),))

    for charged, code in (
        (negative, "volume.negative"),
        (backwards, "session.ends_before_start"),
        (SessionCharged(start, start, ()), "field.empty"),
    ):
        with pytest.raises(RatingProblem) as caught:
            rate(read, charged)
        assert caught.value.code == code


def test_a_tariff_with_local_times_needs_a_time_zone() -> None:
    charged = session(charging(60, "1"))
    del charged["time_zone"]

    with pytest.raises(RatingProblem) as caught:
        priced(NIGHT, charged)

    assert (caught.value.code, caught.value.field) == ("time_zone.missing", "time_zone")
    assert priced(tariff([component("ENERGY", "1")]), charged)["notes"] == []


def test_time_that_is_missing_or_does_not_fit_is_told() -> None:
    missing = priced(tariff([component("TIME", "1")]), session(Stretch(60, {"ENERGY": "1"})))
    long = priced(tariff([component("TIME", "1")]), session(Stretch(30, {"TIME": "1"})))

    assert codes(missing) == ["period.time_missing"]
    assert codes(long) == ["period.longer_than_it_lasts"]
    assert long["total_cost"]["excl_vat"] == "1.00"


def test_periods_of_another_tariff_are_left_to_it() -> None:
    charged = session(charging(30, "10"), charging(30, "5"))
    charged["charging_periods"][0]["tariff_id"] = "t1"
    charged["charging_periods"][1]["tariff_id"] = "T2"
    strange = session(charging(30, "10"))
    strange["charging_periods"][0]["tariff_id"] = "T3"
    content = tariff([component("ENERGY", "1")])

    assert priced(content, charged)["total_cost"]["excl_vat"] == "10.00"
    assert codes(priced(content, charged)) == ["period.other_tariff"]
    assert priced(content, strange)["total_cost"]["excl_vat"] == "10.00"
    assert codes(priced(content, strange)) == ["tariff.not_named"]


def test_a_tariff_out_of_its_time_and_another_currency_are_told() -> None:
    content = tariff([component("ENERGY", "1")])
    later = content | {"start_date_time": "2030-01-01T00:00:00Z"}
    over = content | {"end_date_time": "2010-01-01T00:00:00Z"}
    charged = session(charging(60, "1"), currency="USD")

    assert codes(priced(later, charged)) == ["currency.differs", "tariff.not_yet_valid"]
    assert codes(priced(over, charged)) == ["currency.differs", "tariff.no_longer_valid"]


def test_more_periods_never_change_a_price() -> None:
    content = tariff(
        [component("ENERGY", "0.3333", 100, "8.5"), component("TIME", "1.1", 7, "2.1")]
    )
    whole = priced(content, session(charging(60, "9.999")))
    parts = priced(content, session(*[charging(6, "0.9999") for _ in range(10)]))

    assert parts["total_cost"] == whole["total_cost"]
    assert parts["lines"] == whole["lines"]
