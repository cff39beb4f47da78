"""POST /readings: what is stored, what is kept, what is answered, and once only."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client, override_settings

from apps.accounts.roles import Role
from apps.assets.models import (
    PushGrant,
    Reading,
    ReadingImport,
    ReadingImportLine,
    Retention,
    RollupDue,
    Sensor,
    SensorLatest,
)
from apps.assets.services import reading_imports
from apps.tenants.context import operator_context
from cariflex.common.time import format_rfc3339, utc_now
from tests.assets.api.conftest import API, caller, sensor_of, user_of
from tests.assets.conftest import battery_make, pv_make

pytestmark = pytest.mark.usefixtures("operators")
JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"


@pytest.fixture
def sensor() -> Sensor:
    """The battery's power, whose readings the partner sends."""
    battery = battery_make()
    PushGrant.objects.create(user=user_of(Role.PARTNER_API), device=battery)
    return sensor_of(battery)


@pytest.fixture
def now() -> datetime:
    return utc_now().replace(microsecond=0)


def row(sensor: Sensor, at: datetime, value: Any = 1.5, **more: Any) -> dict[str, Any]:
    return {"sensor": sensor.pk, "at": format_rfc3339(at), "value": value, **more}


def push(client: Client, body: Any, form: str = JSON, **headers: str) -> Any:
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(f"{API}/readings", content, content_type=form, headers=headers)


def values() -> list[tuple[float, int]]:
    return list(Reading.objects.order_by("sensor_id", "at").values_list("value", "quality"))


def test_a_partner_sends_readings(sensor: Sensor, now: datetime) -> None:
    rows = [row(sensor, now - timedelta(seconds=2), 1.0), row(sensor, now, 2.5, quality="stale")]

    reply = push(caller(Role.PARTNER_API), rows)

    assert reply.status_code == 200
    made = ReadingImport.objects.get()
    assert reply.json() == {
        "id": made.pk,
        "is_repeat": False,
        "lines": 2,
        "stored": 2,
        "flagged": 0,
        "refused": 0,
        "errors": [],
    }
    assert values() == [(1.0, 0), (2.5, 1)]
    assert SensorLatest.objects.get(sensor=sensor).value == 2.5
    assert (made.status, made.name, made.lines_count) == ("stored", JSON, 2)
    assert made.received_from == user_of(Role.PARTNER_API)


@pytest.mark.parametrize("form", [NDJSON, CSV, f"{CSV}; charset=utf-8"])
def test_the_other_forms_do_the_same(sensor: Sensor, now: datetime, form: str) -> None:
    at = format_rfc3339(now)
    if form == NDJSON:
        body = json.dumps({"device": "bat-01", "quantity": "power_kw", "at": at, "value": 1.5})
    else:
        body = f"device,quantity,channel,at,value\nbat-01,power_kw,,{at},1.5\n"

    reply = push(caller(Role.PARTNER_API), body, form)

    assert reply.status_code == 200, reply.content
    assert values() == [(1.5, 0)]


def test_good_lines_are_stored_and_each_bad_one_is_kept(sensor: Sensor, now: datetime) -> None:
    rows = [
        row(sensor, now - timedelta(seconds=4), 1.0),
        row(sensor, now - timedelta(seconds=2), "much"),
        {"sensor": 999_999, "at": format_rfc3339(now), "value": 1},
        row(sensor, now, 5_000.0),
        row(sensor, now + timedelta(minutes=10)),
        row(sensor, now - timedelta(days=4_000)),
        {"sensor": sensor.pk, "at": "2026-03-10T12:00:00", "value": 1},
        row(sensor, now - timedelta(seconds=1), float("nan")),
    ]

    body = push(caller(Role.PARTNER_API), rows).json()

    assert (body["lines"], body["stored"], body["flagged"], body["refused"]) == (8, 2, 1, 6)
    assert [(e["line"], e["status"], e["field"], e["code"]) for e in body["errors"]] == [
        (2, "refused", "value", "not_a_number"),
        (3, "refused", "sensor", "sensor_unknown"),
        (4, "flagged", "value", "out_of_range"),
        (5, "refused", "at", "clock_ahead"),
        (6, "refused", "at", "before_retention"),
        (7, "refused", "at", "time_naive"),
        (8, "refused", "value", "not_finite"),
    ]
    assert body["errors"][0]["message"] == "The value is not a number."
    # 100 kW rated: 5,000 kW is kept as bad.
    assert values() == [(1.0, 0), (5_000.0, 2)]
    kept = ReadingImportLine.objects.get(number=2)
    assert kept.text == json.dumps(rows[1])
    assert (kept.status, kept.field, kept.rule) == ("refused", "value", "not_a_number")
    assert ReadingImportLine.objects.count() == 7


