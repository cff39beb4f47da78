"""What stations report beside sessions, over a real socket and at the services."""

from datetime import UTC, datetime, timedelta
from typing import Any

from apps.chargers.models import (
    ChargingStation,
    ConnectionChange,
    Connector,
    ConnectorStatusChange,
    SecurityEvent,
    StationEvent,
)
from apps.chargers.ocpp.events import ConnectorReport
from apps.chargers.services import (
    connection_close,
    connection_open,
    connections_sweep,
    connector_status_set,
)
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID
from tests.chargers.server import BOOT, A, B, Csms, at

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
FAULT: dict[str, Any] = {
    "eventId": 7,
    "timestamp": "2026-03-10T12:00:00Z",
    "trigger": "Alerting",
    "actualValue": "true",
    "techCode": "E-42",
    "techInfo": "Contactor welded",
    "eventNotificationType": "HardWiredNotification",
    "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
    "variable": {"name": "Problem"},
}


def notify(*events: dict[str, Any]) -> dict[str, Any]:
    """A NotifyEventRequest."""
    return {"generatedAt": "2026-03-10T12:00:01Z", "seqNo": 0, "eventData": list(events)}


def report(status: str, minutes: int, *, error_code: str = "", evse_id: int = 1) -> ConnectorReport:
    """A connector's status some minutes after noon."""
    return ConnectorReport(evse_id, 1, status, NOON + timedelta(minutes=minutes), error_code)


