"""The shell commands: what they print as JSON, and how they exit."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.billing.services import cdr_issue
from apps.billing.services.tariffs import tariff_register
from apps.chargers.models import ChargingStation, Command, Connector
from apps.chargers.services.passwords import password_matches
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.chargers.conftest import PASSWORD_A, STATION_ID
from tests.chargers.events import charging_of_five_events
from tests.chargers.server import BOOT, A, B, Csms, Station, at
from tests.chargers.test_sessions import apply

PASSWORD = "a-password-of-20-ch."


def run(name: str, *words: str) -> tuple[int, list[Any], str]:
    """The exit code, the JSON lines that were printed, and the words on stderr."""
    out, err = StringIO(), StringIO()
    try:
        call_command(name, *words, "--json", stdout=out, stderr=err)
        code = 0
    except SystemExit as left:
        code = int(left.code or 0)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


# --- station_add ---


def test_one_station_with_its_password(operator_a: Operator, operator_b: Operator) -> None:
    code, (told,), _err = run("station_add", "--operator", A, "NEW-1", "--password", PASSWORD)

    assert code == 0
    assert told == {
        "created": 1, "updated": 0, "unchanged": 0, "errors": [],
        "stations": [{"number": 1, "station_id": "NEW-1", "result": "created"}],
    }  # fmt: skip
    station = ChargingStation.objects.get(station_id="NEW-1")
    assert password_matches(PASSWORD, station.password_hash)
    assert Connector.objects.filter(evse__station=station, evse__evse_id=1).count() == 1
    with operator_context(B):
        assert ChargingStation.objects.count() == 0


def test_a_password_is_made_and_shown_once(operator_a: Operator) -> None:
    _code, (told,), _err = run("station_add", "--operator", A, "NEW-1")
    password = told["stations"][0]["password"]
    assert len(password) == 32

    code, (again,), _err = run("station_add", "--operator", A, "NEW-1")

    assert (code, again["unchanged"], again["stations"][0].get("password")) == (0, 1, None)
    stored = ChargingStation.objects.get(station_id="NEW-1").password_hash
    assert password_matches(password, stored)


def test_a_station_that_exists_gets_the_new_password(station: ChargingStation) -> None:
    code, (told,), _err = run("station_add", "--operator", A, STATION_ID, "--password", PASSWORD)

    assert (code, told["updated"]) == (0, 1)
    station.refresh_from_db()
    assert password_matches(PASSWORD, station.password_hash)
    assert (station.name, station.rated_power_kw) == ("Marina", 22.0)


@pytest.mark.parametrize("header", ["", "id,password\n", "\ufeffstation_id,password\n"])
def test_the_good_lines_of_a_file_are_stored(
    operator_a: Operator, tmp_path: Path, header: str
) -> None:
    path = tmp_path / "stations.csv"
    path.write_text(
        f"{header}F-1,{PASSWORD}\nF-2\n\nF/3,{PASSWORD}\nF-4,short\nF-1,{PASSWORD}\nF-5,a,b\n"
        f"{'x' * 49},\n"
    )
    first = 2 if header else 1

    code, (told,), _err = run("station_add", "--operator", A, "--file", str(path))

    assert code == 1
    assert (told["created"], [one["station_id"] for one in told["stations"]]) == (2, ["F-1", "F-2"])
    assert ("password" in told["stations"][0], "password" in told["stations"][1]) == (False, True)
    errors = [(error["number"], error["field"], error["code"]) for error in told["errors"]]
    assert errors == [
        (first + 3, "station_id", "chargers.station_id_invalid"),
        (first + 4, "password", "chargers.password_length"),
        (first + 5, "station_id", "chargers.station_twice"),
        (first + 6, "line", "chargers.columns"),
        (first + 7, "station_id", "chargers.station_id_invalid"),
    ]
    assert set(ChargingStation.objects.values_list("station_id", flat=True)) == {"F-1", "F-2"}


def test_a_thousand_stations_take_few_queries(
    operator_a: Operator, tmp_path: Path, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    path = tmp_path / "stations.csv"
    path.write_text("id;password\n" + "".join(f"M-{n:04d};{PASSWORD}\n" for n in range(1000)))

    with django_assert_max_num_queries(40):
        code, (told,), _err = run("station_add", "--operator", A, "--file", str(path))

    assert (code, told["created"]) == (0, 1000)
    assert Connector.objects.count() == 1000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--operator", "atlantis", "X"), "atlantis"),
        (("--operator", A), "either a station id or --file"),
        (("--operator", A, "X", "--file", "x.csv"), "either a station id or --file"),
        (("--operator", A, "--file", "/nowhere/x.csv"), "x.csv"),
        (("--operator", A, "X", "--password", "short"), "16 to 40"),
        (("--operator", A, "a b"), "a-z A-Z 0-9"),
    ],
)
def test_bad_input_stores_nothing(operator_a: Operator, words: tuple[str, ...], said: str) -> None:
    code, (told,), _err = run("station_add", *words)

    assert (code, told["created"], told["stations"]) == (2, 0, [])
    assert said in told["errors"][0]["message"]
    assert ChargingStation.objects.count() == 0


# --- station_command ---


class Answering:
    """CS-001 of Guadeloupe on a thread: answers one order with a frame."""

    def __init__(self, station: Station, frame: str | None) -> None:
        self.asked: Any = None
        self._station, self._frame = station, frame
        self._thread = threading.Thread(target=self._answer)

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _answer(self) -> None:
        self.asked = self._station.receive()
        if self._frame is not None:
            self._station.send(self._frame.replace("ID", self.asked[1]))


@pytest.fixture
def booted(csms: Csms) -> Station:
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    station.tell("BootNotification", BOOT)
    return station


@pytest.mark.parametrize(
    ("frame", "exit_code", "status"),
    [
        ('[3,"ID",{"status":"Scheduled"}]', 0, "accepted"),
        ('[3,"ID",{"status":"Rejected"}]', 1, "rejected"),
        ('[4,"ID","NotImplemented","",{}]', 1, "failed"),
        (None, 1, "sent"),
    ],
)
def test_an_order_waits_for_the_stations_answer(
    booted: Station, frame: str | None, exit_code: int, status: str
) -> None:
    words = ("--operator", A, STATION_ID, "Reset", '{"type":"OnIdle"}', "--reason", "shell")
    with Answering(booted, frame) as answering:
        code, (told,), _err = run("station_command", *words, "--timeout", "5" if frame else "0.5")

    assert answering.asked[2:] == ["Reset", {"type": "OnIdle"}]
    assert (code, told["status"], told["action"]) == (exit_code, status, "Reset")
    assert told["station_id"] == STATION_ID
    command = at(A, Command.objects.get)
    assert (command.pk, command.reason) == (told["command_id"], "shell")
    if status in ("accepted", "rejected"):
        assert told["answer"] == json.loads(str(frame))[2]
        assert 0 <= told["latency_s"] < 5
    assert at(B, Command.objects.count) == 0


def test_an_order_to_a_station_that_is_away_fails_at_once(station: ChargingStation) -> None:
    code, (told,), _err = run("station_command", "--operator", A, STATION_ID, "ClearCache")

    assert (code, told["status"], told["error"]) == (1, "failed", "The station is not connected.")


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        ((A, STATION_ID, "Reset", "{"), "payload.malformed", "payload"),
        ((A, STATION_ID, "Reset", "[]"), "payload.malformed", "payload"),
        ((A, STATION_ID, "Reset", '{"type":NaN}'), "payload.malformed", "payload"),
        ((A, STATION_ID, "Reset", '{"type":"Now"}'), "command.payload_invalid", "payload.type"),
        ((A, STATION_ID, "Dance"), "command.action_unknown", "action"),
        ((A, "NOPE", "ClearCache"), "chargers.station_unknown", None),
        (("atlantis", STATION_ID, "ClearCache"), "operator.missing", None),
    ],
)
def test_bad_input_gives_no_order(
    station: ChargingStation, words: tuple[str, ...], code: str, field: str | None
) -> None:
    exit_code, (told,), _err = run("station_command", "--operator", *words)

    assert exit_code == 2
    assert (told["error"]["code"], told["error"]["field"]) == (code, field)
    assert Command.objects.count() == 0


# --- session_show ---


def test_a_session_with_its_energy_rows_and_cdr(
    station: ChargingStation, operator_b: Operator
) -> None:
    events = charging_of_five_events()
    for payload in events[:3]:
        apply(station, payload)
    _code, (active,), _err = run("session_show", "--operator", A, "tx-1")
    for payload in events[3:]:
        apply(station, payload)
    tariff_register(
        name="T",
        price_per_kwh_excl_vat=Decimal("0.30"),
        vat_percent=Decimal("8.5"),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    )
    session = station.sessions.get()
    cdr = cdr_issue(session_id=session.pk)

    code, (told,), _err = run("session_show", "--operator", A, "tx-1", "--station", STATION_ID)

    assert active == {
        "transaction_id": "tx-1", "station_id": STATION_ID, "state": "active",
        "energy_kwh": "3.0005", "meter_rows": 6, "cdr_id": None,
    }  # fmt: skip
    assert code == 0
    assert cdr is not None
    assert (told["state"], told["energy_kwh"], told["cdr_id"]) == ("ended", "9.00055", str(cdr.pk))
    assert told["meter_rows"] == session.meter_values.count() == 11
    assert run("session_show", "--operator", B, "tx-1")[0] == 1


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        ((A, "nothing"), 1, "session.unknown"),
        ((A, "tx-1"), 2, "session.ambiguous"),
        (("atlantis", "tx-1"), 2, "operator.missing"),
    ],
)
def test_a_session_that_cannot_be_shown(
    station: ChargingStation, words: tuple[str, ...], exit_code: int, code: str
) -> None:
    twin = ChargingStation.objects.create(station_id="TWIN", rated_power_kw=22.0)
    for one in (station, twin):
        apply(one, charging_of_five_events()[0])

    left, (told,), _err = run("session_show", "--operator", *words)

    assert (left, told["error"]["code"]) == (exit_code, code)