def test_a_list_without_a_good_line_is_400_and_kept(sensor: Sensor, now: datetime) -> None:
    reply = push(caller(Role.PARTNER_API), [row(sensor, now, "x"), {}])

    body = reply.json()
    assert reply.status_code == 400
    assert (body["code"], body["field"]) == ("readings.none_valid", "value")
    assert (body["lines"], body["stored"], body["refused"]) == (2, 0, 2)
    made = ReadingImport.objects.get()
    assert (made.status, made.refused_count) == ("refused", 2)
    assert values() == []


@pytest.mark.parametrize(
    ("form", "body", "code"),
    [
        (JSON, "[]", "readings.empty"),
        (NDJSON, "\n\n", "readings.empty"),
        (CSV, "sensor,at,value\n", "readings.empty"),
        (CSV, "\n", "readings.empty"),
        (JSON, " ", "readings.malformed"),
        (JSON, '{"sensor": 1}', "readings.malformed"),
        (JSON, '[{"sensor": 1},', "readings.malformed"),
        (CSV, "sensor,when\n", "readings.header"),
    ],
)
def test_what_is_no_list_is_400_and_leaves_nothing(
    sensor: Sensor, form: str, body: str, code: str
) -> None:
    reply = push(caller(Role.PARTNER_API), body, form)

    assert reply.status_code == 400
    assert set(reply.json()) == {"code", "message", "field"}
    assert reply.json()["code"] == code
    assert ReadingImport.objects.count() == 0


def test_only_the_first_errors_are_answered_and_all_are_kept(sensor: Sensor, now: datetime) -> None:
    body = push(caller(Role.PARTNER_API), [{}] * 30 + [row(sensor, now)]).json()

    assert len(body["errors"]) == 20
    assert ReadingImportLine.objects.count() == 30


def test_the_same_request_again_changes_nothing(sensor: Sensor, now: datetime) -> None:
    client = caller(Role.PARTNER_API)
    rows = [row(sensor, now, 1.0), row(sensor, now, 2.0), {}]
    first = push(client, rows)
    before = (values(), ReadingImport.objects.count(), ReadingImportLine.objects.count())

    second = push(client, rows)

    assert second.status_code == 200
    assert second.json() == {**first.json(), "is_repeat": True}
    assert (values(), ReadingImport.objects.count(), ReadingImportLine.objects.count()) == before
    assert before == ([(2.0, 0)], 1, 2)


