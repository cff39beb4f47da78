"""The island price: each part by hand, and what holds whatever the figures are."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.choices import BaseSource, Quality
from apps.markets.island.base import BaseInputs, Known, Reason, ReasonCode
from apps.markets.island.calendar import TouSlot
from apps.markets.island.cost_profile import cost_profile
from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import DayRules, DayType, DayWindow
from apps.markets.island.merit_order import MarginalSlot
from apps.markets.island.price import PriceInputs, PriceRules, PriceSlot, island_price
from apps.markets.island.scarcity import Alert, PeakWindow

ZONE = ZoneInfo("America/Guadeloupe")
DAYS = DayRules("GP")
QUARTER = timedelta(minutes=15)
# Tuesday 10 March 2026, noon and 19:00 in Guadeloupe (UTC-4).
NOON = datetime(2026, 3, 10, 16, tzinfo=UTC)
EVENING = datetime(2026, 3, 10, 23, tzinfo=UTC)
PEAK = PeakWindow("Evening peak", DayWindow(19 * 60, 22 * 60), Decimal("45.00"))


def rules(**fields: Any) -> PriceRules:
    return PriceRules(ZONE, DAYS, **fields)


def known(value: str, quality: Quality = Quality.ACTUAL) -> Known:
    return Known(Decimal(value), quality)


def base_inputs(**fields: Any) -> BaseInputs:
    empty: dict[str, Any] = {"marginal": {}, "costs": {}, "profile": None, "tou": {}}
    return BaseInputs(**{**empty, **fields})


def price(
    at: datetime,
    declared: PriceRules,
    *,
    cost: Known | None = None,
    intensity: Known | None = None,
    pv_mw: Known | None = None,
    alerts: tuple[Alert, ...] = (),
    base: BaseInputs | None = None,
) -> PriceSlot:
    def one(value: Known | None) -> Mapping[datetime, Known]:
        return {} if value is None else {at: value}

    inputs = PriceInputs(
        base=base or base_inputs(costs=one(cost or known("200"))),
        intensity=one(intensity),
        pv_mw=one(pv_mw),
        alerts=alerts,
    )
    return island_price([at], rules=declared, inputs=inputs).slots[0]


def test_the_evening_has_base_carbon_and_peak() -> None:
    slot = price(
        EVENING,
        rules(carbon_price_eur_per_tonne=Decimal("72.50"), peaks=(PEAK,)),
        cost=known("318.456"),
        intensity=known("612.34", Quality.ESTIMATED),
    )

    # 72.50 x 612.34 / 1000 = 44.39465 -> 44.39; 318.456 -> 318.46; the adder is 45.
    assert (slot.base, slot.carbon) == (Decimal("318.46"), Decimal("44.39"))
    assert (slot.scarcity, slot.curtailment) == (Decimal("45.00"), Decimal("0.00"))
    # 318.46 + 44.39 + 45.00 = 407.85
    assert slot.total == Decimal("407.85")
    assert slot.base_source == BaseSource.PRODUCTION_COST
    assert slot.tried == (BaseSource.MERIT_ORDER, BaseSource.PRODUCTION_COST)
    assert slot.reasons == (
        Reason(ReasonCode.PRODUCTION_COST),
        Reason(ReasonCode.CARBON, "612.34 g/kWh"),
        Reason(ReasonCode.PEAK, "Evening peak"),
    )
    assert slot.quality == Quality.ESTIMATED


@pytest.mark.parametrize(
    ("value", "cents"), [("0.005", "0.01"), ("0.004999", "0.00"), ("-0.005", "-0.01")]
)
def test_halves_go_up(value: str, cents: str) -> None:
    assert price(NOON, rules(), cost=known(value)).base == Decimal(cents)


@pytest.mark.parametrize(
    ("floor", "discount", "codes"),
    [
        (None, "-60.00", [ReasonCode.PV]),
        ("-10", "-60.00", [ReasonCode.PV]),
        # 50 before: the discount stops 20 above nothing, or is left out, and says so.
        ("20", "-30.00", [ReasonCode.PV, ReasonCode.CUT_AT_FLOOR]),
        ("20.001", "-29.99", [ReasonCode.PV, ReasonCode.CUT_AT_FLOOR]),
        ("50", "0.00", [ReasonCode.PV, ReasonCode.CUT_AT_FLOOR]),
        ("80", "0.00", [ReasonCode.PV, ReasonCode.CUT_AT_FLOOR]),
    ],
)
def test_the_discount_stops_at_the_floor(
    floor: str | None, discount: str, codes: list[ReasonCode]
) -> None:
    slot = price(
        NOON,
        rules(
            pv_threshold_mw=Decimal(40),
            curtailment_discount_eur_per_mwh=Decimal(60),
            floor_eur_per_mwh=None if floor is None else Decimal(floor),
        ),
        cost=known("50"),
        pv_mw=known("40.5", Quality.FORECAST),
    )

    assert slot.curtailment == Decimal(discount)
    assert [reason.code for reason in slot.reasons[1:]] == codes
    assert slot.reasons[1].subject == "40.5 MW"
    assert slot.quality == Quality.FORECAST


def test_sun_at_the_threshold_gives_no_discount() -> None:
    declared = rules(pv_threshold_mw=Decimal(40), curtailment_discount_eur_per_mwh=Decimal(60))

    assert price(NOON, declared, pv_mw=known("40")).curtailment == Decimal("0.00")


def test_what_is_not_known_counts_as_none_and_says_so() -> None:
    slot = price(
        NOON,
        rules(
            carbon_price_eur_per_tonne=Decimal(70),
            pv_threshold_mw=Decimal(40),
            curtailment_discount_eur_per_mwh=Decimal(60),
        ),
    )

    assert slot.total == Decimal("200.00")
    assert [reason.code for reason in slot.reasons] == [
        ReasonCode.PRODUCTION_COST,
        ReasonCode.CARBON_UNKNOWN,
        ReasonCode.PV_UNKNOWN,
    ]
    assert slot.quality == Quality.FALLBACK


@pytest.mark.parametrize(
    ("adder", "scarcity", "reason"),
    [
        ("44.99", "45.00", Reason(ReasonCode.PEAK, "Evening peak")),
        ("45.00", "45.00", Reason(ReasonCode.ALERT, "Unit tripped")),
        ("120", "120.00", Reason(ReasonCode.ALERT, "Unit tripped")),
    ],
)
def test_the_greatest_adder_counts(adder: str, scarcity: str, reason: Reason) -> None:
    alert = Alert("Unit tripped", EVENING, EVENING + QUARTER, Decimal(adder))

    slot = price(EVENING, rules(peaks=(PEAK,)), alerts=(alert,))

    assert slot.scarcity == Decimal(scarcity)
    assert slot.reasons[-1] == reason


@pytest.mark.parametrize(
    ("start_min", "end_min", "hits"),
    [(0, 15, True), (-15, 0, False), (15, 30, False), (14, 200, True), (-60, 1, True)],
)
def test_an_alert_counts_in_each_quarter_hour_that_it_touches(
    start_min: int, end_min: int, hits: bool
) -> None:
    alert = Alert(
        "A",
        NOON + timedelta(minutes=start_min),
        NOON + timedelta(minutes=end_min),
        Decimal(10),
    )

    assert (price(NOON, rules(), alerts=(alert,)).scarcity == Decimal("10.00")) is hits


def test_a_peak_has_day_types_validity_and_may_run_over_midnight() -> None:
    night = PeakWindow(
        "Night",
        DayWindow(23 * 60, 60),
        Decimal(5),
        day_types=frozenset({DayType.WORKING}),
        valid_from=date(2026, 3, 10),
        valid_to=date(2026, 3, 11),
    )

    def adder(day: int, hour: int, minute: int = 0) -> Decimal:
        at = datetime(2026, 3, day, hour, minute, tzinfo=ZONE).astimezone(UTC)
        return price(at, rules(peaks=(night,))).scarcity

    # Both ends belong to the 10th: its first hour and its last.
    assert adder(10, 0) == adder(10, 0, 45) == adder(10, 23) == Decimal("5.00")
    assert adder(10, 1) == adder(10, 22, 45) == adder(11, 0) == adder(9, 23) == Decimal("0.00")
    weekend = PeakWindow("W", DayWindow(0, 1440), Decimal(5), frozenset({DayType.SUNDAY}))
    assert price(NOON, rules(peaks=(weekend,))).scarcity == Decimal("0.00")
    assert price(NOON + timedelta(days=5), rules(peaks=(weekend,))).scarcity == Decimal("5.00")


def test_the_chain_asks_in_its_order_and_shows_what_it_asked() -> None:
    marginal = MarginalSlot(NOON, Decimal(318), "TAC", Decimal(13))
    tou = TouSlot(NOON, Decimal(150), "HP", "year", DayType.WORKING)
    profile = cost_profile([(NOON - timedelta(days=7), Decimal(170))] * 3, zone=ZONE, days=DAYS)
    full = {
        "marginal": {NOON: (marginal, Quality.FORECAST)},
        "costs": {NOON: known("180")},
        "profile": profile,
        "tou": {NOON: tou},
    }

    def asked(**fields: Any) -> PriceSlot:
        return price(NOON, rules(), base=base_inputs(**fields))

    first = asked(**full)
    assert (first.base, first.base_source) == (Decimal("318.00"), BaseSource.MERIT_ORDER)
    assert first.reasons == (Reason(ReasonCode.SHORTAGE, "TAC: 13 MW"),)
    assert first.quality == Quality.FORECAST
    assert asked(**{**full, "marginal": {}}).base == Decimal("180.00")
    usual = asked(**{**full, "marginal": {}, "costs": {}})
    assert (usual.base, usual.quality) == (Decimal("170.00"), Quality.ESTIMATED)
    last = asked(tou={NOON: tou})
    assert (last.base, last.reasons) == (Decimal("150.00"), (Reason(ReasonCode.TOU, "HP"),))
    assert last.tried == tuple(BaseSource)
    own = price(
        NOON, rules(chain=(BaseSource.TOU, BaseSource.MERIT_ORDER)), base=base_inputs(**full)
    )
    assert (own.base, own.tried) == (Decimal("150.00"), (BaseSource.TOU,))


@pytest.mark.parametrize(
    ("slot", "reason"),
    [
        (
            MarginalSlot(NOON, Decimal(162), "Jarry Nord", Decimal(0)),
            Reason(ReasonCode.MERIT_ORDER, "Jarry Nord"),
        ),
        (MarginalSlot(NOON, Decimal(0), None, Decimal(0)), Reason(ReasonCode.MUST_RUN)),
    ],
)
def test_a_merit_order_names_its_unit(slot: MarginalSlot, reason: Reason) -> None:
    base = base_inputs(marginal={NOON: (slot, Quality.ACTUAL)})

    assert price(NOON, rules(), base=base).reasons == (reason,)


def test_a_slot_whose_base_nothing_knows_is_named_and_not_priced() -> None:
    inputs = PriceInputs(base_inputs(costs={NOON: known("1")}), {}, {})

    found = island_price([NOON, NOON + QUARTER], rules=rules(), inputs=inputs)

    assert [slot.start for slot in found.slots] == [NOON]
    assert found.missing == (NOON + QUARTER,)


def test_the_usual_cost_is_the_mean_of_the_hour_and_type_of_day() -> None:
    # Four quarter hours of a Monday noon: (100 + 110 + 120 + 131) / 4 = 115.25; three of a Sunday
    # noon at 61: any day (461 + 183) / 7 = 92; two of Saturday noon are too few for their own.
    monday, saturday, sunday = (NOON + timedelta(days=days) for days in (-1, -3, -2))
    costs = [
        *((monday + n * QUARTER, Decimal(value)) for n, value in enumerate((100, 110, 120, 131))),
        *((sunday + n * QUARTER, Decimal(61)) for n in range(3)),
    ]
    profile = cost_profile(costs, zone=ZONE, days=DAYS)

    assert profile.cost_at(NOON) == Decimal("115.25")
    assert profile.cost_at(sunday + timedelta(days=7)) == Decimal("61.00")
    assert profile.cost_at(saturday) == Decimal("92.00")
    assert profile.cost_at(EVENING) is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"carbon_price_eur_per_tonne": Decimal(-1)},
            "carbon_price_eur_per_tonne: -1 is not a number of 0 or more",
        ),
        (
            {"curtailment_discount_eur_per_mwh": Decimal("NaN")},
            "curtailment_discount_eur_per_mwh: NaN is not a number of 0 or more",
        ),
        (
            {"floor_eur_per_mwh": Decimal("-Infinity")},
            "floor_eur_per_mwh: -Infinity is not a number",
        ),
        ({"chain": ()}, "chain: names no source"),
        ({"chain": (BaseSource.TOU, BaseSource.TOU)}, "chain: names a source twice"),
    ],
)
def test_rules_that_cannot_be_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(IslandError) as refused:
        rules(**fields)

    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Alert("A", NOON, NOON, Decimal(1)), "end: is not after start"),
        (
            lambda: Alert("A", NOON.replace(tzinfo=None), NOON, Decimal(1)),
            "start: has no time zone",
        ),
        (
            lambda: Alert("A", NOON, EVENING, Decimal(-1)),
            "adder_eur_per_mwh: -1 is not between 0 and 99999",
        ),
        (
            lambda: PeakWindow("P", DayWindow(60, 60), Decimal(1)),
            "window.end: is the start; a whole day is written 00:00 to 24:00",
        ),
        (
            lambda: PeakWindow("P", DayWindow(0, 60), Decimal(1), frozenset()),
            "day_types: has no day type",
        ),
        (
            lambda: PeakWindow(
                "P",
                DayWindow(0, 60),
                Decimal(1),
                valid_from=date(2026, 1, 1),
                valid_to=date(2026, 1, 1),
            ),
            "valid_to: is not after valid_from",
        ),
    ],
)
def test_windows_and_alerts_that_cannot_be_are_refused(make: Any, said: str) -> None:
    with pytest.raises(IslandError) as refused:
        make()

    assert str(refused.value) == said


money = st.decimals(min_value=-500, max_value=5000, places=5, allow_nan=False, allow_infinity=False)
amount = st.decimals(min_value=0, max_value=2000, places=5, allow_nan=False, allow_infinity=False)


@given(
    cost=money,
    carbon_price=amount,
    grams=amount,
    discount=amount,
    floor=st.none() | money,
    pv_mw=amount,
    peak=amount,
    alert=st.none() | amount,
)
def test_whatever_the_figures_the_sum_is_exact_and_the_floor_holds(
    cost: Decimal,
    carbon_price: Decimal,
    grams: Decimal,
    discount: Decimal,
    floor: Decimal | None,
    pv_mw: Decimal,
    peak: Decimal,
    alert: Decimal | None,
) -> None:
    declared = rules(
        carbon_price_eur_per_tonne=carbon_price,
        floor_eur_per_mwh=floor,
        pv_threshold_mw=Decimal(1000),
        curtailment_discount_eur_per_mwh=discount,
        peaks=(PeakWindow("P", DayWindow(0, 1440), peak),),
    )
    alerts = () if alert is None else (Alert("A", NOON, EVENING, alert),)

    slot = price(
        NOON,
        declared,
        cost=Known(cost, Quality.ACTUAL),
        intensity=Known(grams, Quality.ACTUAL),
        pv_mw=Known(pv_mw, Quality.ACTUAL),
        alerts=alerts,
    )

    parts = (slot.base, slot.carbon, slot.scarcity, slot.curtailment)
    assert all(part.as_tuple().exponent == -2 for part in (*parts, slot.total))
    assert slot.total == sum(parts)
    assert abs(slot.base - cost) <= Decimal("0.005")
    assert slot.carbon >= 0
    assert slot.scarcity == max(peak, alert or Decimal(0)).quantize(
        Decimal("0.01"), "ROUND_HALF_UP"
    )
    assert -discount - Decimal("0.005") <= slot.curtailment <= 0
    assert floor is None or slot.total >= floor or slot.curtailment == 0
    assert slot.curtailment == 0 or pv_mw > 1000
    was_cut = any(reason.code == ReasonCode.CUT_AT_FLOOR for reason in slot.reasons)
    assert not was_cut or floor is not None


@given(first=money, second=money)
def test_a_dearer_base_never_makes_a_cheaper_slot(first: Decimal, second: Decimal) -> None:
    declared = rules(
        floor_eur_per_mwh=Decimal(40),
        pv_threshold_mw=Decimal(10),
        curtailment_discount_eur_per_mwh=Decimal(60),
    )
    low, high = sorted((first, second))

    totals = [
        price(NOON, declared, cost=Known(cost, Quality.ACTUAL), pv_mw=known("20")).total
        for cost in (low, high)
    ]

    assert totals[0] <= totals[1]
