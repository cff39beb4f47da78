"""Feeds: documents parsed, production forecast, values stored and the best of them found.

    ./run bench feeds [--years 5] [--rounds 5]

Generation documents (A75) of twelve types in the real shape, 288 quarter hours and a year of them,
read by us and by entsoe-py (anchor) in the same run, CPU time, the best round. Ten and 1,000 plants
in ten and 100 cells for 48 h, a weather document each cell: the curves alone and the whole run with
its storage, without the import of pvlib, which is timed by itself. A series of five years of
quarter hours, each value published three times: the best known values of a day, now and as of a
moment, wall time; and how fast a series takes values.
"""

import argparse
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402

from apps.assets.services import device_register, site_register  # noqa: E402
from apps.markets.choices import DocumentStatus, Feed, Quality, SeriesKind  # noqa: E402
from apps.markets.feeds.entsoe import generation_document_read  # noqa: E402
from apps.markets.models import FeedAccess, ImportedDocument, Series, SeriesValue  # noqa: E402
from apps.markets.pv.grouping import Cell  # noqa: E402
from apps.markets.selectors.pv import pv_plants, weather_request  # noqa: E402
from apps.markets.selectors.series import best_known  # noqa: E402
from apps.markets.services.pv.forecast import pv_forecast_compute  # noqa: E402
from apps.markets.services.pv.plants import pv_plants_ensure  # noqa: E402
from apps.markets.services.series import (  # noqa: E402
    GivenValue,
    SeriesKey,
    series_ensure,
    values_store,
)
from bench.ingest import bench_operator  # noqa: E402
from bench.report import report  # noqa: E402

AREA = "10YFR-RTE------C"
TYPES = ("B01", "B04", "B05", "B06", "B09", "B10", "B11", "B12", "B14", "B16", "B18", "B19")
START = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SLOTS_A_DAY = 96
YEAR_SLOTS = 35_040
REVISIONS = 3
WANTED_TIMES = 20.0
WANTED_TEN_PLANTS_S = 1.0
WANTED_DAY_MS = 5.0
Row = dict[str, object]


def cpu_best(work: Callable[[], object], rounds: int) -> float:
    """The CPU seconds of the best of some rounds."""
    found = []
    for _round in range(rounds):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


# --- documents ---


def power_mw(n: int, kind: int) -> int:
    """A quantity that changes from slot to slot and from type to type."""
    return 100 + (n * 7 + kind * 131) % 900


def generation_document(slots: int) -> bytes:
    """An A75 answer: twelve types, every quarter hour stated, one period a type."""
    end = START + slots * QUARTER
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<GL_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0">'
        "<mRID>bench</mRID><revisionNumber>1</revisionNumber><type>A75</type>"
        "<process.processType>A16</process.processType>"
        f"<createdDateTime>{end:%Y-%m-%dT%H:%M:%SZ}</createdDateTime>"
        + "".join(_time_series(number, slots, end) for number in range(len(TYPES)))
        + "</GL_MarketDocument>"
    ).encode()


def _time_series(number: int, slots: int, end: datetime) -> str:
    points = "".join(
        f"<Point>\n<position>{n + 1}</position>\n"
        f"<quantity>{power_mw(n, number)}</quantity>\n</Point>\n"
        for n in range(slots)
    )
    return (
        f"<TimeSeries><mRID>{number + 1}</mRID><businessType>A01</businessType>"
        "<objectAggregation>A08</objectAggregation>"
        f'<inBiddingZone_Domain.mRID codingScheme="A01">{AREA}</inBiddingZone_Domain.mRID>'
        "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A03</curveType>"
        f"<MktPSRType><psrType>{TYPES[number]}</psrType></MktPSRType><Period><timeInterval>"
        f"<start>{START:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end></timeInterval>"
        f"<resolution>PT15M</resolution>{points}</Period></TimeSeries>"
    )


def parsing(rounds: int) -> list[Row]:
    """Both readers on the same documents; they must agree on the sum."""
    from entsoe.parsers import parse_generation

    rows: list[Row] = []
    for slots in (3 * SLOTS_A_DAY, YEAR_SLOTS):
        content = generation_document(slots)
        text = content.decode()
        points = slots * len(TYPES)
        expected = sum(power_mw(n, kind) for n in range(slots) for kind in range(len(TYPES)))
        ours = sum(sum(s.power_mw) for s in generation_document_read(content, area=AREA).series)
        assert ours == expected, (ours, expected)
        once = rounds if slots < YEAR_SLOTS else 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs_s = cpu_best(lambda text=text: parse_generation(text), once)
            if slots < YEAR_SLOTS:
                assert parse_generation(text).to_numpy().sum() == expected
        ours_s = cpu_best(
            lambda content=content: generation_document_read(content, area=AREA), rounds
        )
        rows += [
            {
                "reader": name,
                "slots x types": f"{slots:,} x {len(TYPES)}",
                "MB": round(len(content) / 1e6, 1),
                "ms": round(seconds * 1000, 1),
                "points/s": round(points / seconds),
                "x entsoe-py": round(theirs_s / seconds, 1),
            }
            for name, seconds in (("entsoe-py (anchor)", theirs_s), ("ours", ours_s))
        ]
    return rows


