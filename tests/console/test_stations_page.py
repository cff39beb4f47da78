"""The pages of charging stations: the list, one station, its records, its orders."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from unittest.mock import Mock

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.chargers.models import (
    ChargingStation,
    Command,
    Connector,
    ConnectorStatusChange,
    DeviceVariable,
    FirmwareJob,
    LogJob,
    SecurityEvent,
    Session,
    StationCertificate,
    StationEvent,
)
from apps.tenants.context import operator_context
from tests.console.scene import island_build

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
ORDERS = {"X-Fragment": "orders"}


@pytest.fixture
def station(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> ChargingStation:
    """CS-1: a car charges at it; a connector had a fault for an hour, two hours ago."""
    for module in ("stations", "station"):
        monkeypatch.setattr(f"apps.console.views.{module}.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        island_build(now=now)
        station = ChargingStation.objects.get(station_id="CS-1")
        connector = Connector.objects.get(evse__station=station)
        for hours, status, code in (
            (23, "Available", ""), (2, "Faulted", "GroundFailure"), (1, "Available", ""),
            (0.5, "Occupied", ""),
        ):  # fmt: skip
            ConnectorStatusChange.objects.create(
                connector=connector, status=status, error_code=code,
                at=now - timedelta(hours=hours),
            )  # fmt: skip
    return station


def text_of(client: Client, path: str, **headers: str) -> str:
    reply = client.get(path, headers={"X-Fragment": headers["part"]} if headers else None)
    assert reply.status_code == 200
    return reply.content.decode()


def test_the_list_says_states_and_figures(station: ChargingStation, signed_in: SignIn) -> None:
    ChargingStation.objects.filter(station_id="CS-2").update(connection_state="offline")
    client = signed_in("guadeloupe")

    text = text_of(client, "/stations/")

    # Known for 23 h, an hour of it in fault: 22 / 23 = 95.65 %.
    assert "95.7\u00a0%" in text
    # One outage of an hour; one plug-in, and the car charges.
    assert "1\u00a0h\u00a000\u00a0min" in text
    assert "after 1 outage" in text
    assert "100\u00a0%" in text
    assert "of 1 plug-in" in text
    assert "1 not connected" in text
    assert "20.0\u00a0kW" in text
    assert text.count("<tr data-asset=") == 2

    for query, found in (("state=offline", "CS-2"), ("state=charging", "CS-1"), ("q=cs-2", "CS-2")):
        part = text_of(client, f"/stations/?{query}", part="stations")
        assert "<html" not in part
        assert part.count("<tr data-asset=") == 1
        assert f'data-asset="{found}"' in part
    assert "No station matches." in text_of(client, "/stations/?q=nothing")


def test_a_long_list_has_pages_and_its_budget(
    station: ChargingStation, signed_in: SignIn, queries_at_most: Budget
) -> None:
    ChargingStation.objects.bulk_create(
        ChargingStation(station_id=f"X-{n:03d}", rated_power_kw=22) for n in range(60)
    )
    client = signed_in("guadeloupe")

    # Operator, session, user, rights 3; stations 4, counts, versions, figures 4.
    with queries_at_most(16):
        first = text_of(client, "/stations/")
    second = text_of(client, "/stations/?after=X-047")

    assert first.count("<tr data-asset=") == 50
    assert "after=X-047" in first
    assert second.count("<tr data-asset=") == 12
    assert "X-048" in second
    assert 'rel="next"' not in second


def test_one_station_shows_its_connectors_session_history_and_orders(
    station: ChargingStation, signed_in: SignIn, now: datetime, queries_at_most: Budget
) -> None:
    Command.objects.create(
        station=station, action="UnlockConnector", status="accepted", reason="Cable is stuck",
        answer={"status": "Unlocked"}, correlation_id=uuid.uuid4(), requested_at=now, sent_at=now,
        answered_at=now + timedelta(milliseconds=250),
    )  # fmt: skip
    client = signed_in("guadeloupe")

    # Operator, session, user, rights 3; station 4, orders, figures 4, history 4.
    with queries_at_most(20):
        text = text_of(client, f"/stations/{station.pk}/")

    for words in ("Station 1", "EVSE 1 / 1", "Plugged in", "20.0\u00a0kW", "•••0001",
                  "GroundFailure", "Unlocked (0.25 s)", "Cable is stuck"):  # fmt: skip
        assert words in text, words
    # 24 h are 2000 wide: the fault of an hour is 83 wide and begins 22 h after the start.
    assert '<rect class="history-faulted" x="1833" width="84" height="10">' in text
    # A state of this moment is drawn inside the picture, as narrow as can be seen.
    Connector.objects.update(status="Reserved")
    ConnectorStatusChange.objects.create(
        connector=Connector.objects.get(evse__station=station), status="Reserved",
        at=now - timedelta(seconds=5),
    )  # fmt: skip
    young = text_of(client, f"/stations/{station.pk}/")
    assert '<rect class="history-reserved" x="1997" width="3" height="10">' in young
    for order in ("start", "stop", "unlock", "reset", "log", "firmware"):
        assert f'id="order-{order}"' in text
    assert " style=" not in text

    part = text_of(client, f"/stations/{station.pk}/", part="station")
    assert 'data-part-of="station-orders"' in part
    assert "<html" not in part
    assert "history" not in part


def test_the_records_of_a_station(
    station: ChargingStation, signed_in: SignIn, now: datetime
) -> None:
    DeviceVariable.objects.bulk_create(
        DeviceVariable(
            station=station, component="Ctrlr", variable=f"Var{n:02d}", value=str(n),
            reported_at=now,
        )
        for n in range(60)
    )  # fmt: skip
    for n in range(30):
        at = now - timedelta(hours=n)
        SecurityEvent.objects.create(station=station, type=f"Tamper{n:02d}", at=at)
        StationEvent.objects.create(
            station=station, at=at, component="Lock", variable="Problem", tech_code=f"E{n:02d}"
        )
    for use, days in (("ChargingStationCertificate", 200), ("V2GCertificate", 10),
                      ("CSMSRootCertificate", -1)):  # fmt: skip
        StationCertificate.objects.create(
            station=station, use=use, status="done", created_at=now,
            valid_to=now + timedelta(days=days),
        )  # fmt: skip
    FirmwareJob.objects.create(
        station=station, request_id=1, status="running", requested_at=now, retrieve_at=now,
        location="https://name:word@example.com/6.2.fw", history=[{"status": "Downloading"}],
    )  # fmt: skip
    LogJob.objects.create(
        station=station, request_id=2, status="failed", requested_at=now, log_type="SecurityLog",
        upload_secret="abc",
    )  # fmt: skip
    client, page = signed_in("guadeloupe"), f"/stations/{station.pk}/"

    model = text_of(client, f"{page}?tab=model")
    assert ("Var49" in model, "Var50" in model) == (True, False)
    assert "Var50" in text_of(client, f"{page}?tab=model&after=50")
    assert text_of(client, f"{page}?tab=model&q=var07").count("Ctrlr</span>") == 1

    events = text_of(client, f"{page}?tab=events")
    assert (events.count("Tamper"), events.count("Lock · Problem")) == (25, 25)
    oldest = SecurityEvent.objects.order_by("pk")[5].pk
    assert f"security={oldest}" in events
    assert text_of(client, f"{page}?tab=events&security={oldest}").count("Tamper") == 5

    upkeep = text_of(client, f"{page}?tab=upkeep")
    for words in ("200 days left", 'data-state="soon"', 'data-state="expired"', "Downloading",
                  "https://***@example.com/6.2.fw", "SecurityLog"):  # fmt: skip
        assert words in upkeep, words
    assert "name:word" not in upkeep
    assert "abc" not in upkeep


@pytest.mark.parametrize(
    ("asked", "action", "payload"),
    [
        ({"order": "reset", "when": "now"}, "Reset", {"type": "Immediate"}),
        ({"order": "unlock", "connector": "1/1"}, "UnlockConnector",
         {"evseId": 1, "connectorId": 1}),
        ({"order": "out_of_service", "place": "1"}, "ChangeAvailability",
         {"operationalStatus": "Inoperative", "evse": {"id": 1}}),
        ({"order": "into_service", "place": ""}, "ChangeAvailability",
         {"operationalStatus": "Operative"}),
        ({"order": "trigger", "message": "StatusNotification", "place": "1"}, "TriggerMessage",
         {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 1}}),
        ({"order": "cache"}, "ClearCache", {}),
    ],
)  # fmt: skip
def test_an_order_goes_out_with_who_and_why(
    asked: dict[str, str],
    action: str,
    payload: dict[str, object],
    station: ChargingStation,
    signed_in: SignIn,
) -> None:
    reply = signed_in("guadeloupe").post(
        f"/stations/{station.pk}/order", {**asked, "reason": "Driver calls"}, headers=ORDERS
    )

    command = Command.objects.get()
    assert reply.status_code == 200
    assert "Driver calls" in reply.content.decode()
    assert (command.action, command.payload, command.reason) == (action, payload, "Driver calls")
    assert command.requested_by is not None
    assert command.requested_by.username == "somebody"


def test_start_stop_log_and_firmware_are_ordered(
    station: ChargingStation, signed_in: SignIn
) -> None:
    client, path = signed_in("guadeloupe"), f"/stations/{station.pk}/order"
    session = Session.objects.get()

    for asked in (
        {"order": "start", "place": "1", "id_token": " AB12 "},
        {"order": "stop", "session": str(session.pk), "next": f"/sessions/{session.pk}/"},
        {"order": "log", "log": "DiagnosticsLog"},
        {"order": "firmware", "location": "https://example.com/f.fw"},
    ):
        reply = client.post(path, {**asked, "reason": "Test"})
        assert reply.status_code == 302
        assert reply.headers["Location"] == asked.get("next", f"/stations/{station.pk}/")

    payloads = {one.action: one.payload for one in Command.objects.all()}
    assert payloads["RequestStartTransaction"]["idToken"] == {
        "idToken": "AB12", "type": "Central"
    }  # fmt: skip
    assert payloads["RequestStopTransaction"] == {"transactionId": "TX-1"}
    assert payloads["GetLog"]["log"]["remoteLocation"].startswith("http://guadeloupe.localhost/")
    assert FirmwareJob.objects.get().location == "https://example.com/f.fw"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"order": "reset", "when": "now", "reason": ""}, "This field is required."),
        ({"order": "unlock", "connector": "9/9", "reason": "x"}, "Select a valid choice"),
        ({"order": "firmware", "location": "javascript:alert(1)", "reason": "x"},
         "An address that begins with"),
        ({"order": "stop", "session": "999", "reason": "x"}, "Select a valid choice"),
    ],
)  # fmt: skip
def test_an_order_that_is_not_whole_comes_back_with_its_fault(
    asked: dict[str, str], words: str, station: ChargingStation, signed_in: SignIn
) -> None:
    reply = signed_in("guadeloupe").post(f"/stations/{station.pk}/order", asked, headers=ORDERS)

    assert reply.status_code == 422
    assert words in reply.content.decode()
    assert Command.objects.count() == 0


def test_what_an_old_station_cannot_do_is_said(station: ChargingStation, signed_in: SignIn) -> None:
    ChargingStation.objects.filter(pk=station.pk).update(ocpp_version="1.6")
    asked = {"order": "trigger", "message": "TransactionEvent", "place": "", "reason": "x"}

    reply = signed_in("guadeloupe").post(f"/stations/{station.pk}/order", asked, headers=ORDERS)

    assert reply.status_code == 422
    assert "OCPP 1.6 has no such order" in reply.content.decode()
    assert Command.objects.count() == 0


def test_who_may_see_and_who_may_order(station: ChargingStation, signed_in: SignIn) -> None:
    page = f"/stations/{station.pk}/"
    asked = {"order": "reset", "when": "now", "reason": "x"}
    analyst, stranger = signed_in("guadeloupe", Role.ANALYST), signed_in("martinique")

    assert 'id="order-reset"' not in text_of(analyst, page)
    assert analyst.post(f"{page}order", asked).status_code == 403
    assert stranger.get(page).status_code == 404
    assert stranger.post(f"{page}order", asked).status_code == 404
    assert "CS-1" not in text_of(stranger, "/stations/")
    assert signed_in("guadeloupe", Role.PARTNER_API).get(page).status_code == 403
    assert Client(headers={"host": "guadeloupe.localhost"}).get(page).status_code == 302
    operations = signed_in("guadeloupe")
    assert operations.get(f"{page}order").status_code == 405
    assert operations.post(f"{page}order", {"order": "no"}).status_code == 404
    assert Command.objects.count() == 0


def test_a_doubtful_session_is_checked_by_somebody_who_may(
    station: ChargingStation, signed_in: SignIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.console.views.pages.utc_now", Mock(return_value=now))
    session = Session.objects.get()
    page = f"/sessions/{session.pk}/"
    operations = signed_in("guadeloupe")
    assert 'id="session-stop"' in text_of(operations, page)
    assert operations.post(f"{page}check").status_code == 302
    assert Session.objects.get().checked_at is None

    Session.objects.update(state="ended", ended_at=now, meter_went_backwards=True)
    text = text_of(operations, page)
    for words in ("The bill waits for a check", "The meter went backwards.", 'id="session-check"',
                  "Energy.Active.Import.Register", "103.50"):  # fmt: skip
        assert words in text, words
    assert 'id="session-stop"' not in text
    assert signed_in("guadeloupe", Role.ANALYST).post(f"{page}check").status_code == 403
    signed_in("martinique").post(f"{page}check")
    with operator_context("guadeloupe"):
        assert Session.objects.get().checked_at is None

    # Signing in gave the one user of this test another role.
    operations = signed_in("guadeloupe")
    operations.post(f"{page}check")
    assert Session.objects.get().checked_at == now
    assert "The bill waits" not in text_of(operations, page)
