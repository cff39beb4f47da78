"""The forecast of plants in storage: sources, age, totals, isolation, queries."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from apps.markets import subscribers
from apps.markets.choices import DocumentStatus, Feed, Quality, SeriesKind
from apps.markets.events import SeriesChanged
from apps.markets.feeds.open_meteo import open_meteo_read
from apps.markets.feeds.solcast import radiation_forecast_read
from apps.markets.models import PvPlant, Series, SeriesValue
from apps.markets.pv.fallback import DEFAULT_PERSISTENCE
from apps.markets.pv.grouping import CELLS_PER_DEGREE
from apps.markets.pv.model import clear_sky_production, production, sky_over, weather_starts
from apps.markets.pv.plant import PvArray
from apps.markets.pv.production import ProductionSlot, quarter_starts
from apps.markets.selectors.pv import (
    TOTAL_AREA,
    ForecastPoint,
    pv_forecast,
    pv_plants,
    pv_skill,
    rooftop_request,
    weather_request,
)
from apps.markets.services.pv.forecast import pv_forecast_compute
from apps.markets.services.pv.plants import pv_plant_save, pv_plants_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.contracts.solcast_fake import SITE
from tests.markets.pv.world import (
    CELL,
    DAY,
    HOUR,
    LATITUDE,
    LONGITUDE,
    MIDNIGHT,
    NOON,
    QUARTER,
    access,
    cells_apart,
    document,
    measured,
    meteo_france_weather,
    open_meteo_weather,
    pv_device,
    queries_counted,
    solcast_power,
    solcast_weather,
)

END = NOON + 48 * HOUR
FIXED_QUERIES = 7
QUERIES_A_SERIES = 6
pytestmark = pytest.mark.usefixtures("operator_a")


def forecast(code: str = "pv-1", as_of: datetime | None = None) -> list[ForecastPoint]:
    return pv_forecast(codes=[code], start=NOON, end=END, as_of=as_of)[code]


def origins(points: list[ForecastPoint]) -> Counter[str]:
    return Counter(point.origin for point in points)


def kw(power_kw: float) -> Decimal:
    return Decimal(f"{power_kw:.3f}")


def clear_sky(starts: tuple[datetime, ...]) -> list[ProductionSlot]:
    (row,) = pv_plants()
    assert row.model is not None
    sky = sky_over(CELL.latitude, CELL.longitude, starts)
    return list(clear_sky_production(row.model, starts, sky=sky))


def test_solcast_first_then_open_meteo_then_the_clear_sky() -> None:
    pv_device()
    document(Feed.SOLCAST, solcast_weather(hours=6))
    document(Feed.OPEN_METEO, open_meteo_weather())

    done = pv_forecast_compute(now=NOON)

    points = forecast()
    assert [point.start for point in points] == [NOON + n * QUARTER for n in range(192)]
    # Solcast 12:00 to 18:00; Open-Meteo to 23:45, where its last stamp ends; 47 of 192 slots.
    assert origins(points) == {"solcast": 24, "open_meteo": 23, "clear_sky": 145}
    assert [p.origin for p in points] == ["solcast"] * 24 + ["open_meteo"] * 23 + [
        "clear_sky"
    ] * 145
    assert {p.quality for p in points[:47]} == {Quality.FORECAST}
    assert {p.quality for p in points[47:]} == {Quality.FALLBACK}
    assert all(p.p10_kw is not None and p.p90_kw is not None for p in points[:24])
    assert all(p.p10_kw is None and p.p90_kw is None for p in points[24:])
    # A plant and the total of one plant: 2 x (192 P50 + 24 P10 + 24 P90).
    assert (done.plants, done.left_out, done.values_new) == (1, (), 480)


def test_each_part_is_what_the_model_makes_of_its_weather() -> None:
    pv_device()
    document(Feed.SOLCAST, solcast_weather(hours=6))
    document(Feed.OPEN_METEO, open_meteo_weather())

    pv_forecast_compute(now=NOON)

    (row,) = pv_plants()
    assert row.model is not None
    made: list[ProductionSlot] = []
    for weather in (
        radiation_forecast_read(solcast_weather(hours=6)),
        open_meteo_read(open_meteo_weather()).weather,
    ):
        sky = sky_over(CELL.latitude, CELL.longitude, weather_starts(weather))
        made += production(row.model, weather, sky=sky)
    at = NOON + 2 * HOUR
    solcast = next(slot for slot in made[:24] if slot.start == at)
    point = forecast()[8]
    assert (point.start, point.origin) == (at, "solcast")
    assert solcast.p10_kw is not None
    assert solcast.p90_kw is not None
    assert (point.p10_kw, point.p50_kw, point.p90_kw) == (
        kw(solcast.p10_kw), kw(solcast.p50_kw), kw(solcast.p90_kw),
    )  # fmt: skip
    # 100 kWp at 600 W/m2 global, 700 direct: between a third and all of its rated power.
    assert 33 < point.p50_kw < 100
    open_meteo = next(slot for slot in made[24:] if slot.start == NOON + 7 * HOUR)
    assert forecast()[28].p50_kw == kw(open_meteo.p50_kw)


def test_a_registered_site_takes_the_power_that_the_platform_gives() -> None:
    pv_plant_save(device=pv_device(), arrays=[PvArray(15, 180, 5)], solcast_resource_id=SITE)
    document(Feed.SOLCAST, solcast_weather(hours=6))
    document(Feed.SOLCAST, solcast_power(hours=4), request=rooftop_request(SITE))

    pv_forecast_compute(now=NOON)

    points = forecast()
    # The half hours from 12:00 to 16:00 are 16 quarter hours; the cell's radiation is not mixed in.
    assert origins(points) == {"solcast": 16, "clear_sky": 176}
    assert {(p.p10_kw, p.p50_kw, p.p90_kw) for p in points[:16]} == {
        (Decimal("1.10000"), Decimal("3.20000"), Decimal("4.00000"))
    }


def test_meteo_france_stands_in_where_open_meteo_has_nothing() -> None:
    pv_device()
    document(Feed.OPEN_METEO, open_meteo_weather())
    document(Feed.METEO_FRANCE, meteo_france_weather(run=NOON - 6 * HOUR, hours=24))

    pv_forecast_compute(now=NOON)

    points = forecast()
    # Open-Meteo to 23:45, then the run of 06:00 to its hour 24, 06:00 of the next day: 25 slots.
    assert origins(points) == {"open_meteo": 47, "meteo_france": 25, "clear_sky": 120}
    assert {p.quality for p in points[47:72]} == {Quality.FORECAST}
    assert all(p.p10_kw is None for p in points)


def test_refused_documents_and_those_without_data_stand_for_nothing() -> None:
    pv_device()
    document(Feed.OPEN_METEO, open_meteo_weather(), status=DocumentStatus.REFUSED)
    document(Feed.SOLCAST, b"<html>", status=DocumentStatus.NOT_PUBLISHED)

    pv_forecast_compute(now=NOON)

    assert origins(forecast()) == {"clear_sky": 192}


def test_weather_of_more_than_thirty_hours_is_not_used_and_its_percentiles_go() -> None:
    pv_device()
    # 36 hours from 12:00 on: they reach to midnight of the 21st.
    document(Feed.SOLCAST, solcast_weather(hours=36))
    pv_forecast_compute(now=NOON)

    later = NOON + timedelta(hours=30)
    pv_forecast_compute(now=later)
    fresh = pv_forecast(codes=["pv-1"], start=later, end=later + 6 * HOUR)["pv-1"]
    pv_forecast_compute(now=later + QUARTER)
    stale = pv_forecast(codes=["pv-1"], start=later + QUARTER, end=later + 6 * HOUR)["pv-1"]

    assert origins(fresh) == {"solcast": 24}
    assert origins(stale) == {"clear_sky": 23}
    assert all(p.p10_kw is None and p.quality == Quality.FALLBACK for p in stale)
    # The slot that is over keeps what was forecast of it.
    assert forecast()[0].origin == "solcast"


def test_a_disabled_access_and_a_document_from_after_now_are_not_used() -> None:
    pv_device()
    document(Feed.SOLCAST, solcast_weather(), received_at=NOON + QUARTER)
    document(Feed.OPEN_METEO, open_meteo_weather())
    disabled = access(Feed.OPEN_METEO)
    disabled.enabled = False
    disabled.save()

    pv_forecast_compute(now=NOON)

    assert origins(forecast()) == {"clear_sky": 192}


def test_of_two_documents_the_later_one_counts_and_an_unreadable_one_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pv_device()
    document(Feed.SOLCAST, solcast_weather(hours=2), received_at=NOON - HOUR)
    document(Feed.SOLCAST, solcast_weather(hours=3), received_at=NOON)
    document(Feed.OPEN_METEO, b'{"latitude": 16}')

    pv_forecast_compute(now=NOON)

    assert origins(forecast()) == {"solcast": 12, "clear_sky": 180}
    assert "weather document not usable" in caplog.text


def test_the_clear_sky_is_scaled_by_what_was_measured_in_the_three_days_before() -> None:
    device = pv_device()
    pv_plants_ensure()
    past = quarter_starts(MIDNIGHT - 3 * DAY, MIDNIGHT)
    # It made half of what a clear sky allows; the device tells production as negative.
    measured(device, {s.start: -0.5 * s.p50_kw for s in clear_sky(past)})
    # What was measured today does not count: it would publish every slot anew all day.
    measured(device, {NOON - HOUR: 0.0})

    pv_forecast_compute(now=NOON)

    ahead = clear_sky(quarter_starts(NOON, END))
    points = forecast()
    assert [float(p.p50_kw) for p in points] == pytest.approx(
        [0.5 * slot.p50_kw for slot in ahead], abs=0.001
    )


def test_without_measurements_the_usual_part_of_the_clear_sky_is_taken() -> None:
    pv_device()

    pv_forecast_compute(now=NOON)

    ahead = clear_sky(quarter_starts(NOON, END))
    assert [p.p50_kw for p in forecast()] == [kw(DEFAULT_PERSISTENCE * s.p50_kw) for s in ahead]


def test_the_total_is_the_sum_and_has_percentiles_only_where_all_plants_have_them() -> None:
    east = cells_apart(2)[1]
    pv_device("a")
    pv_device("b", longitude=east.longitude)
    document(Feed.SOLCAST, solcast_weather(hours=6))
    document(Feed.SOLCAST, solcast_weather(hours=4), request=weather_request(east))

    pv_forecast_compute(now=NOON)

    a, b, total = forecast("a"), forecast("b"), forecast(TOTAL_AREA)
    # Each is rounded to a watt by itself.
    errors = [t.p50_kw - x.p50_kw - y.p50_kw for t, x, y in zip(total, a, b, strict=True)]
    assert max(map(abs, errors)) <= Decimal("0.001")
    assert total[8].p50_kw > 66
    assert sum(p.p10_kw is not None for p in total) == 16
    assert sum(p.p90_kw is not None for p in total) == 16
    # The worst of the origins: from 16:00 on one plant is under a clear sky.
    assert origins(total) == {"solcast": 16, "clear_sky": 176}
    assert total[16].quality == Quality.FALLBACK


def test_the_same_again_stores_nothing_and_a_quarter_hour_later_one_slot_a_series() -> None:
    pv_device()
    document(Feed.SOLCAST, solcast_weather(hours=6))
    pv_forecast_compute(now=NOON)

    again = pv_forecast_compute(now=NOON + timedelta(minutes=14))
    later = pv_forecast_compute(now=NOON + QUARTER)

    assert again.values_new == 0
    # P50 of the plant and of the total; P10 and P90 end with Solcast.
    assert later.values_new == 2


def test_new_weather_is_a_revision_and_what_was_known_before_stays() -> None:
    pv_device()
    pv_forecast_compute(now=NOON)
    document(Feed.SOLCAST, solcast_weather(hours=6), received_at=NOON + timedelta(minutes=5))

    pv_forecast_compute(now=NOON + timedelta(minutes=5))

    assert origins(forecast(as_of=NOON)) == {"clear_sky": 192}
    assert origins(forecast()) == {"solcast": 24, "clear_sky": 168}


def test_a_disabled_plant_is_not_forecast_and_one_without_a_place_stops_no_other() -> None:
    pv_plant_save(device=pv_device("off"), arrays=[PvArray(15, 180, 5)], enabled=False)
    lost = pv_device("lost")
    pv_device("well")
    pv_plants_ensure()
    lost.latitude = None
    lost.save()

    done = pv_forecast_compute(now=NOON)

    assert (done.plants, done.left_out) == (1, ("lost",))
    areas = set(Series.objects.values_list("area", flat=True))
    assert areas == {"well", TOTAL_AREA}


def test_without_plants_nothing_is_stored() -> None:
    done = pv_forecast_compute(now=NOON)

    assert (done.plants, done.left_out, done.values_new) == (0, (), 0)
    assert not Series.objects.filter(kind=SeriesKind.PV_PRODUCTION).exists()


def test_two_operators_know_nothing_of_each_other(operator_b: Operator) -> None:
    pv_device()
    document(Feed.SOLCAST, solcast_weather(hours=6))
    with operator_context(operator_b.schema_name):
        pv_device()
        pv_forecast_compute(now=NOON)

        assert origins(forecast()) == {"clear_sky": 192}

    assert SeriesValue.objects.count() == 0
    pv_forecast_compute(now=NOON)
    assert origins(forecast()) == {"solcast": 24, "clear_sky": 168}


@pytest.mark.parametrize("plants", [1, 4])
def test_queries_are_a_fixed_number_and_some_for_each_series(plants: int) -> None:
    for n in range(plants):
        pv_device(f"pv-{n}", longitude=LONGITUDE + n / CELLS_PER_DEGREE)
    pv_plants_ensure()
    for cell in cells_apart(plants):
        document(Feed.OPEN_METEO, open_meteo_weather(days=3), request=weather_request(cell))
    pv_forecast_compute(now=NOON)

    with queries_counted() as queries:
        pv_forecast_compute(now=NOON + QUARTER)

    # P50 of each plant and of the total.
    assert queries() <= FIXED_QUERIES + QUERIES_A_SERIES * (plants + 1)


def test_reading_forecasts_takes_one_query_for_any_number_of_plants() -> None:
    for n in range(3):
        pv_device(f"pv-{n}")
    pv_forecast_compute(now=NOON)

    with queries_counted() as queries:
        found = pv_forecast(codes=["pv-0", "pv-1", "pv-2", TOTAL_AREA, "none"], start=NOON, end=END)

    assert queries() == 1
    assert {code: len(points) for code, points in found.items()} == {
        "pv-0": 192, "pv-1": 192, "pv-2": 192, TOTAL_AREA: 192, "none": 0,
    }  # fmt: skip


def test_skill_is_of_yesterday_as_it_was_known_at_its_midnight() -> None:
    device = pv_device(latitude=LATITUDE)
    # Yesterday in Guadeloupe: 20 March 04:00 UTC to 21 March 04:00 UTC.
    start = MIDNIGHT + 4 * HOUR
    pv_forecast_compute(now=start)
    told = pv_forecast(codes=["pv-1"], start=start, end=start + DAY)["pv-1"]
    sunny = [p for p in told if p.p50_kw > 0]
    # Ten kW less than forecast in each quarter hour with sun, none at night.
    measured(device, {p.start: 10.0 - float(p.p50_kw) if p.p50_kw > 10 else 0.0 for p in told})
    # Known too late to count: it would be right.
    document(Feed.SOLCAST, solcast_weather(NOON, 12), received_at=NOON)
    pv_forecast_compute(now=NOON)

    (skill,) = pv_skill(now=start + DAY + 10 * HOUR)

    errors = [min(float(p.p50_kw), 10.0) for p in sunny]
    assert skill.slots == len(sunny)
    assert skill.mae_kw == pytest.approx(sum(errors) / len(errors))
    assert skill.bias_kw == pytest.approx(skill.mae_kw)
    # 100 kWp: kW and percent of the peak are the same number.
    assert skill.mae_percent == pytest.approx(skill.mae_kw)


def test_skill_without_a_forecast_or_measurements_is_unknown() -> None:
    pv_device()
    pv_plants_ensure()

    (skill,) = pv_skill(now=NOON)

    assert (skill.code, skill.slots, skill.mae_kw, skill.mae_percent) == ("pv-1", 0, None, None)
    PvPlant.objects.update(enabled=False)
    assert pv_skill(now=NOON) == []


def test_new_weather_enqueues_one_forecast_for_a_burst_and_its_own_series_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(
        subscribers.pv_forecast, "enqueue_with", lambda **words: sent.append(words["options"])
    )
    cache.clear()

    def changed(kind: SeriesKind, source: Feed) -> None:
        subscribers.on_series_changed(
            SeriesChanged(
                schema="guadeloupe", series_id=1, kind=kind, area="325,-1231", source=source,
                first=NOON, last=END,
            )
        )  # fmt: skip

    changed(SeriesKind.PRICE, Feed.ENTSOE)
    changed(SeriesKind.PV_PRODUCTION, Feed.ISLAND)
    assert sent == []

    for kind in (SeriesKind.GHI, SeriesKind.TEMPERATURE, SeriesKind.WIND_SPEED):
        changed(kind, Feed.SOLCAST)
    changed(SeriesKind.PV_PRODUCTION, Feed.SOLCAST)
    assert sent == [{"countdown": 30}]