# --- plants ---


def open_meteo_document(cell: Cell, day: datetime) -> bytes:
    """Three days in quarter hours, a sky that changes; as the feed answers."""
    stamps = [day + n * QUARTER for n in range(3 * SLOTS_A_DAY)]
    sun = [max(0.0, 900.0 - 150.0 * abs((at - QUARTER).hour - 16)) for at in stamps]
    columns = {
        "shortwave_radiation": sun,
        "direct_normal_irradiance": [0.8 * value for value in sun],
        "diffuse_radiation": [0.2 * value for value in sun],
        "temperature_2m": [27.0 + n % 5 for n in range(len(stamps))],
        "wind_speed_10m": [4.0 + n % 3 for n in range(len(stamps))],
    }
    units = dict.fromkeys(list(columns)[:3], "W/m²")
    return json.dumps(
        {
            "latitude": cell.latitude,
            "longitude": cell.longitude,
            "utc_offset_seconds": 0,
            "elevation": 12.0,
            "minutely_15_units": units
            | {"time": "iso8601", "temperature_2m": "°C", "wind_speed_10m": "m/s"},
            "minutely_15": {"time": [f"{at:%Y-%m-%dT%H:%M}" for at in stamps], **columns},
        }
    ).encode()


def plants_make(count: int, cells: int) -> list[Cell]:
    """PV devices spread over cells, each with the usual plant."""
    site = site_register(code="bench", name="Bench")
    found = [Cell(325, -1231 + n) for n in range(cells)]
    for n in range(count):
        device_register(
            site=site,
            code=f"pv-{n:04d}",
            name=f"PV {n}",
            kind="pv",
            host="192.0.2.1",
            port=1000 + n,
            latitude=found[n % cells].latitude,
            longitude=found[n % cells].longitude,
            rated_power_kw=100 + n % 7,
        )
    pv_plants_ensure()
    assert len(pv_plants()) == count
    assert len({row.cell for row in pv_plants()}) == cells
    return found


def documents_make(cells: list[Cell], now: datetime) -> None:
    """The weather of each cell, as it would have been fetched at `now`."""
    access = FeedAccess.objects.get_or_create(feed=Feed.OPEN_METEO, area="")[0]
    day = now.replace(hour=0, minute=0)
    ImportedDocument.objects.bulk_create(
        ImportedDocument(
            access=access,
            request=weather_request(cell),
            status=DocumentStatus.IMPORTED,
            received_at=now,
            sha256=f"{cell.south}{cell.west}{now:%d%H}",
            raw=open_meteo_document(cell, day),
        )
        for cell in cells
    )


def forecasting(count: int, cells: int, rounds: int) -> list[Row]:
    """The curves of plants beside the whole run: first storage, nothing new, one slot more."""
    from apps.markets.services.pv import curves
    from apps.markets.services.pv.forecast import HORIZON, _asked, _known, _span

    now = START + 12 * HOUR
    asked_cells = plants_make(count, cells)
    documents_make(asked_cells, now)
    rows = pv_plants(enabled_only=True)
    span = _span(now, HORIZON)
    asked, known = _asked(rows, span), _known(rows, now)
    curves_s = cpu_best(lambda: curves.curves(asked, known, span), rounds)
    found: list[Row] = [plant_row(count, cells, "curves alone, CPU", curves_s, "")]
    for words, at in (
        ("whole run, all new", now),
        ("whole run, nothing new", now + timedelta(minutes=14)),
        ("whole run, a slot more", now + QUARTER),
    ):
        begun = time.perf_counter()
        done = pv_forecast_compute(now=at)
        found.append(
            plant_row(count, cells, words, time.perf_counter() - begun, f"{done.values_new:,}")
        )
        assert done.plants == count
    return found


def plant_row(count: int, cells: int, words: str, seconds: float, values: str) -> Row:
    """A line of the table of plants."""
    return {
        "plants": f"{count:,}",
        "cells": cells,
        "what": words,
        "s": round(seconds, 3),
        "ms a plant": round(seconds * 1000 / count, 2),
        "values stored": values or "-",
    }


# --- values ---


def years_load(series: Series, years: int) -> datetime:
    """Quarter hours of some years, each forecast twice and then measured; gives the end."""
    end = START + 365 * years * DAY
    with connection.cursor() as cursor:
        for revision, (quality, before) in enumerate(
            (("forecast", "2 days"), ("forecast", "1 day"), ("actual", "-1 hour"))
        ):
            cursor.execute(
                "INSERT INTO markets_seriesvalue"
                " (series_id, start, value, quality, origin, published_at)"
                " SELECT %s, t, (extract(epoch FROM t)::bigint / 900 %% 977) + %s, %s, '',"
                " t - %s::interval"
                " FROM generate_series(%s, %s - interval '15 minutes', interval '15 minutes') t",
                [series.pk, revision, quality, before, START, end],
            )
        cursor.execute("VACUUM (ANALYZE) markets_seriesvalue")
    return end


