"""The buttons of a station's page: each asks its service, and says what the service refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.chargers.choices import ConnectionState, RegistrationStatus, UpkeepStatus
from apps.chargers.models import (
    ChargingStation,
    Command,
    FirmwareJob,
    LocalList,
    LogJob,
    StationCertificate,
)
from apps.chargers.ocpp.certificates import authority_make
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import connection_open, station_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.api.conftest import API, caller
from tests.chargers import test_upkeep_admin

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PAGE = "admin:chargers_chargingstation"
PEM = authority_make(
    name="Root", organization="Test", now=NOW, valid_to=NOW + timedelta(days=9000)
).certificate_pem
# Button -> what is filled in, the OCPP action, and part of its request.
ORDERS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "start_remotely": (
        {"id_token": "APP-1", "token_type": "Central", "evse_id": 1},
        "RequestStartTransaction", {"idToken": {"idToken": "APP-1", "type": "Central"}},
    ),
    "model_ask": ({}, "GetBaseReport", {"reportBase": "FullInventory"}),
    "network_profile": (
        {"slot": 2, "url": "wss://csms.example/ocpp", "security_profile": 2,
         "interface": "Wired0", "timeout_s": 30},
        "SetNetworkProfile", {"configurationSlot": 2},
    ),
    "certificate_install": (
        {"use": "CSMSRootCertificate", "pem": PEM},
        "InstallCertificate", {"certificateType": "CSMSRootCertificate"},
    ),
    "certificates_ask": (
        {"use": "V2GRootCertificate"},
        "GetInstalledCertificateIds", {"certificateType": ["V2GRootCertificate"]},
    ),
    "monitor_set": (
        {"component": "EVSE", "evse_id": 1, "variable": "Power", "kind": "UpperThreshold",
         "value": "11000.5", "severity": 3},
        "SetVariableMonitoring",
        {"setMonitoringData": [{
            "component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"},
            "type": "UpperThreshold", "value": 11000.5, "severity": 3,
        }]},
    ),
    "monitor_clear": ({"ids": "4, 7"}, "ClearVariableMonitoring", {"id": [4, 7]}),
    "monitors_report": ({}, "GetMonitoringReport", {}),
    "monitor_base": ({"base": "All"}, "SetMonitoringBase", {"monitoringBase": "All"}),
    "monitor_level": ({"severity": 4}, "SetMonitoringLevel", {"severity": 4}),
}  # fmt: skip
OTHERS = ("registration", "password_rotate", "firmware", "log_ask", "local_list")


def logged_in(role: Role, **host: str) -> Client:
    """Somebody who reads English."""
    client = test_upkeep_admin.logged_in(role, **host)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    connection_open(station_pk=station.pk, channel="a", now=utc_now(), version=OcppVersion.V201)
    station.refresh_from_db()
    return station


def press(client: Client, station: ChargingStation, button: str, **given: Any) -> Any:
    url = reverse(f"{PAGE}_{button}", args=[station.pk])
    return client.post(url, {"_form_submitted": "True", **given})


def test_each_button_orders_what_it_says(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)
    page = client.get(reverse(f"{PAGE}_change", args=[online.pk])).content.decode()

    for button, (given, action, payload) in ORDERS.items():
        url = reverse(f"{PAGE}_{button}", args=[online.pk])
        assert url in page, "the page has the button"
        asked = client.get(url)
        assert asked.status_code == 200, button
        assert not Command.objects.filter(action=action).exists(), "looking orders nothing"

        told = press(client, online, button, reason="a test", **given)

        assert told.status_code == 200, told.content
        command = Command.objects.get(action=action)
        assert told.headers.get("HX-Redirect") == reverse(
            "admin:chargers_command_change", args=[command.pk]
        ), (button, told.content.decode())
        assert payload.items() <= command.payload.items(), button
        assert (command.status, command.reason) == ("queued", "a test"), button
        assert command.requested_by == User.objects.get(username="operations")


def test_who_may_not_order_has_no_buttons(online: ChargingStation) -> None:
    client = logged_in(Role.ANALYST)
    page = client.get(reverse(f"{PAGE}_change", args=[online.pk])).content.decode()

    for button in (*ORDERS, *OTHERS):
        url = reverse(f"{PAGE}_{button}", args=[online.pk])
        assert url not in page
        assert press(client, online, button).status_code == 403, button
        assert client.get(url).status_code == 403, button
    assert Command.objects.count() == 0


def test_another_operators_station_is_not_found(
    online: ChargingStation, operator_b: Operator
) -> None:
    with operator_context(operator_b.schema_name):
        client = logged_in(Role.OPERATOR_ADMIN, host="martinique.localhost")

    for button in (*ORDERS, *OTHERS):
        given = ORDERS[button][0] if button in ORDERS else {}
        assert press(client, online, button, **given).status_code == 404, button
    with operator_context("guadeloupe"):
        assert Command.objects.count() == 0


def test_what_the_service_refuses_is_said_in_the_dialog(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)

    no_pem = press(
        client, online, "certificate_install", use="CSMSRootCertificate", pem="not a certificate"
    )
    no_numbers = press(client, online, "monitor_clear", ids="4 five")
    ChargingStation.objects.update(ocpp_version=OcppVersion.V16)
    not_in_16 = press(client, online, "monitor_level", severity=4)

    for refused, words in (
        (no_pem, "It is no certificate in PEM."),
        (no_numbers, "Give the numbers of monitors."),
        (not_in_16, "OCPP 1.6 has nothing like SetMonitoringLevel."),
    ):
        assert "HX-Redirect" not in refused.headers
        assert words in refused.content.decode()
    assert Command.objects.count() == 0


def test_the_registration_is_set_by_its_service(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)

    told = press(client, online, "registration", status="Pending", reason="new")

    online.refresh_from_db()
    assert online.registration_status == RegistrationStatus.PENDING
    command = Command.objects.get(action="TriggerMessage")
    assert command.payload == {"requestedMessage": "BootNotification"}
    assert told.headers["HX-Redirect"] == reverse(
        "admin:chargers_command_change", args=[command.pk]
    )
    ChargingStation.objects.update(connection_state=ConnectionState.OFFLINE)
    told = press(client, online, "registration", status="Accepted")
    assert told.headers["HX-Redirect"] == reverse(f"{PAGE}_change", args=[online.pk])
    online.refresh_from_db()
    assert online.registration_status == RegistrationStatus.ACCEPTED


def test_a_new_password_is_seen_by_the_station_only(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)

    told = press(client, online, "password_rotate")

    command = Command.objects.get(action="SetVariables")
    (asked,) = command.payload["setVariableData"]
    assert asked["variable"] == {"name": "BasicAuthPassword"}
    assert command.requested_by == User.objects.get(username="operations")
    shown = client.get(told.headers["HX-Redirect"]).content.decode()
    assert "BasicAuthPassword" in shown
    assert asked["attributeValue"] not in shown
    seen = caller(Role.ANALYST).get(f"{API}/commands/{command.pk}").json()
    assert seen["payload"]["setVariableData"][0]["attributeValue"] == "***"


def test_firmware_and_logs_become_jobs(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)

    firmware = press(
        client, online, "firmware", location="https://files.example/fw.bin",
        retrieve_at="2026-03-11T02:00", reason="fix",
    )  # fmt: skip
    log = press(client, online, "log_ask", log_type="SecurityLog", oldest="2026-03-10T00:00")

    job = FirmwareJob.objects.get()
    assert firmware.headers["HX-Redirect"] == reverse(
        "admin:chargers_firmwarejob_change", args=[job.pk]
    )
    assert (job.location, job.status) == ("https://files.example/fw.bin", UpkeepStatus.REQUESTED)
    log_job = LogJob.objects.get()
    assert log.headers["HX-Redirect"] == reverse("admin:chargers_logjob_change", args=[log_job.pk])
    asked = Command.objects.get(action="GetLog").payload
    assert asked["log"]["remoteLocation"] == (
        f"http://guadeloupe.localhost/station-logs/{log_job.upload_secret}/"
    )
    assert asked["logType"] == "SecurityLog"


def test_the_list_of_tokens_is_asked_for_and_sent(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)

    told = press(client, online, "local_list", what="version")
    row = LocalList.objects.get()
    assert told.headers["HX-Redirect"] == reverse("admin:chargers_locallist_change", args=[row.pk])
    assert Command.objects.get().action == "GetLocalListVersion"
    busy = press(client, online, "local_list", what="whole")
    assert "The station is answering about its list." in busy.content.decode()
    LocalList.objects.update(status="current")
    client.post(
        reverse("admin:chargers_locallist_changelist"),
        {"action": "send_whole", "_selected_action": [row.pk]},
    )

    command = Command.objects.get(action="SendLocalList")
    assert command.payload["updateType"] == "Full"
    assert command.requested_by == User.objects.get(username="operations")


def form_of(station: ChargingStation, **changed: Any) -> dict[str, Any]:
    return {
        "rated_power_kw": "22", "csms": "native", "security_profile": "1",
        "evses-TOTAL_FORMS": "0", "evses-INITIAL_FORMS": "0", **changed,
    }  # fmt: skip


def test_saving_a_station_leaves_what_it_told_meanwhile(
    station: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = logged_in(Role.OPERATIONS)
    url = reverse(f"{PAGE}_change", args=[station.pk])
    saved = ChargingStation.save

    def save_after_a_boot(self: ChargingStation, *args: Any, **kwargs: Any) -> None:
        # It connects after its row was read for the form.
        ChargingStation.objects.update(connection_state=ConnectionState.ONLINE, vendor="Acme")
        saved(self, *args, **kwargs)

    monkeypatch.setattr(ChargingStation, "save", save_after_a_boot)
    reply = client.post(url, form_of(station, commune="Le Gosier", registration_status="Rejected"))

    assert reply.status_code == 302, reply.context_data["errors"]
    station.refresh_from_db()
    assert (station.commune, station.connection_state, station.vendor) == (
        "Le Gosier", ConnectionState.ONLINE, "Acme",
    )  # fmt: skip
    assert station.registration_status == RegistrationStatus.ACCEPTED, "only by its button"


@pytest.mark.parametrize("station_id", ["../CS-1", "CS 1", "CS/1", "é"])
def test_a_station_id_that_ocpp_does_not_allow_is_refused(
    operator_a: Operator, station_id: str
) -> None:
    form = {
        "station_id": station_id, "rated_power_kw": "22", "csms": "native",
        "security_profile": "1", "registration_status": "Accepted",
        "evses-TOTAL_FORMS": "0", "evses-INITIAL_FORMS": "0",
    }  # fmt: skip

    reply = logged_in(Role.OPERATOR_ADMIN).post(reverse(f"{PAGE}_add"), form)

    assert "station_id" in reply.context_data["adminform"].form.errors
    assert ChargingStation.objects.count() == 0


def test_a_certificate_that_ends_soon_is_shown_in_the_list(station: ChargingStation) -> None:
    now = utc_now()
    for days in (-400, 10):
        StationCertificate.objects.create(
            station=station, use="ChargingStationCertificate", status=UpkeepStatus.DONE,
            valid_to=now + timedelta(days=days, hours=1), created_at=now,
        )  # fmt: skip
    station_register(station_id="CS-002", rated_power_kw=22.0)
    client = logged_in(Role.ANALYST)

    stations = client.get(reverse(f"{PAGE}_changelist")).content.decode()
    certificates = client.get(reverse("admin:chargers_stationcertificate_changelist"))

    # The newest counts: it took the place of the other.
    assert stations.count("Expires in 10 days") == 1
    assert "Expired" not in stations
    assert "Expired" in certificates.content.decode()
