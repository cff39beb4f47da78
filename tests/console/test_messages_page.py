"""The page of the message log, and the log as files."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.chargers.models import ChargingStation, StationMessage
from apps.console.viewmodels import messages as viewmodel
from apps.tenants.context import operator_context

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
SECRET = "04A1B2C3D4E5F6"
AUTHORIZE = f'[2,"m-auth","Authorize",{{"idToken":{{"idToken":"{SECRET}","type":"Central"}}}}]'


@pytest.fixture
def log(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.console.views.messages.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        for name in ("CS-1", "CS-2"):
            station = ChargingStation.objects.create(station_id=name, rated_power_kw=22)
            message(station, 1, "Authorize", AUTHORIZE)
            message(station, 2, "Heartbeat", '[2,"m-beat","Heartbeat",{}]')
            message(station, 2, "Heartbeat", '[3,"m-beat",{"currentTime":"now"}]', direction="out")
            message(station, 3, "", "{not json", error="The frame is no JSON.")
            # Two days old: outside the 24 hours that are shown at first.
            message(station, 48 * 60, "BootNotification", '[2,"m-boot","BootNotification",{}]')


def message(station: ChargingStation, minutes: int, action: str, frame: str, **more: str) -> None:
    now = datetime.fromisoformat("2026-11-23T15:07:30+00:00")
    StationMessage.objects.create(
        station=station, action=action, payload=frame, direction=more.get("direction", "in"),
        message_type=int(frame[1]) if frame[0] == "[" else None,
        message_id=frame.split('"')[1] if frame[0] == "[" else "", error=more.get("error", ""),
        received_at=now - timedelta(minutes=minutes),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 8), ("span=all", 10), ("span=week", 10), ("station=CS-1", 4), ("station=CS-9", 0),
        ("action=Heartbeat", 4), ("direction=out", 2), ("errors=on", 2), ("q=m-beat", 4),
        ("q=no+json", 2), ("q=CURRENTTIME&station=CS-2", 1), ("action=x&direction=x&span=x", 8),
        ("after=x", 8), ("after=2026-11-23T15:05:30%2B00:00~0", 2), ("q=%00", 8),
    ],
)  # fmt: skip
def test_the_log_is_searched(query: str, count: int, log: None, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").get(f"/messages/?{query}", headers={"X-Fragment": "messages"})

    text = reply.content.decode()
    assert "<html" not in text
    assert text.count("data-message=") == count
    assert SECRET not in text


def test_a_page_shows_frames_without_secrets_and_keeps_its_budget(
    log: None, signed_in: SignIn, queries_at_most: Callable[[int], AbstractContextManager[None]]
) -> None:
    client = signed_in("guadeloupe")

    # Operator, session, user, rights 3; time limit 2 in a savepoint 2, messages, stations.
    with queries_at_most(12):
        text = client.get("/messages/").content.decode()

    assert SECRET not in text
    assert "E5F6" in text
    assert "The frame is no JSON." in text
    assert "message-bad" in text
    assert " style=" not in text


def test_pages_follow_each_other_without_a_gap(
    log: None, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewmodel, "PAGE_SIZE", 3)
    client, path, seen = signed_in("guadeloupe"), "/messages/?span=all", []

    while path:
        text = client.get(path).content.decode()
        seen += [part.split('"')[0] for part in text.split('data-message="')[1:]]
        _before, found, link = text.partition('rel="next" href="')
        path = f"/messages/{link.split(chr(34))[0]}".replace("&amp;", "&") if found else ""

    assert len(seen) == len(set(seen)) == 10


def test_the_log_as_files_has_what_the_filter_finds_and_no_secret(
    log: None, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe")

    table = client.get("/messages/export.csv?station=CS-1")
    lines = client.get("/messages/export.jsonl?station=CS-1&action=Authorize&span=all")

    rows = b"".join(table.streaming_content).decode()  # type: ignore[attr-defined]
    (row,) = b"".join(lines.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert rows.startswith("received_at,station_id,direction")
    assert rows.count("CS-1") == 4
    assert json.loads(row)["station_id"] == "CS-1"
    assert SECRET not in rows + row
    assert "attachment" in table.headers["Content-Disposition"]


def test_a_search_that_takes_too_long_is_given_up(
    log: None, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The shortest limit there is, and a pattern that takes longer on a frame of a megabyte.
    monkeypatch.setattr(viewmodel, "SEARCH_LIMIT_MS", 1)
    StationMessage.objects.update(payload="a" * 1_000_000)

    text = signed_in("guadeloupe").get(f"/messages/?span=all&q={'a' * 40}b").content.decode()

    assert "The search took too long." in text


def test_who_may_read_the_log(log: None, signed_in: SignIn) -> None:
    for path in ("/messages/", "/messages/export.csv", "/messages/export.jsonl"):
        reply = signed_in("martinique").get(path)
        told = b"".join(reply) if reply.streaming else reply.content
        assert reply.status_code == 200
        assert b"CS-1" not in told
        assert signed_in("guadeloupe", Role.PARTNER_API).get(path).status_code == 403
        assert Client(headers={"host": "guadeloupe.localhost"}).get(path).status_code == 302