def history() -> list[tuple[str, str, int]]:
    """(status, error code, minutes after noon), oldest first."""
    changes = ConnectorStatusChange.objects.order_by("at", "pk")
    return [(c.status, c.error_code, (c.at - NOON) // timedelta(minutes=1)) for c in changes]


def connection_history() -> list[tuple[bool, int]]:
    """(online, minutes after noon), in the order written."""
    changes = ConnectionChange.objects.order_by("pk")
    return [(c.is_online, (c.at - NOON) // timedelta(minutes=1)) for c in changes]


# --- connectors ---


def test_only_a_change_of_a_connector_is_written_down(station: ChargingStation) -> None:
    for told in (
        report("Available", 0),
        report("Available", 1),
        report("Faulted", 2, error_code="E-42"),
        report("Faulted", 3, error_code="E-43"),
        report("Faulted", 4, error_code="E-43"),
        report("Available", 5),
    ):
        connector_status_set(station_pk=station.pk, report=told)

    assert history() == [
        ("Available", "", 0),
        ("Faulted", "E-42", 2),
        ("Faulted", "E-43", 3),
        ("Available", "", 5),
    ]


def test_an_older_report_is_no_change(station: ChargingStation) -> None:
    connector_status_set(station_pk=station.pk, report=report("Occupied", 5))
    connector_status_set(station_pk=station.pk, report=report("Available", 4))

    assert history() == [("Occupied", "", 5)]


def test_the_last_of_two_reports_of_one_instant_holds(station: ChargingStation) -> None:
    connector_status_set(station_pk=station.pk, report=report("Occupied", 5))
    connector_status_set(station_pk=station.pk, report=report("Available", 5))

    assert history() == [("Available", "", 5)]


def test_a_connector_that_was_not_known_has_a_history_at_once(station: ChargingStation) -> None:
    connector_status_set(station_pk=station.pk, report=report("Available", 0, evse_id=4))

    assert history() == [("Available", "", 0)]


def test_a_connector_from_before_the_history_begins_it_with_its_next_report(
    station: ChargingStation,
) -> None:
    Connector.objects.update(status="Available", status_at=NOON)

    connector_status_set(station_pk=station.pk, report=report("Available", 1))
    connector_status_set(station_pk=station.pk, report=report("Available", 2))

    assert history() == [("Available", "", 1)]


# --- connections ---


def test_coming_and_going_is_written_down_and_a_replaced_socket_is_neither(
    station: ChargingStation,
) -> None:
    def after(minutes: int) -> datetime:
        return NOON + timedelta(minutes=minutes)

    connection_open(station_pk=station.pk, channel="one", now=after(0))
    replaced = connection_open(station_pk=station.pk, channel="two", now=after(1))
    assert replaced.replaced_channel == "one"
    assert not connection_close(station_pk=station.pk, channel="one", now=after(2))
    assert connection_close(station_pk=station.pk, channel="two", now=after(3))

    assert connection_history() == [(True, 0), (False, 3)]


def test_a_swept_station_was_gone_since_it_spoke_last(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="one", now=NOON)

    assert connections_sweep(now=NOON + timedelta(minutes=5)) == 1
    assert connections_sweep(now=NOON + timedelta(minutes=6)) == 0
    connection_open(station_pk=station.pk, channel="two", now=NOON + timedelta(minutes=7))

    assert connection_history() == [(True, 0), (False, 0), (True, 7)]


# --- events, over the socket ---


def test_events_of_a_station_are_kept_once_and_by_its_operator_only(csms: Csms) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    station.tell("BootNotification", BOOT)
    cleared = FAULT | {
        "eventId": 8, "timestamp": "2026-03-10T12:05:00Z", "cleared": True, "actualValue": "false",
    }  # fmt: skip

    assert station.tell("NotifyEvent", notify(FAULT)) == {}
    assert station.tell("NotifyEvent", notify(FAULT, cleared, cleared)) == {}

    events = at(A, lambda: list(StationEvent.objects.order_by("at")))
    assert [(e.event_id, e.value, e.is_cleared) for e in events] == [
        (7, "true", False),
        (8, "false", True),
    ]
    first = events[0]
    assert (first.component, first.variable, first.evse_number, first.connector_number) == (
        "Connector", "Problem", 2, 1,
    )  # fmt: skip
    assert (first.tech_code, first.tech_text, first.severity) == ("E-42", "Contactor welded", None)
    assert at(B, StationEvent.objects.count) == 0


def test_an_event_id_that_is_used_again_after_a_restart_is_another_event(csms: Csms) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    station.tell("BootNotification", BOOT)
    station.tell("NotifyEvent", notify(FAULT))

    station.tell("NotifyEvent", notify(FAULT | {"timestamp": "2026-03-11T12:00:00Z"}))

    assert at(A, StationEvent.objects.count) == 2


def test_a_2_1_station_tells_how_severe_its_event_is(csms: Csms) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A, subprotocols=("ocpp2.1",))
    station.tell("BootNotification", BOOT)

    station.tell("NotifyEvent", notify(FAULT | {"severity": 2}))

    assert at(A, lambda: StationEvent.objects.get().severity) == 2


def test_what_cannot_be_kept_is_refused_and_nothing_of_it_is_kept(csms: Csms) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    station.tell("BootNotification", BOOT)

    answer = station.call("NotifyEvent", notify(FAULT, FAULT | {"actualValue": "a\x00b"}))

    assert answer[:1] + answer[2:3] == [4, "FormatViolation"]
    assert at(A, StationEvent.objects.count) == 0


def test_a_security_event_is_kept_once_and_by_its_operator_only(csms: Csms) -> None:
    told = {
        "type": "TamperDetectionActivated", "timestamp": "2026-03-10T12:00:00Z",
        "techInfo": "Door 1",
    }  # fmt: skip
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    station.tell("BootNotification", BOOT)
    csms.connect(B, STATION_ID, PASSWORD_B).tell("BootNotification", BOOT)

    for _time in range(2):
        assert station.tell("SecurityEventNotification", told) == {}

    event = at(A, SecurityEvent.objects.get)
    assert (event.type, event.at, event.tech_info, event.is_critical) == (
        "TamperDetectionActivated", NOON, "Door 1", True,
    )  # fmt: skip
    assert at(B, SecurityEvent.objects.count) == 0
