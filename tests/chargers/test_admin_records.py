"""Certificates, security events, doubtful sessions and histories in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.chargers.choices import CertificateUse, UpkeepStatus
from apps.chargers.models import (
    CertificateAuthority,
    ChargingStation,
    Command,
    ConnectionChange,
    Connector,
    ConnectorStatusChange,
    DeviceVariable,
    ReportRun,
    SecurityEvent,
    Session,
    StationCertificate,
)
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import connection_open
from apps.chargers.services.certificates import authority_create
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.chargers.events import charging_of_five_events
from tests.chargers.test_admin_stations import PEM, logged_in
from tests.chargers.test_sessions import apply

HASH = {
    "hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1f",
}  # fmt: skip
HISTORIES = ["connectorstatuschange", "connectionchange", "devicevariable", "reportrun"]


def act(client: Client, page: str, action: str, *rows: Any) -> Any:
    return client.post(
        reverse(f"admin:chargers_{page}_changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    )


def certificate(station: ChargingStation, **fields: Any) -> StationCertificate:
    return StationCertificate.objects.create(**{
        "station": station, "use": CertificateUse.CSMS_ROOT, "serial_number": "1f",
        "status": UpkeepStatus.DONE, "created_at": utc_now(), "hash_data": HASH, **fields,
    })  # fmt: skip


def test_an_authority_is_made_and_retired_and_its_key_is_never_shown(operator_a: Operator) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)
    add = reverse("admin:chargers_certificateauthority_add")

    assert client.post(add, {"name": "Stations 2026"}).status_code == 302
    again = client.post(add, {"name": "Stations 2026"})

    made = CertificateAuthority.objects.get()
    assert made.certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert again.context_data["adminform"].form.errors["name"]
    page = reverse("admin:chargers_certificateauthority_change", args=[made.pk])
    shown = client.get(page).content.decode()
    assert "BEGIN CERTIFICATE" in shown
    assert "PRIVATE KEY" not in shown
    assert client.post(page, {"name": "Other"}).status_code == 403
    act(client, "certificateauthority", "retire", made)
    made.refresh_from_db()
    assert not made.is_active


def test_a_certificate_is_taken_back_and_deleted_by_its_services(
    station: ChargingStation, operator_b: Operator
) -> None:
    connection_open(station_pk=station.pk, channel="a", now=utc_now(), version=OcppVersion.V201)
    own = certificate(station, use=CertificateUse.CHARGING_STATION, pem=PEM)
    root, nameless = certificate(station), certificate(station, hash_data={})
    client = logged_in(Role.OPERATIONS)

    act(client, "stationcertificate", "take_back", own)
    told = act(client, "stationcertificate", "delete_there", root, nameless, own)

    own.refresh_from_db()
    assert own.status == UpkeepStatus.ENDED
    command = Command.objects.get()
    assert (command.action, command.payload) == ("DeleteCertificate", {"certificateHashData": HASH})
    page = told.content.decode()
    assert "Ask the station first which certificates it has." in page
    assert "The station does not hold it." in page
    file = reverse("admin:chargers_certificate_pem", args=[own.pk])
    assert client.get(file).content.decode() == PEM
    assert client.get(reverse("admin:chargers_certificate_pem", args=[root.pk])).status_code == 404
    with operator_context(operator_b.schema_name):
        other = logged_in(Role.OPERATOR_ADMIN, host="martinique.localhost")
        assert other.get(file).status_code == 404


def test_who_only_reads_changes_nothing_of_certificates(station: ChargingStation) -> None:
    root, authority = certificate(station), authority_create(name="A", now=utc_now())
    client = logged_in(Role.ANALYST)

    for action in ("take_back", "delete_there"):
        act(client, "stationcertificate", action, root)
    act(client, "certificateauthority", "retire", authority)

    root.refresh_from_db()
    authority.refresh_from_db()
    assert (root.status, authority.is_active) == (UpkeepStatus.DONE, True)
    assert Command.objects.count() == 0
    assert client.get(reverse("admin:chargers_certificateauthority_add")).status_code == 403


def test_security_events_are_acknowledged_once(station: ChargingStation) -> None:
    event = SecurityEvent.objects.create(station=station, type="InvalidMessages", at=utc_now())

    act(logged_in(Role.ANALYST), "securityevent", "acknowledge", event)
    event.refresh_from_db()
    assert event.acknowledged_at is None
    client = logged_in(Role.OPERATIONS)
    act(client, "securityevent", "acknowledge", event)
    event.refresh_from_db()
    seen = event.acknowledged_at
    told = act(client, "securityevent", "acknowledge", event)

    event.refresh_from_db()
    assert seen is not None
    assert event.acknowledged_at == seen
    assert "0 events were acknowledged." in told.content.decode()


def test_a_doubtful_session_is_checked_and_a_running_one_is_not(station: ChargingStation) -> None:
    for payload in charging_of_five_events():
        apply(station, payload)
    running = charging_of_five_events()[0]
    running["transactionInfo"] = {"transactionId": "tx-2"}
    apply(station, running)
    Session.objects.update(meter_went_backwards=True)
    ended, active = (Session.objects.get(transaction_id=one) for one in ("tx-1", "tx-2"))
    client = logged_in(Role.OPERATIONS)
    address = reverse("admin:chargers_session_changelist")
    assert "the meter went backwards" in client.get(address).content.decode()
    act(logged_in(Role.BILLING), "session", "bill_as_is", ended)
    ended.refresh_from_db()
    assert ended.checked_at is None, "who bills does not decide on the meter"

    told = act(client, "session", "bill_as_is", ended, active)

    ended.refresh_from_db()
    active.refresh_from_db()
    assert ended.may_be_billed
    assert active.checked_at is None
    assert "The session has not ended." in told.content.decode()


@pytest.mark.parametrize("page", HISTORIES)
def test_histories_open_read_only(station: ChargingStation, page: str) -> None:
    now = utc_now()
    connector = Connector.objects.get()
    ConnectorStatusChange.objects.create(connector=connector, status="Faulted", at=now)
    ConnectionChange.objects.create(station=station, is_online=True, at=now - timedelta(hours=1))
    DeviceVariable.objects.create(
        station=station, component="EVSE", variable="Power", value="22000", reported_at=now
    )
    ReportRun.objects.create(station=station, request_id=1, kind="FullInventory", requested_at=now)
    client = logged_in(Role.OPERATOR_ADMIN)
    address = reverse(f"admin:chargers_{page}_changelist")

    listed = client.get(address, {"q": "CS-001"})
    row = listed.context_data["cl"].queryset.get()
    url = reverse(f"admin:chargers_{page}_change", args=[row.pk])

    assert (listed.status_code, client.get(url).status_code) == (200, 200)
    assert address in client.get(reverse("admin:index")).content.decode()
    assert client.post(url, {}).status_code == 403
    assert client.get(reverse(f"admin:chargers_{page}_add")).status_code == 403
