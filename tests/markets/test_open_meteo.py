"""Open-Meteo: what the reader takes and refuses, and the client against the runnable fake."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.clients.open_meteo import HOUR_PAUSE_S, MINUTE_PAUSE_S, OpenMeteoClient
from apps.markets.feeds.errors import DocumentError
from apps.markets.feeds.open_meteo import open_meteo_read
from apps.markets.feeds.weather import Irradiance
from cariflex.common.errors import ExternalError
from tests.contracts.fake_server import Answer
from tests.contracts.open_meteo_fake import (
    GARBAGE,
    OUTAGE,
    QUOTA,
    UNITS,
    OpenMeteoFake,
    encoded,
    open_meteo_fake,
)

RADIATION = ("shortwave_radiation", "direct_normal_irradiance", "diffuse_radiation")


@pytest.fixture
def fake() -> Iterator[OpenMeteoFake]:
    with open_meteo_fake() as running:
        yield running


def client(fake: OpenMeteoFake, *, api_key: str | None = None) -> OpenMeteoClient:
    return OpenMeteoClient(base_url=fake.url, api_key=api_key, allow_loopback=True)


def document(block: str = "minutely_15", **changes: Any) -> dict[str, Any]:
    """Three stamps; `changes` replace columns of the block."""
    times = {
        "minutely_15": ["2026-03-20T12:00", "2026-03-20T12:15", "2026-03-20T12:30"],
        "hourly": ["2026-03-20T12:00", "2026-03-20T13:00", "2026-03-20T14:00"],
    }
    columns = {
        "time": times[block],
        "shortwave_radiation": [400.0, 420, 440.5],
        "direct_normal_irradiance": [500.0, 510.0, 520.0],
        "diffuse_radiation": [100.0, 101.0, 102.0],
        "temperature_2m": [26.0, 27.0, 29.0],
        "wind_speed_10m": [4.0, 6.0, 7.0],
    }
    return {
        "latitude": 16.25,
        "longitude": -61.5,
        "elevation": 12.0,
        "utc_offset_seconds": 0,
        f"{block}_units": dict(UNITS),
        block: {**columns, **changes},
    }


def test_radiation_belongs_to_the_interval_before_its_stamp() -> None:
    read = open_meteo_read(encoded(document()))

    first, second, third = read.weather.slots
    assert first.start == datetime(2026, 3, 20, 11, 45, tzinfo=UTC)
    assert first.end == datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
    assert first.p50 == Irradiance(400.0, 500.0, 100.0)
    assert third.end == datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
    # An instant at both ends of the slot: (26 + 27) / 2 and (4 + 6) / 2; the first has one end.
    assert (first.temperature_c, second.temperature_c, third.temperature_c) == (26.0, 26.5, 28.0)
    assert (first.wind_m_per_s, second.wind_m_per_s) == (4.0, 5.0)
    assert (first.p10, first.p90) == (None, None)
    assert (read.latitude, read.longitude, read.elevation_m) == (16.25, -61.5, 12.0)
    assert read.weather.resolution == timedelta(minutes=15)
    assert read.weather.missing == ()


def test_hourly_radiation_belongs_to_the_hour_before_its_stamp() -> None:
    read = open_meteo_read(encoded(document("hourly")), block="hourly")

    assert [slot.start.hour for slot in read.weather.slots] == [11, 12, 13]
    assert read.weather.resolution == timedelta(hours=1)


def test_slots_without_radiation_are_left_out_and_named_when_others_follow() -> None:
    gap: dict[str, Any] = {name: [1.0, None, 3.0] for name in RADIATION}
    tail: dict[str, Any] = {name: [1.0, None, None] for name in RADIATION}
    tail["temperature_2m"] = [26.0, None, None]

    with_gap = open_meteo_read(encoded(document(**gap))).weather
    with_tail = open_meteo_read(encoded(document(**tail))).weather

    assert [slot.end.minute for slot in with_gap.slots] == [0, 30]
    assert with_gap.missing == (datetime(2026, 3, 20, 12, 0, tzinfo=UTC),)
    assert len(with_tail.slots) == 1
    assert with_tail.missing == ()


@pytest.mark.parametrize(
    ("changes", "element", "rule"),
    [
        ({"shortwave_radiation": [1.0, None, 3.0]}, "shortwave_radiation[1]", "null"),
        ({"temperature_2m": [26.0, 27.0, None]}, "temperature_2m[2]", "null"),
        ({"diffuse_radiation": [1.0, 2.0]}, "diffuse_radiation", "2 values for 3 times"),
        ({"wind_speed_10m": None}, "wind_speed_10m", "not a list"),
        ({"shortwave_radiation": [1.0, -0.5, 3.0]}, "shortwave_radiation[1]", "between 0 and"),
        ({"shortwave_radiation": [1.0, 1501, 3.0]}, "shortwave_radiation[1]", "between 0 and"),
        ({"shortwave_radiation": [1.0, True, 3.0]}, "shortwave_radiation[1]", "not a number"),
        ({"shortwave_radiation": [1.0, "2", 3.0]}, "shortwave_radiation[1]", "not a number"),
        ({"shortwave_radiation": [1.0, 10**400, 3]}, "shortwave_radiation[1]", "inf is not"),
        ({"temperature_2m": [299.0, 27.0, 27.0]}, "temperature_2m[0]", "between -60 and 60"),
        ({"time": []}, "time", "0 entries"),
        (
            {"time": ["2026-03-20T12:00", "2026-03-20T12:00", "2026-03-20T12:15"]},
            "time[1]", "given twice",
        ),
        (
            {"time": ["2026-03-20T12:00", "2026-03-20T11:45", "2026-03-20T12:15"]},
            "time[1]", "does not follow",
        ),
        (
            {"time": ["2026-03-20T12:00", "2026-03-20T12:30", "2026-03-20T12:45"]},
            "time[1]", "does not follow",
        ),
        (
            {"time": ["2026-03-20T12:05", "2026-03-20T12:20", "2026-03-20T12:35"]},
            "time[0]", "not on the grid",
        ),
        (
            {"time": ["2026-02-30T12:00", "2026-03-20T12:15", "2026-03-20T12:30"]},
            "time[0]", "not an existing time",
        ),
        ({"time": [1774008000, 1774008900, 1774009800]}, "time[0]", "is not a time"),
        ({name: [None] * 3 for name in RADIATION}, "shortwave_radiation", "no value at all"),
    ],
)  # fmt: skip
def test_a_broken_rule_names_its_place(changes: dict[str, Any], element: str, rule: str) -> None:
    with pytest.raises(DocumentError) as caught:
        open_meteo_read(encoded(document(**changes)))

    assert caught.value.element == f"minutely_15.{element}"
    assert rule in caught.value.rule
    assert caught.value.code == "open_meteo.document"


@pytest.mark.parametrize(
    ("name", "unit"),
    [("shortwave_radiation", "MJ/m²"), ("wind_speed_10m", "km/h"), ("time", "unixtime")],
)
def test_another_unit_is_refused(name: str, unit: str) -> None:
    content = document()
    content["minutely_15_units"][name] = unit

    with pytest.raises(DocumentError, match=rf"minutely_15_units\.{name}: is '{unit}', expected"):
        open_meteo_read(encoded(content))


def test_local_time_is_refused() -> None:
    with pytest.raises(DocumentError, match="utc_offset_seconds: is -14400, expected 0"):
        open_meteo_read(encoded({**document(), "utc_offset_seconds": -14_400}))


def test_an_error_object_names_its_reason() -> None:
    content = encoded({"error": True, "reason": "Latitude must be in range"})

    with pytest.raises(DocumentError, match="request refused: 'Latitude must be in range'"):
        open_meteo_read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"<html>", b"\xff\xfe", b'{"latitude": NaN}', b'{"a":1,"a":2}',
        b"[" * 100_000, b" " * 5_000_001,
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(DocumentError):
        open_meteo_read(content)


def test_an_unknown_block_is_refused() -> None:
    with pytest.raises(DocumentError, match="'daily' is not one of minutely_15, hourly"):
        open_meteo_read(encoded(document()), block="daily")


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_by_the_rule_and_by_nothing_else(content: bytes) -> None:
    with pytest.raises(DocumentError):
        open_meteo_read(content)


def test_a_forecast_is_asked_for_in_the_units_that_the_reader_takes(fake: OpenMeteoFake) -> None:
    content = client(fake).forecast(latitude=16.2412345, longitude=-61.53, days=2)

    slots = open_meteo_read(content).weather.slots
    assert fake.asked == [("16.2412", "-61.5300")]
    assert len(slots) == 192
    assert slots[0].start == datetime(2026, 3, 19, 23, 45, tzinfo=UTC)
    assert [s.start.hour for s in slots if s.p50.ghi_w_per_m2 > 0][0] == 10
    assert sum(s.p50.ghi_w_per_m2 for s in slots) == 2 * 48 * 600


def test_the_paid_host_takes_the_key_which_no_error_shows(fake: OpenMeteoFake) -> None:
    fake.api_key = "paid-key-77"
    assert client(fake, api_key="paid-key-77").forecast(latitude=16.2, longitude=-61.5)

    with pytest.raises(ExternalError) as caught:
        client(fake, api_key="wrong-key-88").forecast(latitude=16.2, longitude=-61.5)

    assert (caught.value.status, caught.value.retryable) == (400, False)
    assert "wrong-key-88" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (QUOTA, HOUR_PAUSE_S),
        (Answer.of({"reason": "Hourly API request limit exceeded."}, 429), HOUR_PAUSE_S),
        (Answer.of({"reason": "Minutely API request limit exceeded."}, 429), MINUTE_PAUSE_S),
        (Answer(429, b"", {"Retry-After": "7"}), 7.0),
    ],
)
def test_the_quota_says_how_long_to_wait(
    fake: OpenMeteoFake, answer: Answer, pause_s: float
) -> None:
    fake.forced = answer

    with pytest.raises(ExternalError) as caught:
        client(fake).forecast(latitude=16.2, longitude=-61.5)

    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert caught.value.retry_after_s == pause_s


def test_an_outage_may_be_tried_again_and_garbage_is_no_forecast(fake: OpenMeteoFake) -> None:
    fake.forced = OUTAGE
    with pytest.raises(ExternalError) as caught:
        client(fake).forecast(latitude=16.2, longitude=-61.5)
    assert (caught.value.status, caught.value.retryable) == (502, True)

    fake.forced = Answer(200, b"{}", close=True)
    with pytest.raises(ExternalError, match="no whole answer"):
        client(fake).forecast(latitude=16.2, longitude=-61.5)

    fake.forced = GARBAGE
    content = client(fake).forecast(latitude=16.2, longitude=-61.5)
    with pytest.raises(DocumentError, match="document: is not JSON"):
        open_meteo_read(content)