def asking(series: Series, years: int, runs: int) -> list[Row]:
    """The best known values of single days all over the years, now and as of the day's start."""
    days = [START + (n * 37 % (365 * years)) * DAY for n in range(runs)]
    questions: dict[str, Callable[[datetime], list[object]]] = {
        "a day, now": lambda day: list(best_known(series=series, start=day, end=day + DAY)),
        "a day, as of its start": lambda day: list(
            best_known(series=series, start=day, end=day + DAY, as_of=day)
        ),
        "31 days, now": lambda day: list(best_known(series=series, start=day, end=day + 31 * DAY)),
    }
    rows: list[Row] = []
    for words, ask in questions.items():
        times, answered = [], 0
        for day in days:
            begun = time.perf_counter()
            answered = max(answered, len(ask(day)))
            times.append((time.perf_counter() - begun) * 1000)
        times.sort()
        rows.append(
            {
                "question": words,
                "rows in the table": f"{SeriesValue.objects.count():,}",
                "answer": answered,
                "p50 ms": round(statistics.median(times), 2),
                "p95 ms": round(times[int(0.95 * len(times))], 2),
            }
        )
    return rows


def storing(series: Series) -> list[Row]:
    """A month of values in calls of a day: new, again, and one in ten changed."""

    def batches(changed_every: int = 0) -> Iterator[list[GivenValue]]:
        for day in range(30):
            first = START + day * DAY
            yield [
                GivenValue(
                    first + n * QUARTER,
                    Decimal(n) + (1 if changed_every and n % changed_every == 0 else 0),
                    Quality.FORECAST,
                )
                for n in range(SLOTS_A_DAY)
            ]

    rows: list[Row] = []
    for number, (words, changed_every) in enumerate(
        (("new", 0), ("the same again", 0), ("a tenth changed", 10))
    ):
        made = list(batches(changed_every))
        begun = time.perf_counter()
        stored = sum(
            values_store(series=series, values=values, published_at=START + number * HOUR)
            for values in made
        )
        wall_s = time.perf_counter() - begun
        given = sum(map(len, made))
        rows.append(
            {
                "values_store, 96 a call": words,
                "given": given,
                "stored": stored,
                "values/s": round(given / wall_s),
                "ms a call": round(wall_s * 1000 / len(made), 2),
            }
        )
    return rows


def importing() -> list[Row]:
    """What the first forecast of a process pays."""

    def resident_kb() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))

    before, begun = resident_kb(), time.perf_counter()
    import_module("apps.markets.services.pv.curves")
    took_s, more_mb = time.perf_counter() - begun, (resident_kb() - before) / 1024
    return [{"what": "import of pvlib", "s": round(took_s, 2), "MB more": round(more_mb)}]


def main() -> int:
    parser = argparse.ArgumentParser(description="Feeds: parse, forecast, store and ask.")
    parser.add_argument("--years", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    imported = importing()
    parsed = parsing(options.rounds)
    report("feeds_parse", parsed, wanted=f"ours >= {WANTED_TIMES:.0f} x entsoe-py")
    made: list[Row] = []
    for count, cells in ((10, 10), (1_000, 100)):
        with bench_operator("bench_feeds"):
            made += forecasting(count, cells, options.rounds if count < 100 else 1)
    report("feeds_import", imported)
    report("feeds_plants", made, wanted=f"10 plants < {WANTED_TEN_PLANTS_S:.0f} s")
    with bench_operator("bench_feeds"):
        key = SeriesKey(kind=SeriesKind.PV_PRODUCTION, area="years", source=Feed.ISLAND)
        series = series_ensure(key)
        years_load(series, options.years)
        asked = asking(series, options.years, 200)
        report("feeds_best_known", asked, wanted=f"a day < {WANTED_DAY_MS:.0f} ms")
        key = SeriesKey(kind=SeriesKind.PV_PRODUCTION, area="month", source=Feed.ISLAND)
        report("feeds_values_store", storing(series_ensure(key)))
    return 0 if is_as_wanted(parsed, made, asked) else 1


def is_as_wanted(parsed: list[Row], made: list[Row], asked: list[Row]) -> bool:
    """Every wanted figure is met."""
    days = [row for row in asked if str(row["question"])[:5] == "a day"]
    return (
        all(float(str(row["x entsoe-py"])) >= WANTED_TIMES for row in parsed[1::2])
        and all(float(str(row["s"])) < WANTED_TEN_PLANTS_S for row in made[:4])
        and all(float(str(row["p95 ms"])) < WANTED_DAY_MS for row in days)
    )


if __name__ == "__main__":
    sys.exit(main())
