"""Lists of readings taken apart: what is a line, what is no list at all, what each rule refuses."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from apps.assets.reading_rule_words import rule_words
from apps.assets.services.device_lines import Broken
from apps.assets.services.reading_lines import CSV, JSON, NDJSON, SentLine, kept_text, sent_lines
from apps.assets.services.reading_rules import (
    SensorFacts,
    SentReading,
    reading_read,
    readings_judge,
)
from cariflex.common.errors import DomainError

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
KEPT_FROM = datetime(2025, 9, 1, tzinfo=UTC)
SENSOR = 7
FACTS = SensorFacts(sensor_id=SENSOR, quantity="power_kw", rated_power_kw=20.0)
GOOD = {"sensor": SENSOR, "at": "2026-03-10T11:59:00Z", "value": 1.5}


def lines(media_type: str, body: bytes | str, most: int = 100) -> list[SentLine]:
    raw = body.encode() if isinstance(body, str) else body
    return sent_lines(media_type, io.BytesIO(raw), most=most)  # type: ignore[arg-type]


def line(values: Mapping[str, Any], number: int = 1) -> SentLine:
    return SentLine(number, json.dumps(values), values)


def read(change: Mapping[str, Any], *, may_substitute: bool = False) -> SentReading | Broken:
    values = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    return reading_read(line(values), may_substitute=may_substitute)


def judge(*values: Mapping[str, Any]) -> Any:
    sent = [
        reading_read(line({**GOOD, **v}, n), may_substitute=True) for n, v in enumerate(values, 1)
    ]
    assert not [s for s in sent if isinstance(s, Broken)]
    return readings_judge(sent, sensors={SENSOR: FACTS}, now=NOW, kept_from=KEPT_FROM)  # type: ignore[arg-type]


def test_the_three_forms_say_the_same() -> None:
    rows = [GOOD, {**GOOD, "value": -2.25, "quality": "bad"}]
    as_csv = (
        "sensor,at,value,quality\r\n7,2026-03-10T11:59:00Z,1.5,\r\n7,2026-03-10T11:59:00Z,-2.25,bad"
    )

    as_json = [one.values for one in lines(JSON, json.dumps(rows))]

    assert as_json == rows
    assert [o.values for o in lines(NDJSON, "\n".join(map(json.dumps, rows)))] == rows
    assert [o.values for o in lines(CSV, as_csv)] == rows


def test_lines_are_counted_as_a_person_counts_them() -> None:
    assert [o.number for o in lines(JSON, "[{}, {}]")] == [1, 2]
    assert [o.number for o in lines(NDJSON, "{}\n\n{}\n")] == [1, 3]
    assert [o.number for o in lines(CSV, "sensor\n\n7\n")] == [3]


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert lines(CSV, b"\xef\xbb\xbfsensor,at,value\n7,x,1\n")[0].values["sensor"] == 7
    assert lines(JSON, b'\xef\xbb\xbf[{"sensor": 7}]')[0].values == {"sensor": 7}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "readings.malformed"),
        (b"", "readings.malformed"),
        (b"[{}", "readings.malformed"),
        (b"[{},]", "readings.malformed"),
        (b"[{}]x", "readings.malformed"),
        (b"[{} {}]", "readings.malformed"),
        (b"[" * 100_000, "readings.malformed"),
        (b'[{"device": "\xff"}]', "readings.malformed"),
    ],
)
def test_what_is_no_json_array_is_refused_as_a_whole(body: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        lines(JSON, body)

    assert refused.value.code == code


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(DomainError) as refused:
        lines(CSV, "sensor,when,value\n7,x,1\n")

    assert (refused.value.code, refused.value.field) == ("readings.header", "when")


@pytest.mark.parametrize(
    ("media_type", "text", "rule"),
    [
        (NDJSON, "{broken", "not_json"),
        (NDJSON, "[" * 100_000, "not_json"),
        (NDJSON, "[1]", "not_an_object"),
        (NDJSON, '{"sensor": 7, "unit": "kW"}', "unknown_field"),
        (CSV, '7,"2026', "not_csv"),
        (CSV, "7,2026-03-10T11:59:00Z", "cells:3"),
        (CSV, "7,a,1,2", "cells:3"),
    ],
)
def test_a_line_that_cannot_be_taken_apart_leaves_the_others(
    media_type: str, text: str, rule: str
) -> None:
    head = "sensor,at,value\n" if media_type == CSV else ""
    good = "7,2026-03-10T11:59:00Z,1\n" if media_type == CSV else json.dumps(GOOD) + "\n"

    found = lines(media_type, head + good + text + "\n" + good)

    broken = [one.broken.rule for one in found if one.broken]
    assert broken == [rule]
    assert len(found) == 3
    assert found[1].text == text


def test_bytes_that_are_no_text_break_their_own_line_alone() -> None:
    found = lines(CSV, b"sensor,at,value\n7,\xff\xfe,1\n7,2026-03-10T11:59:00Z,1\n")

    first, second = (reading_read(one, may_substitute=False) for one in found)
    assert isinstance(first, Broken)
    assert first.rule == "not_a_time"
    assert isinstance(second, SentReading)


class Endless(io.RawIOBase):
    """A list that never ends, and how much of it was read."""

    def __init__(self, piece: bytes) -> None:
        super().__init__()
        self.piece, self.count = piece, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = (self.piece * (len(buffer) // len(self.piece) + 1))[: len(buffer)]
        buffer[:] = piece
        self.count += len(piece)
        return len(piece)


def test_reading_stops_at_the_first_line_too_many() -> None:
    row = (json.dumps(GOOD) + "\n").encode()
    endless = Endless(row)

    with pytest.raises(DomainError) as refused:
        sent_lines(NDJSON, io.BufferedReader(endless), most=1000)  # type: ignore[arg-type]

    assert refused.value.code == "readings.too_many"
    assert endless.count < 1001 * len(row) + 2 * io.DEFAULT_BUFFER_SIZE


def test_as_many_as_allowed_are_taken() -> None:
    assert len(lines(JSON, json.dumps([GOOD] * 100))) == 100
    with pytest.raises(DomainError, match="at most 100"):
        lines(JSON, json.dumps([GOOD] * 101))


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"sensor": None}, "sensor", "sensor_missing"),
        ({"sensor": "7"}, "sensor", "sensor_unknown"),
        ({"sensor": True}, "sensor", "sensor_unknown"),
        ({"sensor": 0}, "sensor", "sensor_unknown"),
        ({"sensor": 2**63}, "sensor", "sensor_unknown"),
        ({"device": "bat-01"}, "sensor", "sensor_or_device"),
        ({"sensor": None, "device": "bat-01"}, "quantity", "missing"),
        ({"sensor": None, "device": "bat-01", "quantity": "power"}, "quantity", "quantity_unknown"),
        ({"sensor": None, "device": "\ud800", "quantity": "power_kw"}, "device", "sensor_unknown"),
        ({"sensor": None, "device": "a\0", "quantity": "power_kw"}, "device", "sensor_unknown"),
        ({"sensor": None, "device": ["a"], "quantity": "power_kw"}, "device", "sensor_unknown"),
        ({"sensor": None, "device": "a", "quantity": {}}, "quantity", "quantity_unknown"),
        (
            {"sensor": None, "device": "a", "quantity": "power_kw", "channel": 1},
            "channel",
            "sensor_unknown",
        ),
        ({"at": None}, "at", "missing"),
        ({"at": 1_700_000_000}, "at", "not_a_time"),
        ({"at": "2026-03-10"}, "at", "not_a_time"),
        ({"at": "2026-03-10T12:00Z"}, "at", "not_a_time"),
        ({"at": "20260310T120000Z"}, "at", "not_a_time"),
        ({"at": "2026-02-30T12:00:00Z"}, "at", "not_a_time"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at", "not_a_time"),
        ({"at": "2026-03-10T12:00:60Z"}, "at", "not_a_time"),
        ({"at": "2026-03-10T11:59:00"}, "at", "time_naive"),
        ({"value": None}, "value", "missing"),
        ({"value": "1.5"}, "value", "not_a_number"),
        ({"value": True}, "value", "not_a_number"),
        ({"value": [1]}, "value", "not_a_number"),
        ({"value": float("nan")}, "value", "not_finite"),
        ({"value": float("inf")}, "value", "not_finite"),
        ({"value": 10**400}, "value", "not_finite"),
        ({"quality": "fine"}, "quality", "quality_unknown:good, stale, bad, substituted"),
        ({"quality": 3}, "quality", "quality_unknown:good, stale, bad, substituted"),
        ({"quality": "substituted"}, "quality", "quality_not_allowed"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(
    change: dict[str, Any], field: str, rule: str
) -> None:
    found = read(change)

    assert isinstance(found, Broken)
    assert (found.field, found.rule) == (field, rule)


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e999"])
def test_csv_that_is_no_finite_number_is_refused(text: str) -> None:
    [one] = lines(CSV, f"sensor,at,value\n7,2026-03-10T11:59:00Z,{text}\n")

    found = reading_read(one, may_substitute=False)

    assert isinstance(found, Broken)
    assert (found.field, found.rule) == ("value", "not_finite")


@pytest.mark.parametrize("text", ["1_000", "1,5", "0x10", "12 kW", "٣", "--1"])
def test_csv_numbers_are_plain_decimals(text: str) -> None:
    [one] = lines(CSV, f'sensor,at,value\n7,2026-03-10T11:59:00Z,"{text}"\n')

    found = reading_read(one, may_substitute=False)

    assert isinstance(found, Broken)
    assert (found.field, found.rule) == ("value", "not_a_number")


def test_json_that_is_no_number_by_its_size_is_refused() -> None:
    for text in ("NaN", "-Infinity", "1e999", "9" * 5000):
        row = json.dumps({**GOOD, "value": 0})
        [one] = lines(JSON, f"[{row.replace(': 0', f': {text}')}]")
        found = reading_read(one, may_substitute=False)
        assert isinstance(found, Broken), text
        assert found.rule == "not_finite"


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-10T11:59:00Z",
        "2026-03-10t11:59:00z",
        "2026-03-10T11:59:00.000Z",
        "2026-03-10T07:59:00-04:00",
    ],
)
def test_every_way_of_rfc_3339_is_the_same_instant(text: str) -> None:
    found = read({"at": text})

    assert isinstance(found, SentReading)
    assert found.at == NOW - timedelta(minutes=1)
    assert found.at.tzinfo is UTC


def test_operations_may_substitute() -> None:
    found = read({"quality": "substituted"}, may_substitute=True)

    assert isinstance(found, SentReading)
    assert found.quality.word == "substituted"


@pytest.mark.parametrize(
    ("ahead_s", "rows", "flaws"),
    [
        (0, 1, []),
        (60, 1, []),
        (61, 1, [("clock_ahead:61", False)]),
        (300, 1, [("clock_ahead:300", False)]),
        (301, 0, [("clock_ahead:301", True)]),
    ],
)
def test_a_clock_that_is_ahead_is_flagged_and_from_five_minutes_on_refused(
    ahead_s: int, rows: int, flaws: list[tuple[str, bool]]
) -> None:
    judged = judge({"at": (NOW + timedelta(seconds=ahead_s)).isoformat()})

    assert len(judged.rows) == rows
    assert [(f.broken.rule, f.is_refused) for f in judged.flaws] == flaws


def test_late_readings_are_taken_until_the_retention() -> None:
    judged = judge({"at": "2025-09-01T00:00:00Z"}, {"at": "2025-08-31T23:59:59Z"})

    assert [row.at for row in judged.rows] == [KEPT_FROM]
    assert [(f.line.number, f.broken.rule, f.is_refused) for f in judged.flaws] == [
        (2, "before_retention:2025-09-01", True)
    ]


def test_an_implausible_value_is_kept_as_bad_and_flagged() -> None:
    # 20 kW rated: up to 30 kW is plausible.
    judged = judge({"value": 30.0}, {"at": "2026-03-10T11:58:00Z", "value": -31.0})

    assert [(row.value, row.quality) for row in judged.rows] == [(-31.0, 2), (30.0, 0)]
    assert [(f.line.number, f.broken.rule, f.is_refused) for f in judged.flaws] == [
        (2, "out_of_range:-31", False)
    ]


def test_of_two_for_one_instant_the_last_wins_and_the_first_is_flagged() -> None:
    judged = judge(
        {"value": 1.0},
        {"at": "2026-03-10T11:58:00Z", "value": 2.0},
        {"at": "2026-03-10T07:59:00-04:00", "value": 3.0},
    )

    assert [row.value for row in judged.rows] == [2.0, 3.0]
    assert [(f.line.number, f.broken.rule, f.is_refused) for f in judged.flaws] == [
        (1, "replaced:3", False)
    ]


def test_rows_come_in_the_order_of_their_key() -> None:
    judged = judge(*({"at": f"2026-03-10T11:{m:02d}:00Z"} for m in (30, 10, 20)))

    assert [row.at.minute for row in judged.rows] == [10, 20, 30]


def test_what_the_database_cannot_hold_is_replaced_in_the_kept_text() -> None:
    assert kept_text("a\0b\ud800c") == "a\N{REPLACEMENT CHARACTER}b?c"
    assert len(kept_text("x" * 5000)) == 1000


def test_every_rule_has_words() -> None:
    with translation.override("en"):
        assert (
            rule_words("clock_ahead:61") == "The time is 61 s ahead: the sender's clock is wrong."
        )
        assert rule_words("something_new") == "something_new"
