"""The admin of what stations report, of jobs at them, and the export of the message log."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.chargers.choices import MessageDirection
from apps.chargers.models import (
    ChargingStation,
    FirmwareJob,
    LogJob,
    SecurityEvent,
    StationEvent,
    StationMessage,
)
from apps.chargers.services import LoggedFrame, messages_store
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PAGES = ["securityevent", "stationevent", "firmwarejob", "logjob"]


@pytest.fixture
def rows(station: ChargingStation, settings: Any, tmp_path: Path) -> ChargingStation:
    """One row of each, a log with its file, and a frame with a token."""
    settings.MEDIA_ROOT = tmp_path
    # The storage remembers the folder until this one is set.
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"
    SecurityEvent.objects.create(station=station, type="TamperDetectionActivated", at=NOON)
    StationEvent.objects.create(
        station=station, at=NOON, component="Connector", variable="Problem", tech_code="E-42"
    )
    FirmwareJob.objects.create(
        station=station, request_id=1, location="ftp://joe:pass-word@files.example/fw",
        retrieve_at=NOON, requested_at=NOON,
    )  # fmt: skip
    job = LogJob(
        station=station, request_id=2, log_type="DiagnosticsLog", upload_secret="the-secret",
        requested_at=NOON,
    )  # fmt: skip
    job.file.save("x.log", ContentFile(b"<b>log</b>"))
    frame = '[2,"1","Authorize",{"idTag":"04A2B3C4"}]'
    messages_store(
        [LoggedFrame(station.pk, MessageDirection.IN, 2, "1", "Authorize", frame, "", NOON)]
    )
    return station


def logged_in(role: Role, *, host: str = "guadeloupe.localhost") -> Client:
    client = Client(headers={"host": host})
    client.force_login(user_ensure(username=role.name.lower(), password="x", role=role))
    return client


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("page", PAGES)
def test_lists_and_rows_open_read_only_and_stand_in_the_navigation(
    rows: ChargingStation, page: str
) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)
    list_url = reverse(f"admin:chargers_{page}_changelist")

    listed = client.get(list_url, {"q": "CS-001"})
    pk = listed.context_data["cl"].queryset.get().pk
    row_url = reverse(f"admin:chargers_{page}_change", args=[pk])
    shown = client.get(row_url)

    assert (listed.status_code, shown.status_code) == (200, 200)
    assert list_url in client.get(reverse("admin:index")).content.decode()
    assert "pass-word" not in listed.content.decode() + shown.content.decode()
    assert "the-secret" not in shown.content.decode()
    assert client.post(row_url, {}).status_code == 403
    assert client.get(reverse(f"admin:chargers_{page}_add")).status_code == 403


def test_a_log_is_downloaded_by_who_may_see_it(rows: ChargingStation, operator_b: Operator) -> None:
    url = reverse("admin:chargers_logjob_file", args=[LogJob.objects.get().pk])

    told = logged_in(Role.OPERATIONS).get(url)

    assert body(told) == b"<b>log</b>"
    assert told["Content-Disposition"].startswith("attachment")
    assert told["Content-Type"] == "application/octet-stream"
    assert Client(headers={"host": "guadeloupe.localhost"}).get(url).status_code == 302
    with operator_context(operator_b.schema_name):
        other = logged_in(Role.OPERATIONS, host="martinique.localhost")
        assert other.get(url).status_code == 404


@pytest.mark.parametrize("action", ["export_csv", "export_jsonl"])
def test_the_message_log_is_exported_without_tokens(rows: ChargingStation, action: str) -> None:
    told = logged_in(Role.OPERATIONS).post(
        reverse("admin:chargers_stationmessage_changelist"),
        {"action": action, "_selected_action": [StationMessage.objects.get().pk]},
    )

    text = body(told).decode()
    assert "***B3C4" in text
    assert "04A2B3C4" not in text
    assert told["Content-Disposition"].startswith('attachment; filename="ocpp-guadeloupe-')


def test_a_frame_is_shown_without_its_token(rows: ChargingStation) -> None:
    url = reverse("admin:chargers_stationmessage_change", args=[StationMessage.objects.get().pk])

    shown = logged_in(Role.OPERATIONS).get(url).content.decode()

    assert "***B3C4" in shown
    assert "04A2B3C4" not in shown
