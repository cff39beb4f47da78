"""AROME's GRIB files, written by ecCodes here: what is read of them, and what an extract says."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.markets.feeds import arome
from apps.markets.feeds.arome import GribMissingError, Place, SurfaceValues, surface_read
from apps.markets.feeds.arome_extract import extract_encode, extract_read
from apps.markets.feeds.errors import DocumentError

RUN = datetime(2026, 3, 20, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
# The centre of a plant's cell near Pointe-à-Pitre.
PLACE = Place(16.225, -61.525)


def test_without_ecodes_the_feed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eccodes", None)
    arome._library.cache_clear()

    with pytest.raises(GribMissingError):
        arome.grib_check()
    with pytest.raises(GribMissingError, match="install Cariflex with the extra grib") as caught:
        surface_read(b"GRIB", run=RUN, step_hours=1, places=[PLACE])

    assert caught.value.code == "meteo_france.grib_missing"


class TestFiles:
    """Need ecCodes."""

    @pytest.fixture(autouse=True)
    def _grib(self) -> None:
        pytest.importorskip("eccodes")

    def read(self, content: bytes, *places: Place, step_hours: int = 6) -> tuple[Any, ...]:
        return surface_read(content, run=RUN, step_hours=step_hours, places=places or [PLACE])

    def test_the_fields_of_an_hour_come_together(self) -> None:
        from tests.contracts.grib_files import surface_file

        (values,) = self.read(surface_file(RUN, 6))

        assert values == SurfaceValues(
            latitude=16.225,
            longitude=-61.525,
            step_hours=6,
            radiation_j_per_m2=10_800_000.0,
            temperature_k=pytest.approx(300.15, abs=1e-3),
            wind_u_m_per_s=-3.0,
            wind_v_m_per_s=4.0,
        )

    def test_the_start_of_a_run_has_no_radiation_yet(self) -> None:
        from tests.contracts.grib_files import surface_file

        (values,) = self.read(surface_file(RUN, 0), step_hours=0)

        assert values.radiation_j_per_m2 == 0.0

    def test_the_nearest_point_is_taken_whatever_the_longitudes_count_from(self) -> None:
        from tests.contracts.grib_files import message, surface_file

        # The temperature is the latitude, so each row has its own: 16.225 is a row, and 16.236 is
        # nearer to it than to 16.25.
        rows = message("2t", lambda latitude, _: 270 + latitude, run=RUN, hours="6")
        others = surface_file(RUN, 6)
        # The second message of the file is the temperature.
        first = int.from_bytes(others[8:16], "big")
        second = int.from_bytes(others[first + 8 : first + 16], "big")
        content = others[:first] + rows + others[first + second :]

        here, there = self.read(content, Place(16.236, -61.53), Place(16.24, 298.48))

        assert (here.latitude, here.longitude) == (16.225, -61.525)
        assert here.temperature_k == pytest.approx(286.225, abs=1e-3)
        assert (there.latitude, there.longitude) == (16.25, -61.525)
        assert there.temperature_k == pytest.approx(286.25, abs=1e-3)

    @pytest.mark.parametrize(
        ("place", "is_inside"),
        [
            # The grid ends at 16.6 and 15.6, -61.9 and -60.4; half a step more is still nearest.
            (Place(16.61, -61.0), True),
            (Place(16.62, -61.0), False),
            (Place(15.58, -61.0), False),
            (Place(16.0, -61.91), True),
            (Place(16.0, -61.92), False),
            (Place(16.0, -60.38), False),
            (Place(48.85, 2.35), False),
        ],
    )
    def test_a_place_outside_the_grid_is_refused(self, place: Place, is_inside: bool) -> None:
        from tests.contracts.grib_files import surface_file

        content = surface_file(RUN, 6)
        if is_inside:
            assert len(self.read(content, place)) == 1
            return
        with pytest.raises(DocumentError, match="2t: the grid does not reach"):
            self.read(content, place)

    def test_a_file_of_another_run_or_hour_is_refused(self) -> None:
        from tests.contracts.grib_files import surface_file

        with pytest.raises(DocumentError, match=r"2t: is of the run of 2026-03-20T00:00Z"):
            self.read(surface_file(RUN - 6 * HOUR, 6))
        with pytest.raises(DocumentError, match=r"2t: holds for 2026-03-20T11:00Z, not for hour 6"):
            self.read(surface_file(RUN, 5))

    def test_each_missing_or_repeated_field_is_named(self) -> None:
        from tests.contracts.grib_files import constant, message, surface_file

        whole = surface_file(RUN, 6)
        with pytest.raises(DocumentError, match="ssrd: is not in the file of hour 6"):
            self.read(surface_file(RUN, 6)[: -len(_last(whole))])
        with pytest.raises(DocumentError, match="10v: is given twice"):
            self.read(whole + message("10v", constant(1), run=RUN, hours="6"))

    def test_radiation_of_one_hour_alone_is_not_taken_for_a_sum(self) -> None:
        from tests.contracts.grib_files import constant, message, surface_file

        whole = surface_file(RUN, 6)
        hourly = message("ssrd", constant(1e6), run=RUN, hours="5-6")

        with pytest.raises(DocumentError, match="ssrd: is not summed up from the start"):
            self.read(whole[: -len(_last(whole))] + hourly)

    def test_a_point_without_a_value_is_refused(self) -> None:
        from tests.contracts.grib_files import message, surface_file

        whole = surface_file(RUN, 6)
        holes = message(
            "ssrd", lambda latitude, _: 9999.0 if latitude < 16.3 else 1.0, run=RUN, hours="0-6",
            bitmapPresent=1, missingValue=9999,
        )  # fmt: skip

        with pytest.raises(DocumentError, match="ssrd: has no value at 16.225 -61.525"):
            self.read(whole[: -len(_last(whole))] + holes)

    @pytest.mark.parametrize(
        ("content", "rule"),
        [
            (b"", "is empty"),
            (b"<html>Maintenance</html>", "is not GRIB2 at byte 0"),
            (b"GRIB", "is not GRIB2 at byte 0"),
            (b"GRIB\0\0\0\x01" + b"\0" * 40, "is not GRIB2 at byte 0"),
            (b"GRIB\0\0\0\x02" + (10**12).to_bytes(8, "big"), "is cut off at byte 0"),
            (b"GRIB\0\0\0\x02" + b"\0" * 8 + b"7777", "is cut off at byte 0"),
            (b"GRIB\0\0\0\x02" + (20).to_bytes(8, "big") + b"7777", "read"),
        ],
    )
    def test_what_is_no_grib_is_refused(self, content: bytes, rule: str) -> None:
        with pytest.raises(DocumentError, match=rule):
            self.read(content)

    def test_a_file_cut_off_on_the_way_is_refused(self) -> None:
        from tests.contracts.grib_files import surface_file

        with pytest.raises(DocumentError, match="is cut off at byte"):
            self.read(surface_file(RUN, 6)[:-1])

    def test_bits_turned_over_never_end_in_anything_but_a_refusal(self) -> None:
        from tests.contracts.grib_files import surface_file

        whole = bytearray(surface_file(RUN, 6))
        for at in range(16, len(whole), 37):
            broken = bytes(whole[:at]) + bytes([whole[at] ^ 0xFF]) + bytes(whole[at + 1 :])
            try:
                self.read(broken)
            except DocumentError:
                continue


def test_a_domain_knows_which_places_it_has_weather_for() -> None:
    assert arome.is_within("ANTIL", PLACE)
    assert not arome.is_within("ANTIL", Place(48.85, 2.35))
    assert arome.is_within("INDIEN", Place(-21.1, 55.5))


def _last(content: bytes) -> bytes:
    """The last message of a file."""
    at = 0
    while True:
        length = int.from_bytes(content[at + 8 : at + 16], "big")
        if at + length == len(content):
            return content[at:]
        at += length


def hour(step: int, total: float, *, kelvin: float = 300.15, u: float = 3.0) -> SurfaceValues:
    return SurfaceValues(16.225, -61.525, step, total, kelvin, u, 4.0)


def extract(*hours: SurfaceValues) -> bytes:
    return extract_encode(
        model="AROME-OM-ANTIL", run=RUN, hours=hours, files={h.step_hours: "a" * 64 for h in hours}
    )


def test_an_hour_has_what_its_sum_grew_by() -> None:
    read = extract_read(
        extract(
            hour(0, 0),
            hour(1, 1_800_000, kelvin=302.15),
            hour(2, 3_960_000, kelvin=302.15, u=0.0),
        )
    )

    first, second = read.weather.slots
    # 1.8 MJ/m2 in 3,600 s is 500 W/m2, 2.16 MJ/m2 is 600.
    assert (first.p50.ghi_w_per_m2, second.p50.ghi_w_per_m2) == (500.0, 600.0)
    assert (first.p50.dni_w_per_m2, first.p10) == (None, None)
    assert (first.start, first.end) == (RUN, RUN + HOUR)
    # (27 + 29) / 2 degrees; wind (3, 4) is 5 m/s, then (0, 4) is 4: the second hour has 4.5.
    assert first.temperature_c == pytest.approx(28.0)
    assert (first.wind_m_per_s, second.wind_m_per_s) == (5.0, 4.5)
    assert (read.run, read.latitude, read.longitude) == (RUN, 16.225, -61.525)
    assert (read.weather.resolution, read.weather.missing) == (HOUR, ())


def test_an_hour_that_is_not_there_takes_its_two_slots_away() -> None:
    read = extract_read(extract(hour(0, 0), hour(1, 0), hour(3, 0), hour(4, 0)))

    assert [slot.start for slot in read.weather.slots] == [RUN, RUN + 3 * HOUR]
    assert read.weather.missing == (RUN + HOUR, RUN + 2 * HOUR)


def test_a_sum_that_falls_by_its_packing_is_night() -> None:
    read = extract_read(extract(hour(1, 20_000_000), hour(2, 19_980_000)))

    assert read.weather.slots[0].p50.ghi_w_per_m2 == 0.0


@pytest.mark.parametrize(
    ("hours", "element", "rule"),
    [
        ([hour(1, 2e7), hour(2, 2e7 - 20_001)], "hours.2.ssrd_j_per_m2", "falls by 20001 J/m2"),
        ([hour(1, 0), hour(2, 5_400_001 + 3_600)], "hours.2.ssrd_j_per_m2", "not between 0 and"),
        ([hour(1, 0, kelvin=27.0), hour(2, 0)], "hours[0].2t_k", "27 is not between 213.15 and"),
        ([hour(1, 0), hour(2, 0, u=200.0)], "hours[1].10u_m_per_s", "200 is not between"),
        ([hour(1, 0), hour(3, 0)], "hours", "there are no two in a row"),
        ([hour(2, 0), hour(1, 0)], "hours[1].step_hours", "1 does not follow 2"),
        ([hour(1, 0), hour(1, 0)], "hours[1].step_hours", "1 does not follow 1"),
        ([hour(1, 0), hour(49, 0)], "hours[1].step_hours", "49 is not between 0 and 48"),
    ],
)
def test_what_no_weather_is_like_is_refused(
    hours: list[SurfaceValues], element: str, rule: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        extract_read(extract(*hours))

    assert caught.value.element == element
    assert rule in caught.value.rule


@pytest.mark.parametrize(
    ("changes", "element"),
    [
        ({"run": "yesterday"}, "run"),
        ({"columns": ["step_hours"]}, "columns"),
        ({"files": {"1": "abc"}}, "files.1"),
        ({"files": []}, "files"),
        ({"hours": [[1, 2]]}, "hours[0]"),
        ({"hours": "none"}, "hours"),
        ({"latitude": 91}, "latitude"),
        ({"hours": [[1.5, 0, 300, 0, 0]]}, "hours[0].step_hours"),
    ],
)
def test_an_extract_that_was_changed_is_refused(changes: dict[str, Any], element: str) -> None:
    document = {**json.loads(extract(hour(0, 0), hour(1, 0))), **changes}

    with pytest.raises(DocumentError) as caught:
        extract_read(json.dumps(document).encode())

    assert caught.value.element == element


def test_an_extract_is_the_same_bytes_for_the_same_run() -> None:
    hours = (hour(0, 0), hour(1, 1_800_000))

    assert extract(*hours) == extract(*hours)
    assert len(extract(*hours)) < 600
