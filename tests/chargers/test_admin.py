"""The operator's admin of stations: pages open, orders go through the services, roles hold."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.chargers.choices import ConnectionState, MessageDirection, RefusalReason
from apps.chargers.models import ChargingStation, Command, Session, StationMessage
from apps.chargers.services import LoggedFrame, connection_refused, messages_store, token_register
from apps.chargers.services.connections import Refusal
from apps.chargers.services.passwords import password_matches
from tests.chargers.events import charging_of_five_events
from tests.chargers.test_sessions import apply

NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)
FRAME = '[2,"1","Heartbeat",{}]'
PAGES = [
    "chargingstation", "evse", "idtoken", "session", "command", "stationmessage",
    "refusedconnection",
]  # fmt: skip


@pytest.fixture
def rows(station: ChargingStation) -> ChargingStation:
    """At least one row of every model that has an admin."""
    for payload in charging_of_five_events()[:4]:
        apply(station, payload)
    token_register(id_token="04A2B3C4", note="blue card")
    Command.objects.create(
        station=station, action="RequestStartTransaction", requested_at=NOW,
        correlation_id="6d2e7f0e-2f0b-4c70-b6ff-000000000001",
    )  # fmt: skip
    messages_store(
        [LoggedFrame(station.pk, MessageDirection.IN, 2, "1", "Heartbeat", FRAME, "", NOW)]
    )
    connection_refused(
        station_id="CS-<b>", path="/ocpp/guadeloupe/CS-<b>",
        refusal=Refusal(404, RefusalReason.UNKNOWN_STATION),
        remote="192.0.2.7", now=NOW,
    )  # fmt: skip
    return station


def logged_in(role: Role) -> Client:
    client = Client(headers={"host": "guadeloupe.localhost"})
    client.force_login(user_ensure(username=role.name.lower(), password="x", role=role))
    return client


@pytest.mark.parametrize("page", PAGES)
def test_the_list_and_the_row_open(rows: ChargingStation, page: str) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)

    listed = client.get(reverse(f"admin:chargers_{page}_changelist"))
    model = listed.context_data["cl"].model
    shown = client.get(reverse(f"admin:chargers_{page}_change", args=[model.objects.first().pk]))

    assert (listed.status_code, shown.status_code) == (200, 200)
    assert "<b>" not in listed.content.decode().partition("CS-")[2][:10]


@pytest.mark.parametrize("page", PAGES)
def test_the_list_takes_a_search(rows: ChargingStation, page: str) -> None:
    client = logged_in(Role.OPERATIONS)

    found = client.get(reverse(f"admin:chargers_{page}_changelist"), {"q": "nothing like it"})

    assert found.status_code == 200
    assert found.context_data["cl"].result_count == 0


@pytest.mark.parametrize("page", ["session", "command", "stationmessage", "refusedconnection"])
def test_what_stations_wrote_is_read_only(rows: ChargingStation, page: str) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)
    listed = client.get(reverse(f"admin:chargers_{page}_changelist"))
    pk = listed.context_data["cl"].model.objects.first().pk

    assert client.get(reverse(f"admin:chargers_{page}_add")).status_code == 403
    for name in ("change", "delete"):
        url = reverse(f"admin:chargers_{page}_{name}", args=[pk])
        assert client.post(url, {"post": "yes"}).status_code == 403


def test_the_token_is_masked_everywhere(rows: ChargingStation) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)
    session = Session.objects.get()

    pages = [
        client.get(reverse("admin:chargers_session_changelist")),
        client.get(reverse("admin:chargers_session_change", args=[session.pk])),
        client.get(reverse("admin:chargers_idtoken_changelist")),
    ]

    for page in pages:
        assert "•••B3C4" in page.content.decode()
        assert "04A2B3C4" not in page.content.decode()


def test_a_password_is_set_and_never_shown(station: ChargingStation) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)
    url = reverse("admin:chargers_chargingstation_change", args=[station.pk])
    form = {
        "rated_power_kw": "22", "registration_status": "Accepted", "csms": "native",
        "security_profile": "1",
        "evses-TOTAL_FORMS": "0", "evses-INITIAL_FORMS": "0",
    }  # fmt: skip

    short = client.post(url, {**form, "new_password": "short"})
    saved = client.post(url, {**form, "new_password": "a-new-long-password-1"})

    assert short.status_code == 200
    assert "new_password" in short.context_data["adminform"].form.errors
    assert saved.status_code == 302
    station.refresh_from_db()
    assert password_matches("a-new-long-password-1", station.password_hash)
    shown = client.get(url).content.decode()
    assert "a-new-long-password-1" not in shown
    assert station.password_hash not in shown


START = {"_form_submitted": "True", "id_token": "APP-1", "token_type": "Central", "evse_id": "1"}


def test_a_remote_start_is_ordered_by_post_only(station: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)
    url = reverse("admin:chargers_chargingstation_start_remotely", args=[station.pk])

    looked = client.get(url)
    assert looked.status_code == 200
    assert Command.objects.count() == 0

    ordered = client.post(url, START)

    command = Command.objects.get()
    assert ordered.headers["HX-Redirect"] == f"/admin/chargers/command/{command.pk}/change/"
    assert command.status == "failed"
    assert command.error == "The station is not connected."
    assert command.requested_by == User.objects.get(username="operations")


@pytest.mark.parametrize("role", [Role.BILLING, Role.ANALYST])
def test_who_may_not_command_is_refused(station: ChargingStation, role: Role) -> None:
    client = logged_in(role)
    url = reverse("admin:chargers_chargingstation_start_remotely", args=[station.pk])

    assert client.post(url, START).status_code == 403
    assert Command.objects.count() == 0


def test_sessions_are_stopped_from_the_list(rows: ChargingStation) -> None:
    ChargingStation.objects.update(connection_state=ConnectionState.OFFLINE)
    Command.objects.all().delete()
    client = logged_in(Role.OPERATIONS)

    url = reverse("admin:chargers_session_changelist")
    answer = client.post(
        url, {"action": "stop_remotely", "_selected_action": [Session.objects.get().pk]}
    )

    assert answer.status_code == 302
    command = Command.objects.get()
    assert (command.action, command.payload) == (
        "RequestStopTransaction",
        {"transactionId": "tx-1"},
    )


def test_the_message_log_is_found_by_its_text(rows: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)

    found = client.get(reverse("admin:chargers_stationmessage_changelist"), {"q": "Heartbeat"})

    assert found.context_data["cl"].result_count == StationMessage.objects.count() == 1


def test_every_role_that_sees_sessions_has_a_permission_row(operator_a: Any) -> None:
    assert Permission.objects.filter(
        content_type__app_label="chargers", codename="add_command"
    ).exists()