def test_a_list_that_comes_out_otherwise_later_is_another_import(
    sensor: Sensor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = caller(Role.PARTNER_API)
    rows = [row(sensor, now), row(sensor, now + timedelta(minutes=10), 3.0)]
    assert push(client, rows).json()["stored"] == 1

    monkeypatch.setattr(reading_imports, "utc_now", lambda: now + timedelta(minutes=10))
    later = push(client, rows).json()

    assert (later["stored"], later["is_repeat"]) == (2, False)
    assert ReadingImport.objects.count() == 2


def test_a_list_with_a_key_is_answered_as_the_first_time(sensor: Sensor, now: datetime) -> None:
    client = caller(Role.PARTNER_API)
    rows = [row(sensor, now), {}]
    first = push(client, rows, idempotency_key="gw-7/42").json()
    Reading.objects.all().delete()

    again = push(client, rows, idempotency_key="gw-7/42")

    assert again.json() == {**first, "is_repeat": True}
    assert values() == [], "a repeat under a key is not even looked at"
    assert ReadingImport.objects.count() == 1


def test_a_key_of_another_list_is_409(sensor: Sensor, now: datetime) -> None:
    client = caller(Role.PARTNER_API)
    push(client, [row(sensor, now, 1.0)], idempotency_key="k")

    reply = push(client, [row(sensor, now, 2.0)], idempotency_key="k")

    assert (reply.status_code, reply.json()["code"]) == (409, "readings.key_reused")
    assert values() == [(1.0, 0)]


def test_a_key_belongs_to_its_user_and_operator(sensor: Sensor, now: datetime) -> None:
    rows = [row(sensor, now)]
    push(caller(Role.PARTNER_API), rows, idempotency_key="k")

    other = push(caller(Role.OPERATIONS), rows, idempotency_key="k")
    abroad = push(caller(Role.OPERATIONS, "martinique"), rows, idempotency_key="k")

    assert other.json()["is_repeat"] is False
    assert abroad.status_code == 400
    assert abroad.json()["errors"][0]["code"] == "sensor_unknown"
    with operator_context("martinique"):
        assert Reading.objects.count() == 0


def test_readings_the_import_and_its_lines_are_stored_together_or_not_at_all(
    sensor: Sensor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(ReadingImportLine.objects, "bulk_create", broken)

    with pytest.raises(DatabaseError):
        push(caller(Role.PARTNER_API), [row(sensor, now), {}])

    assert values() == []
    assert ReadingImport.objects.count() == 0
    assert RollupDue.objects.count() == 0


def test_a_late_reading_leaves_the_newest_value_alone(sensor: Sensor, now: datetime) -> None:
    client = caller(Role.PARTNER_API)
    push(client, [row(sensor, now, 2.0)])

    late = push(client, [row(sensor, now - timedelta(days=20), 1.0)])

    assert late.json()["stored"] == 1
    assert SensorLatest.objects.get(sensor=sensor).value == 2.0
    assert Reading.objects.count() == 2


def test_what_the_operator_no_longer_keeps_is_refused(sensor: Sensor, now: datetime) -> None:
    Retention.objects.update_or_create(id=1, defaults={"readings_months": 1})
    client = caller(Role.PARTNER_API)

    # Two calendar months back is before the whole month that is kept.
    body = push(client, [row(sensor, now - timedelta(days=62))]).json()

    assert body["errors"][0]["code"] == "before_retention"


@pytest.mark.parametrize(("role", "status"), [(Role.PARTNER_API, 400), (Role.OPERATIONS, 200)])
def test_substituted_values_are_for_operations(
    sensor: Sensor, now: datetime, role: Role, status: int
) -> None:
    reply = push(caller(role), [row(sensor, now, quality="substituted")])

    assert reply.status_code == status
    assert values() == ([(1.5, 3)] if status == 200 else [])


def test_operations_send_readings_of_any_device(sensor: Sensor, now: datetime) -> None:
    reply = push(caller(Role.OPERATIONS), [row(sensor_of(pv_make()), now, -1.0)])

    assert reply.json()["stored"] == 1


@pytest.mark.parametrize("key", ["x" * 101, "a\tb"])
def test_a_key_is_short_and_printable(sensor: Sensor, now: datetime, key: str) -> None:
    reply = push(caller(Role.PARTNER_API), [row(sensor, now)], idempotency_key=key)

    assert (reply.status_code, reply.json()["field"]) == (400, "Idempotency-Key")


def test_the_answer_to_a_list_is_json_alone(sensor: Sensor, now: datetime) -> None:
    reply = push(caller(Role.PARTNER_API), [row(sensor, now)], accept=CSV)

    assert (reply.status_code, reply.json()["code"]) == (406, "not_acceptable")
    assert values() == []


@override_settings(API_PUSH_MAX_READINGS=10)
@pytest.mark.parametrize("form", [JSON, NDJSON, CSV])
def test_too_many_readings_are_413_and_none_is_stored(
    sensor: Sensor, now: datetime, form: str
) -> None:
    rows = [row(sensor, now - timedelta(seconds=n)) for n in range(11)]
    body = {
        JSON: json.dumps(rows),
        NDJSON: "\n".join(map(json.dumps, rows)),
        CSV: "sensor,at,value\n" + "\n".join(f"{r['sensor']},{r['at']},1" for r in rows),
    }[form]

    reply = push(caller(Role.PARTNER_API), body, form)

    assert (reply.status_code, reply.json()["code"]) == (413, "readings.too_many")
    assert values() == []
    assert ReadingImport.objects.count() == 0


@override_settings(API_PUSH_MAX_BYTES=100)
def test_an_announced_length_above_the_limit_is_413_before_a_byte_is_read(
    sensor: Sensor,
) -> None:
    class Untouched:
        def read(self, *_args: object) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    reply = caller(Role.PARTNER_API).generic(
        "POST",
        f"{API}/readings",
        b"",
        JSON,
        **{"wsgi.input": Untouched(), "CONTENT_LENGTH": "101", "CONTENT_TYPE": JSON},
    )

    assert (reply.status_code, reply.json()["code"]) == (413, "request_too_large")
    assert ReadingImport.objects.count() == 0


class Pieces:
    """A chunked body as a WSGI server hands it over, and how much of it was taken."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest, self.count = pieces, b"", 0

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        self.count += len(taken)
        return taken

    readline = read


def chunked(pieces: Pieces, form: str = NDJSON, **environ: Any) -> Any:
    extra = {"wsgi.input": pieces, "HTTP_TRANSFER_ENCODING": "chunked", **environ}
    # The test client names no type of a body that it does not have.
    extra["CONTENT_TYPE"] = form
    return caller(Role.PARTNER_API).generic("POST", f"{API}/readings", b"", form, **extra)


def test_a_body_without_length_is_taken_too(sensor: Sensor, now: datetime) -> None:
    rows = [json.dumps(row(sensor, now - timedelta(seconds=n))) + "\n" for n in range(3)]

    reply = chunked(Pieces(line.encode() for line in rows))

    assert reply.status_code == 200, reply.content
    assert reply.json()["stored"] == 3


@override_settings(API_PUSH_MAX_BYTES=200_000)
def test_a_body_without_end_is_cut_off_at_the_limit(sensor: Sensor, now: datetime) -> None:
    # One line that never ends: it is the size that stops it, not the number of readings.
    endless = Pieces(b"x" * 1000 for _n in range(10_000_000))

    reply = chunked(endless)

    assert (reply.status_code, reply.json()["code"]) == (413, "request_too_large")
    assert endless.count <= 200_000 + 65_536
    assert ReadingImport.objects.count() == 0


def test_a_body_whose_sender_went_away_is_not_taken_for_whole(
    sensor: Sensor, now: datetime
) -> None:
    half = json.dumps(row(sensor, now)).encode() + b"\n"

    cut = chunked(Pieces(iter([half])), **{"asgi.scope": {"cariflex.body_cut_off": True}})
    short = caller(Role.PARTNER_API).generic(
        "POST",
        f"{API}/readings",
        b"",
        NDJSON,
        **{
            "wsgi.input": Pieces(iter([half])),
            "CONTENT_LENGTH": str(len(half) + 10),
            "CONTENT_TYPE": NDJSON,
        },
    )

    assert (cut.status_code, cut.json()["code"]) == (400, "incomplete")
    assert (short.status_code, short.json()["code"]) == (400, "incomplete")
    assert values() == []


def test_the_number_of_queries_does_not_grow_with_the_list(sensor: Sensor, now: datetime) -> None:
    client = caller(Role.PARTNER_API)

    def queries(count: int, offset: int) -> int:
        rows = [row(sensor, now - timedelta(seconds=offset + n)) for n in range(count)]
        asked: list[str] = []

        def note(execute: Any, sql: str, *rest: Any) -> Any:
            asked.append(sql)
            return execute(sql, *rest)

        # Not CaptureQueriesContext: its cursor cannot COPY.
        with connection.execute_wrapper(note):
            assert push(client, rows).json()["stored"] == count
        return len(asked)

    queries(1, 0)

    assert queries(500, 1_000) <= queries(1, 10) + 1
