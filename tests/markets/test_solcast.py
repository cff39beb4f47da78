"""Solcast: what the readers take and refuse, and the client against the runnable fake."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.clients.solcast import BUSY_S, SolcastClient
from apps.markets.feeds.errors import DocumentError
from apps.markets.feeds.solcast import (
    RooftopSlot,
    radiation_forecast_read,
    rooftop_forecast_read,
)
from apps.markets.feeds.weather import Irradiance
from cariflex.common.errors import DomainError, ExternalError
from tests.contracts.fake_server import Answer
from tests.contracts.solcast_fake import (
    GARBAGE,
    OUTAGE,
    SITE,
    TOKEN,
    SolcastFake,
    solcast_fake,
)


@pytest.fixture
def fake() -> Iterator[SolcastFake]:
    with solcast_fake() as running:
        yield running


def client(fake: SolcastFake, token: str = TOKEN) -> SolcastClient:
    return SolcastClient(base_url=fake.url, token=token, allow_loopback=True)


def row(end: str = "12:30", period: str = "PT30M", **values: Any) -> dict[str, Any]:
    return {
        "period_end": f"2026-03-20T{end}:00.0000000Z",
        "period": period,
        "pv_estimate": 3.0,
        "pv_estimate10": 1.5,
        "pv_estimate90": 4.25,
        **values,
    }


def sky_row(**values: Any) -> dict[str, Any]:
    return {
        "period_end": "2026-03-20T12:15:00.0000000Z",
        "period": "PT15M",
        "ghi": 600, "ghi10": 300, "ghi90": 800.5,
        "dni": 700, "dni10": 50, "dni90": 850,
        "dhi": 120, "dhi10": 260, "dhi90": 110,
        "air_temp": 27, "wind_speed_10m": 5.5,
        **values,
    }  # fmt: skip


def encoded(*rows: object) -> bytes:
    return json.dumps({"forecasts": rows}).encode()


def test_period_end_is_the_end_of_the_slot() -> None:
    read = rooftop_forecast_read(encoded(row("12:30"), row("13:00", pv_estimate=3.5)))

    assert read.slots == (
        RooftopSlot(
            datetime(2026, 3, 20, 12, 0, tzinfo=UTC), datetime(2026, 3, 20, 12, 30, tzinfo=UTC),
            3.0, 1.5, 4.25,
        ),
        RooftopSlot(
            datetime(2026, 3, 20, 12, 30, tzinfo=UTC), datetime(2026, 3, 20, 13, 0, tzinfo=UTC),
            3.5, 1.5, 4.25,
        ),
    )  # fmt: skip
    assert read.resolution == timedelta(minutes=30)
    assert read.missing == ()


@pytest.mark.parametrize(
    ("period", "minutes"), [("PT15M", 15), ("PT30M", 30), ("PT60M", 60), ("PT1H", 60)]
)
def test_the_period_is_an_iso_duration(period: str, minutes: int) -> None:
    (slot,) = rooftop_forecast_read(encoded(row("13:00", period))).slots

    assert slot.end - slot.start == timedelta(minutes=minutes)


def test_percentiles_are_kept_when_given() -> None:
    bare = row()
    del bare["pv_estimate10"], bare["pv_estimate90"]

    (slot,) = rooftop_forecast_read(encoded(bare)).slots

    assert (slot.p10_kw, slot.p50_kw, slot.p90_kw) == (None, 3.0, None)


def test_the_newer_name_of_power_is_read_too() -> None:
    new = {
        "period_end": "2026-03-20T12:30:00Z", "period": "PT30M",
        "pv_power_rooftop": 2, "pv_power_rooftop10": 1, "pv_power_rooftop90": 3,
    }  # fmt: skip

    (slot,) = rooftop_forecast_read(encoded(new)).slots

    assert (slot.p10_kw, slot.p50_kw, slot.p90_kw) == (1.0, 2.0, 3.0)


def test_a_row_left_out_is_named() -> None:
    read = rooftop_forecast_read(encoded(row("12:30"), row("13:30")))

    assert read.missing == (datetime(2026, 3, 20, 12, 30, tzinfo=UTC),)


def test_radiation_comes_with_its_percentiles() -> None:
    (slot,) = radiation_forecast_read(encoded(sky_row())).slots

    assert slot.start == datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
    assert slot.end == datetime(2026, 3, 20, 12, 15, tzinfo=UTC)
    assert slot.p50 == Irradiance(600.0, 700.0, 120.0)
    assert slot.p10 == Irradiance(300.0, 50.0, 260.0)
    assert slot.p90 == Irradiance(800.5, 850.0, 110.0)
    assert (slot.temperature_c, slot.wind_m_per_s) == (27.0, 5.5)


def test_radiation_may_be_global_alone() -> None:
    bare = {name: value for name, value in sky_row().items() if not name.startswith(("dni", "dhi"))}

    (slot,) = radiation_forecast_read(encoded(bare)).slots

    assert (slot.p50, slot.p10) == (Irradiance(600.0), Irradiance(300.0))


@pytest.mark.parametrize(
    ("rows", "element", "rule"),
    [
        ([row(pv_estimate=None)], "forecasts[0].pv_estimate", "null"),
        ([row(pv_estimate=-0.1)], "forecasts[0].pv_estimate", "between 0 and"),
        ([row(pv_estimate=3_000_000)], "forecasts[0].pv_estimate", "between 0 and"),
        ([row(pv_estimate="3")], "forecasts[0].pv_estimate", "not a number"),
        ([row(pv_estimate10=3.1)], "forecasts[0].pv_estimate10", "above pv_estimate 3"),
        ([row(pv_estimate90=2.9)], "forecasts[0].pv_estimate90", "below pv_estimate 3"),
        ([row(pv_estimate10=None)], "forecasts[0].pv_estimate10", "null"),
        ([row(period="PT5M")], "forecasts[0].period", "not one of PT15M"),
        ([row(period=30)], "forecasts[0].period", "not a text"),
        ([row("12:15")], "forecasts[0].period_end", "not on the grid of PT30M"),
        ([row(period_end="2026-03-20T12:30:00+02:00")], "forecasts[0].period_end", "UTC minute"),
        ([row(period_end="2026-03-20T12:30:00")], "forecasts[0].period_end", "UTC minute"),
        ([row(period_end="2026-02-30T12:30:00Z")], "forecasts[0].period_end", "not an existing"),
        ([row("13:00"), row("12:30")], "forecasts[1].period_end", "comes after"),
        ([row("12:30"), row("12:30")], "forecasts[1].period_end", "given twice"),
        ([row("12:30"), row("12:45", "PT15M")], "forecasts[1].period", "differs"),
        ([row(), []], "forecasts[1]", "not an object"),
        ([], "forecasts", "0 entries"),
        (
            [row(), row(period_end="2028-03-20T12:30:00Z")],
            "forecasts", "2 of 35089 slots only",  # 731 days x 48 + 1
        ),
    ],
)  # fmt: skip
def test_a_broken_rule_names_its_place(rows: list[object], element: str, rule: str) -> None:
    with pytest.raises(DocumentError) as caught:
        rooftop_forecast_read(encoded(*rows))

    assert caught.value.element == element
    assert rule in caught.value.rule
    assert caught.value.code == "solcast.document"


@pytest.mark.parametrize(
    ("values", "element"),
    [
        ({"ghi": None}, "ghi"),
        ({"ghi": 1501}, "ghi"),
        ({"ghi10": 601}, "ghi10"),
        ({"ghi90": 599}, "ghi90"),
        ({"dhi": -1}, "dhi"),
        ({"air_temp": 300}, "air_temp"),
        ({"wind_speed_10m": None}, "wind_speed_10m"),
    ],
)
def test_a_broken_value_of_the_sky_names_its_place(values: dict[str, Any], element: str) -> None:
    with pytest.raises(DocumentError) as caught:
        radiation_forecast_read(encoded(sky_row(**values)))

    assert caught.value.element == f"forecasts[0].{element}"


@pytest.mark.parametrize("absent", ["dni", "dhi90", "ghi10"])
def test_a_value_without_its_counterpart_is_refused(absent: str) -> None:
    values = sky_row()
    del values[absent]

    with pytest.raises(DocumentError, match=rf"{absent}: is missing beside its counterpart"):
        radiation_forecast_read(encoded(values))


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_by_the_rule_and_by_nothing_else(content: bytes) -> None:
    with pytest.raises(DocumentError):
        radiation_forecast_read(content)


def test_a_forecast_of_the_sky_is_asked_for_with_all_that_the_reader_takes(
    fake: SolcastFake,
) -> None:
    reply = client(fake).radiation_forecast(latitude=16.25, longitude=-61.5)

    slots = radiation_forecast_read(reply.content).slots
    request = fake.server.requests[0]
    assert len(slots) == 192
    assert slots[0].start == datetime(2026, 3, 20, 4, 0, tzinfo=UTC)
    assert next(s.start.hour for s in slots if s.p50.ghi_w_per_m2) == 10
    assert slots[24].p10 == Irradiance(300.0, 50.0, 260.0)
    assert reply.calls_left == 9
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(request.query)


def test_a_registered_site_gives_power(fake: SolcastFake) -> None:
    fake.tells_quota = False

    reply = client(fake).rooftop_forecast(resource_id=SITE, hours=24)

    slots = rooftop_forecast_read(reply.content).slots
    assert (len(slots), slots[12].p50_kw, slots[11].p50_kw) == (48, 3.2, 0.0)
    assert reply.calls_left is None


def test_a_resource_id_cannot_lead_elsewhere(fake: SolcastFake) -> None:
    with pytest.raises(DomainError, match="resource_id: letters, digits and hyphens only"):
        client(fake).rooftop_forecast(resource_id="../utility_scale_sites")

    assert fake.server.requests == []


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry-After": "3600"}, 3600.0),
        ({}, BUSY_S),
        ({"X-Rate-Limit-Reset": "soon"}, BUSY_S),
        ({"X-Rate-Limit-Reset": "1"}, BUSY_S),
        ({"Retry-After": "60", "X-Rate-Limit-Reset": "99999999999"}, 60.0),
    ],
)
def test_a_spent_quota_says_how_long_to_wait(
    fake: SolcastFake, headers: dict[str, str], pause_s: float
) -> None:
    fake.forced = Answer(429, b"", headers)

    with pytest.raises(ExternalError) as caught:
        client(fake).radiation_forecast(latitude=16.25, longitude=-61.5)

    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert caught.value.retry_after_s == pause_s


def test_the_end_of_the_quota_is_told_against_the_answers_own_date(fake: SolcastFake) -> None:
    # 20 March 2026, 22:00 UTC to midnight; the date is whatever the far clock says.
    midnight = int(datetime(2026, 3, 21, tzinfo=UTC).timestamp())
    pause = client(fake)
    fake.forced = Answer(
        429, b"", {"X-Rate-Limit-Reset": str(midnight), "Date": "Fri, 20 Mar 2026 22:00:00 GMT"}
    )

    with pytest.raises(ExternalError) as caught:
        pause.radiation_forecast(latitude=16.25, longitude=-61.5)

    assert caught.value.retry_after_s == 7_200.0


def test_the_eleventh_call_of_a_day_is_refused(fake: SolcastFake) -> None:
    calls = client(fake)
    left = [
        calls.radiation_forecast(latitude=16, longitude=-61, hours=1).calls_left for _ in range(10)
    ]

    with pytest.raises(ExternalError) as caught:
        calls.radiation_forecast(latitude=16, longitude=-61, hours=1)

    assert left == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert caught.value.retry_after_s == 3_600.0


def test_a_wrong_token_is_not_tried_again_and_is_not_shown(fake: SolcastFake) -> None:
    with pytest.raises(ExternalError) as caught:
        client(fake, token="wrong-token-99").radiation_forecast(latitude=16, longitude=-61)

    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert "wrong-token-99" not in str(caught.value)


def test_an_outage_may_be_tried_again_and_garbage_is_no_forecast(fake: SolcastFake) -> None:
    fake.forced = OUTAGE
    with pytest.raises(ExternalError) as caught:
        client(fake).radiation_forecast(latitude=16, longitude=-61)
    assert (caught.value.status, caught.value.retryable) == (503, True)

    fake.forced = Answer(200, b'{"forecasts": [', close=True)
    with pytest.raises(ExternalError, match="no whole answer"):
        client(fake).radiation_forecast(latitude=16, longitude=-61)

    fake.forced = GARBAGE
    reply = client(fake).radiation_forecast(latitude=16, longitude=-61)
    with pytest.raises(DocumentError, match="document: is not JSON"):
        radiation_forecast_read(reply.content)
