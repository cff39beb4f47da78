"""The message log: what is never kept, what is never shown, search and export."""

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.choices import MessageDirection
from apps.chargers.models import ChargingStation, StationMessage
from apps.chargers.ocpp.redaction import kept_text, shown_text
from apps.chargers.selectors import messages as log
from apps.chargers.selectors.messages import (
    MessageSearch,
    messages_csv,
    messages_found,
    messages_jsonl,
    messages_page,
)
from apps.chargers.services import LoggedFrame, messages_store, station_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
IN, OUT = MessageDirection.IN, MessageDirection.OUT
SECRET = "s3cret-s3cret-s3"
PASSWORDS: list[Any] = [
    [2, "1", "SetVariables", {"setVariableData": [{
        "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
        "attributeValue": SECRET}]}],
    [2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": SECRET}],
    [3, "1", {"configurationKey": [
        {"key": "AuthorizationKey", "readonly": False, "value": SECRET},
        {"key": "HeartbeatInterval", "readonly": False, "value": "30"}]}],
    [2, "1", "NotifyReport", {"reportData": [{
        "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
        "variableAttribute": [{"type": "Actual", "value": SECRET}]}]}],
]  # fmt: skip


def keep(station: ChargingStation, minute: int, **told: Any) -> None:
    values = {
        "direction": IN, "message_type": 2, "message_id": str(minute), "action": "Heartbeat",
        "text": '[2,"1","Heartbeat",{}]', "error": "", **told,
    }  # fmt: skip
    messages_store([LoggedFrame(station.pk, at=NOON + timedelta(minutes=minute), **values)])


def found(**search: Any) -> list[str]:
    return [row.message_id for row in messages_found(MessageSearch(**search))]


# --- what is never kept ---


@pytest.mark.parametrize("frame", PASSWORDS)
def test_a_password_is_not_kept(station: ChargingStation, frame: Any) -> None:
    keep(station, 0, text=json.dumps(frame))

    kept = StationMessage.objects.get().payload
    assert SECRET not in kept
    assert "***" in kept
    assert json.loads(kept)[0] == frame[0]


def test_another_key_beside_a_password_is_kept() -> None:
    assert '"value":"30"' in kept_text(json.dumps(PASSWORDS[2]))


def test_what_names_a_password_and_is_no_json_is_not_kept_at_all() -> None:
    assert kept_text(f'[2,"1","SetVariables",{{"BasicAuthPassword":"{SECRET}') == "***"


def test_other_frames_are_kept_to_the_letter() -> None:
    text = '[2, "1",  "X", {"v": 1.50}]'
    assert kept_text(text) == text


# --- what is never shown ---


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}}, "***B3C4"),
        ({"idTag": "04A2B3C4"}, "***B3C4"),
        ({"idTag": "A2B3C4"}, "***"),
        ({"groupIdToken": {"idToken": "04A2B3C4"}}, "***B3C4"),
        ({"certificate": "04A2B3C4"}, "***"),
        ({"csr": "04A2B3C4"}, "***"),
        ({"firmware": {"signingCertificate": "04A2B3C4"}}, "***"),
        ({"log": {"remoteLocation": "https://x/station-logs/04A2B3C4/"}}, "/station-logs/***/"),
        ({"location": "ftp://joe:04A2B3C4@files.example/a"}, "ftp://***@files.example/a"),
    ],
)
def test_secrets_are_not_shown(told: Any, shown: str) -> None:
    text = json.dumps([2, "1", "X", told])

    assert shown in shown_text(text)
    assert "A2B3C4" not in shown_text(text)
    assert "A2B3C4" not in shown_text(text[:-4])


# --- search ---


@pytest.fixture
def rows(station: ChargingStation) -> ChargingStation:
    """Four frames of CS-001 and one of CS-002, a minute apart, named 0 to 4."""
    other = station_register(station_id="CS-002", rated_power_kw=22)
    keep(station, 0)
    keep(station, 1, action="Authorize", error="FormatViolation: idTag")
    keep(station, 2, direction=OUT)
    keep(station, 3, text='[2,"1","Authorize",{"idTag":"04A2B3C4"}]', action="Authorize")
    keep(other, 4, action="=1+1", error="InternalError: x")
    return station


def test_each_condition_of_a_search(rows: ChargingStation) -> None:
    assert found() == ["4", "3", "2", "1", "0"]
    assert found(station="CS-002") == ["4"]
    assert found(action="Authorize") == ["3", "1"]
    assert found(direction="out") == ["2"]
    assert found(error="formatviolation") == ["1"]
    assert found(has_error=True) == ["4", "1"]
    start, end = NOON + timedelta(minutes=1), NOON + timedelta(minutes=3)
    assert found(start=start, end=end) == ["2", "1"]
    assert found(station="CS-001", has_error=True, action="Authorize") == ["1"]


def test_pages_follow_each_other_also_within_one_instant(rows: ChargingStation) -> None:
    StationMessage.objects.filter(message_id__in=["1", "2", "3"]).update(received_at=NOON)
    seen: list[str] = []
    after = None
    for _page in range(3):
        page = messages_page(search=MessageSearch(), after=after, limit=2)
        seen += [row["message_id"] for row in page.rows]
        after = page.next_after
        keep(rows, 60 + len(seen))  # newer frames do not move the next page

    assert seen == ["4", "3", "2", "1", "0"]
    assert after is None


# --- export ---


def test_an_export_has_every_row_once_and_no_secret(
    rows: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "EXPORT_ROWS", 2)

    lines = [json.loads(line) for line in messages_jsonl(messages_found(MessageSearch()))]
    table = list(csv.DictReader("".join(messages_csv(StationMessage.objects.all())).splitlines()))

    assert [line["message_id"] for line in lines] == ["4", "3", "2", "1", "0"]
    assert [line["message_id"] for line in table] == ["4", "3", "2", "1", "0"]
    assert lines[1]["frame"] == table[1]["frame"] == '[2,"1","Authorize",{"idTag":"***B3C4"}]'
    assert lines[1]["received_at"] == "2026-03-10T12:03:00Z"
    assert (lines[0]["action"], table[0]["action"]) == ("=1+1", "'=1+1")


def test_an_export_read_later_is_still_of_its_own_operator(
    rows: ChargingStation, operator_b: Operator
) -> None:
    export = messages_jsonl(messages_found(MessageSearch()))

    with operator_context(operator_b.schema_name):
        assert list(messages_jsonl(messages_found(MessageSearch()))) == []
        assert len(list(export)) == 5
