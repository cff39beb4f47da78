"""What holds for any tariff and any session, and for what two sides make of the same meter.

Each property runs on some tens of random pairs in the ordinary run, on thousands when slow.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.billing.rating import Rating, Tariff, rate, session_parse, tariff_parse
from apps.billing.rating.cutting import CutSession, periods_cut
from apps.billing.rating.model import ChargingPeriod, SessionCharged
from tests.billing.rating import reference
from tests.billing.rating.strategies import Case, Metered, cases, metered
from tests.billing.rating.wire import cdr_read, cdr_text, period_dump, session_dump

# Quotients that do not end are cut at 12 decimals (decimals.PLACES), each line by itself.
NEAR = Fraction(1, 10**9)
# What two sides may differ by (OCPI writes money with four decimals).
SECOND = timedelta(seconds=1)
AGREED = Decimal("0.0001")

some = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    # A pair that fails is printed as it is: to make it smaller takes minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
many = settings(some, max_examples=10_000)


def rated(case: Case) -> Rating:
    tariff, _ = tariff_parse(case.tariff, case.version)
    session, _ = session_parse(case.session)
    return rate(tariff, session)


def is_near(one: Decimal, other: Fraction) -> bool:
    return abs(Fraction(one) - other) <= NEAR


def agrees_with_the_reference(case: Case) -> None:
    rating = rated(case)

    expected = reference.price(case.tariff, case.session)

    lines = {(line.element, line.component): line for line in rating.lines if line.unit != ""}
    bounds = [line for line in rating.lines if line.element is None]
    for line in expected.lines:
        if not line.volume:
            continue
        found = lines.pop((line.element, line.component))
        assert found.dimension == line.dimension
        assert Fraction(found.volume) == line.volume
        assert is_near(found.billed_volume, line.billed_volume)
        assert is_near(found.excl_vat, line.excl_vat)
        assert is_near(found.incl_vat, line.incl_vat)
    assert all(element is None for element, _ in lines), "lines that the text does not have"
    assert is_near(rating.total_cost.excl_vat, expected.excl_vat)
    assert is_near(rating.total_cost.incl_vat, expected.incl_vat)
    is_bounded = (expected.sum_excl_vat, expected.sum_incl_vat) != (
        expected.excl_vat,
        expected.incl_vat,
    )
    assert bool(bounds) == is_bounded


def adds_up(case: Case) -> None:
    rating = rated(case)

    cost = rating.total_cost
    assert sum(line.excl_vat for line in rating.lines) == cost.excl_vat
    assert sum(line.incl_vat for line in rating.lines) == cost.incl_vat
    assert sum(tax.amount for tax in rating.taxes) == cost.incl_vat - cost.excl_vat
    own = [line for line in rating.lines if line.element is not None]
    assert sum(one.excl_vat for one in rating.dimensions.values()) == sum(
        line.excl_vat for line in own
    )
    for line in own:
        # Every tax line is its rate of its base, to the 12 decimals of a quotient.
        due = Fraction(line.excl_vat) * Fraction(line.vat_percent or 0) / 100
        assert is_near(line.incl_vat - line.excl_vat, due)


def keeps_its_bounds(case: Case) -> None:
    tariff, _ = tariff_parse(case.tariff, case.version)

    cost = rated(case).total_cost

    for bound, is_within in (
        (tariff.min_price, lambda amount, limit: amount >= limit),
        (tariff.max_price, lambda amount, limit: amount <= limit),
    ):
        if bound is not None:
            assert is_within(cost.excl_vat, bound.excl_vat)
            if bound.incl_vat is not None:
                assert is_within(cost.incl_vat, bound.incl_vat)
    assert cost.incl_vat >= cost.excl_vat >= 0


def cut_of(case: Metered) -> tuple[Tariff, CutSession]:
    tariff, _ = tariff_parse(case.tariff, case.version)
    cut = periods_cut(
        case.samples,
        tariff,
        case.start,
        case.end,
        case.time_zone,
        reserved_from=case.reserved_from,
    )
    return tariff, cut


def both_sides_agree(case: Metered) -> None:
    """The operator cuts and prices; the partner prices what it reads in the CDR."""
    tariff, cut = cut_of(case)
    ours = rate(tariff, cut.session)

    text = cdr_text(cut, case.tariff, ours.total_cost)
    theirs = rate(tariff, cdr_read(text, case.time_zone))
    text_says = reference.price(case.tariff, session_dump(cut.session))

    assert abs(theirs.total_cost.excl_vat - ours.total_cost.excl_vat) <= AGREED
    assert abs(theirs.total_cost.incl_vat - ours.total_cost.incl_vat) <= AGREED
    # Nothing is lost on the way, so it is not only near.
    assert theirs.total_cost == ours.total_cost
    assert is_near(ours.total_cost.incl_vat, text_says.incl_vat)
    spans = [note for note in ours.notes if note.code == "period.spans_price_change"]
    assert spans == []


def periods_fill_the_session(case: Metered) -> None:
    _, cut = cut_of(case)

    periods = cut.charging_periods
    starts = [period.start_date_time for period in periods]
    assert starts == sorted(starts)
    assert starts[0] == cut.session.start_date_time
    assert sum(period.energy_kwh or 0 for period in periods) == cut.energy_kwh
    assert all((period.energy_kwh or 0) >= 0 for period in periods)
    ends = [*starts[1:], cut.session.end_date_time]
    for period, end in zip(periods, ends, strict=True):
        hours = period.time_h or period.parking_time_h or period.reservation_time_h or Decimal(0)
        lasted_s = (end - period.start_date_time).total_seconds()
        assert 0 <= Fraction(int(lasted_s), 3600) - Fraction(hours) < Fraction(1, 10**9)


def nothing_changes_within_a_period(case: Metered, rng: Random) -> None:
    """Cut at every moment that matters, as the text sees it: by the clock of any second of a
    period the same components apply as at its start, and no threshold lies within it.
    """
    _, cut = cut_of(case)
    zone = ZoneInfo(case.time_zone)
    rules = [one.get("restrictions") or {} for one in case.tariff["elements"]]
    begin = next(
        (one.start_date_time for one in cut.charging_periods if not one.reservation_time_h),
        cut.session.end_date_time,
    )
    energy = Decimal(0)

    def applies(period: ChargingPeriod, at: datetime) -> list[tuple[int, int] | None]:
        origin = cut.session.start_date_time if period.reservation_time_h else begin
        moment = reference.Moment(
            at.astimezone(zone),
            Fraction(energy),
            Fraction((at - origin) // SECOND),
            period_dump(period),
        )
        kinds: tuple[str | None, ...] = (None,)
        dimensions = ["FLAT", "ENERGY", "PARKING_TIME" if period.time_h is None else "TIME"]
        if period.reservation_time_h:
            kinds, dimensions = ("RESERVATION",), ["FLAT", "TIME"]
        return [reference.component_at(case.tariff, one, kinds, moment) for one in dimensions]

    for period, lasts_s in spans(cut.session):
        used = period.energy_kwh or Decimal(0)
        for second in (lasts_s - 1, *(lasts_s * rng.randint(0, 99) // 100 for _ in range(4))):
            at = period.start_date_time + max(second, 0) * SECOND
            assert applies(period, at) == applies(period, period.start_date_time)
        for name, low, high in (
            ("kwh", energy, energy + used),
            ("power", period.min_power_kw, period.max_power_kw),
            ("current", period.min_current_a, period.max_current_a),
        ):
            edges = [
                one[end] for one in rules for end in (f"min_{name}", f"max_{name}") if end in one
            ]
            if low is not None and high is not None:
                assert not [edge for edge in edges if low < edge < high]
                # At its end an energy may be reached, but no power be met within.
                assert name == "kwh" or high not in edges or low == high
        energy += used


def splitting_changes_nothing(case: Metered, rng: Random) -> None:
    """Rating is additive over periods under these conditions, and only then:

    * no other component applies from within the period on (so cut sessions are split here: their
      periods hold no change of price by construction);
    * the parts' volumes add up to the period's (in proportion to their time here; any other
      division that crosses no energy threshold does as well), each part keeps its power and
      current;
    * step sizes round once per session, never per period, which the sum of the parts does not
      change. The component used last stays the last one used.
    """
    tariff, cut = cut_of(case)
    session = cut.session
    whole = rate(tariff, session)

    parts = tuple(part for period in spans(session) for part in split(*period, rng.randint(0, 99)))
    split_up = rate(tariff, replace(session, charging_periods=parts))

    assert split_up.total_cost == whole.total_cost
    assert split_up.dimensions == whole.dimensions
    assert [
        (line.element, line.component, line.billed_volume, line.incl_vat) for line in split_up.lines
    ] == [(line.element, line.component, line.billed_volume, line.incl_vat) for line in whole.lines]


def spans(session: SessionCharged) -> list[tuple[ChargingPeriod, int]]:
    """The periods with the seconds they last."""
    periods = session.charging_periods
    ends = [*(one.start_date_time for one in periods[1:]), session.end_date_time]
    return [
        (period, int((end - period.start_date_time).total_seconds()))
        for period, end in zip(periods, ends, strict=True)
    ]


def split(period: ChargingPeriod, lasts_s: int, percent: int) -> list[ChargingPeriod]:
    """Two parts of a period, the first of so many percent of its seconds."""
    first_s = lasts_s * percent // 100
    if not 0 < first_s < lasts_s:
        return [period]
    volumes = ("energy_kwh", "time_h", "parking_time_h", "reservation_time_h")
    first = {
        name: portion(value, first_s, lasts_s)
        for name in volumes
        if (value := getattr(period, name)) is not None
    }
    rest = {name: getattr(period, name) - value for name, value in first.items()}
    later = period.start_date_time + timedelta(seconds=first_s)
    return [replace(period, **first), replace(period, start_date_time=later, **rest)]


def portion(volume: Decimal, first_s: int, lasts_s: int) -> Decimal:
    """The share of a volume, with the 12 decimals that the engine takes."""
    return (volume * first_s / lasts_s).quantize(Decimal(1).scaleb(-12), ROUND_DOWN)


@some
@given(cases())
def test_the_engine_prices_as_the_text_says(case: Case) -> None:
    agrees_with_the_reference(case)


@some
@given(cases())
def test_total_is_the_sum_of_lines_and_taxes_are_the_difference(case: Case) -> None:
    adds_up(case)


@some
@given(cases())
def test_bounds_of_the_price_hold(case: Case) -> None:
    keeps_its_bounds(case)


@some
@given(metered())
def test_operator_and_partner_agree(case: Metered) -> None:
    both_sides_agree(case)
    periods_fill_the_session(case)


@some
@given(metered(), st.randoms(use_true_random=True))
def test_split_periods_cost_the_same(case: Metered, rng: Random) -> None:
    splitting_changes_nothing(case, rng)


@some
@given(metered(), st.randoms(use_true_random=True))
def test_periods_are_cut_wherever_the_price_changes(case: Metered, rng: Random) -> None:
    nothing_changes_within_a_period(case, rng)


@pytest.mark.slow
@many
@given(cases())
def test_ten_thousand_pairs(case: Case) -> None:
    agrees_with_the_reference(case)
    adds_up(case)
    keeps_its_bounds(case)


@pytest.mark.slow
@many
@given(metered(), st.randoms(use_true_random=True))
def test_ten_thousand_metered_pairs(case: Metered, rng: Random) -> None:
    both_sides_agree(case)
    periods_fill_the_session(case)
    splitting_changes_nothing(case, rng)
    nothing_changes_within_a_period(case, rng)
