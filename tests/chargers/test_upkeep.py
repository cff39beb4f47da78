"""Firmware and logs: asked for, told of, brought."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.chargers.models import ChargingStation, FirmwareJob, LogJob
from apps.chargers.services import logs
from apps.chargers.services.firmware import firmware_update
from apps.chargers.services.logs import log_ask
from apps.tenants.models import Operator
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID
from tests.chargers.server import BOOT, A, B, Csms, Station, at, eventually
from tests.chargers.v16.messages import BOOT_16

ROOT = "http://guadeloupe.localhost:5000"
SOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
FILE = "https://files.example/fw.bin"


def connected(csms: Csms, *, operator: str = A, version: str = "ocpp2.0.1") -> Station:
    password = PASSWORD_A if operator == A else PASSWORD_B
    station = csms.connect(operator, STATION_ID, password, subprotocols=(version,))
    station.tell("BootNotification", BOOT_16 if version == "ocpp1.6" else BOOT)
    return station


def asked_firmware() -> FirmwareJob:
    return firmware_update(station_id=STATION_ID, location=FILE, retrieve_at=SOON)


def asked_log() -> LogJob:
    return log_ask(station_id=STATION_ID, site_root=ROOT)


def answer(station: Station, payload: str) -> dict[str, Any]:
    """Answer what the station is asked next; what it was asked."""
    _call, message_id, _action, asked = station.receive()
    station.send(f'[3,"{message_id}",{payload}]')
    return asked  # type: ignore[no-any-return]


def firmware_is(status: str) -> FirmwareJob:
    return eventually(lambda: at(A, lambda: FirmwareJob.objects.filter(status=status).first()))


def steps(job: FirmwareJob | LogJob) -> list[str]:
    return [step["status"] for step in job.history]


# --- firmware ---


def test_firmware_from_the_order_to_installed(csms: Csms) -> None:
    station, other = connected(csms), connected(csms, operator=B)
    job = at(A, asked_firmware)
    at(B, asked_firmware)

    asked = answer(station, '{"status":"Accepted"}')

    assert asked == {
        "requestId": job.request_id,
        "firmware": {"location": FILE, "retrieveDateTime": "2026-03-10T12:00:00Z"},
    }
    firmware_is("running")
    for status in ("Downloading", "Downloading", "Downloaded", "Installing", "Installed"):
        told = {"status": status, "requestId": job.request_id}
        assert station.tell("FirmwareStatusNotification", told) == {}
    station.tell("FirmwareStatusNotification", {"status": "Idle"})
    ended = firmware_is("done")
    assert steps(ended) == ["Accepted", "Downloading", "Downloaded", "Installing", "Installed"]
    assert ended.ended_at is not None
    assert at(B, lambda: FirmwareJob.objects.get().status) == "asked"
    other.close()


def test_a_failed_download_that_is_tried_again_may_still_be_done(csms: Csms) -> None:
    station = connected(csms)
    job = at(A, asked_firmware)
    answer(station, '{"status":"Accepted"}')
    firmware_is("running")

    told = {"requestId": job.request_id}
    station.tell("FirmwareStatusNotification", {**told, "status": "DownloadFailed"})
    assert firmware_is("failed").ended_at is not None
    station.tell("FirmwareStatusNotification", {**told, "status": "Downloading"})
    assert firmware_is("running").ended_at is None
    station.tell("FirmwareStatusNotification", {**told, "status": "Installed"})
    station.tell("FirmwareStatusNotification", {**told, "status": "DownloadFailed"})

    assert at(A, lambda: FirmwareJob.objects.get().status) == "done"


def test_firmware_that_the_station_rejects_has_failed(csms: Csms) -> None:
    station = connected(csms)
    at(A, asked_firmware)

    answer(station, '{"status":"InvalidCertificate"}')

    assert steps(firmware_is("failed")) == ["InvalidCertificate"]


def test_a_newer_order_ends_the_one_before_when_the_station_says_so(csms: Csms) -> None:
    station = connected(csms)
    first = at(A, asked_firmware)
    answer(station, '{"status":"Accepted"}')
    firmware_is("running")

    second = at(A, asked_firmware)
    answer(station, '{"status":"AcceptedCanceled"}')

    assert firmware_is("ended").pk == first.pk
    assert firmware_is("running").pk == second.pk


def test_a_1_6_station_tells_without_a_number(csms: Csms) -> None:
    station = connected(csms, version="ocpp1.6")
    at(A, asked_firmware)

    assert answer(station, "{}") == {"location": FILE, "retrieveDate": "2026-03-10T12:00:00Z"}
    firmware_is("running")
    assert station.tell("FirmwareStatusNotification", {"status": "Installed"}) == {}

    assert steps(firmware_is("done")) == ["Accepted", "Installed"]


def test_what_belongs_to_no_job_changes_nothing(csms: Csms) -> None:
    station = connected(csms)
    job = at(A, asked_firmware)
    answer(station, '{"status":"Accepted"}')
    firmware_is("running")

    told = {"status": "Installed", "requestId": job.request_id + 1}
    assert station.tell("FirmwareStatusNotification", told) == {}
    assert station.tell("LogStatusNotification", {"status": "Uploaded", "requestId": 5}) == {}

    assert at(A, lambda: FirmwareJob.objects.get().status) == "running"


def test_an_order_to_an_absent_station_has_failed_at_once(station: ChargingStation) -> None:
    assert asked_firmware().status == "failed"
    assert asked_log().status == "failed"


# --- logs ---


def upload_path(job: LogJob) -> str:
    return f"/station-logs/{job.upload_secret}/"


@pytest.fixture
def job(station: ChargingStation) -> LogJob:
    """A log of CS-001 that is on its way."""
    ChargingStation.objects.update(connection_state="online", ocpp_version="2.0.1")
    return asked_log()


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    # The storage remembers the folder until this one is set.
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def put(job: LogJob, body: bytes, *, path: str = "", host: str = "guadeloupe.localhost") -> int:
    client = Client(enforce_csrf_checks=True, headers={"host": host})
    response = client.put(upload_path(job) + path, body, content_type="application/octet-stream")
    return response.status_code


def test_a_log_is_asked_for_and_told_of(csms: Csms) -> None:
    station = connected(csms)
    job = at(A, asked_log)

    asked = answer(station, '{"status":"Accepted","filename":"x.log"}')

    assert asked == {
        "requestId": job.request_id,
        "logType": "DiagnosticsLog",
        "log": {"remoteLocation": f"{ROOT}/station-logs/{job.upload_secret}/"},
    }
    told = {"requestId": job.request_id, "status": "UploadFailure"}
    assert station.tell("LogStatusNotification", told) == {}
    failed = eventually(lambda: at(A, lambda: LogJob.objects.filter(status="failed").first()))
    assert steps(failed)[-1] == "UploadFailure"


def test_a_1_6_station_without_diagnostics_has_failed(csms: Csms) -> None:
    station = connected(csms, version="ocpp1.6")
    at(A, asked_log)

    answer(station, "{}")

    eventually(lambda: at(A, lambda: LogJob.objects.filter(status="failed").exists()))


def test_a_log_is_taken_once(job: LogJob, tmp_path: Path) -> None:
    assert put(job, b"line one\n", path="../we ird%2F..%2Fname.log") == 201
    assert put(job, b"another") == 410

    job.refresh_from_db()
    assert (job.status, job.size_bytes, job.station_status) == ("done", 9, "Uploaded")
    (kept,) = files(tmp_path)
    assert kept.read_bytes() == b"line one\n"
    assert kept.parent == tmp_path / "guadeloupe" / "station-logs"


def test_a_log_may_come_as_a_form(job: LogJob, tmp_path: Path) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": "guadeloupe.localhost"})

    told = client.post(upload_path(job), {"log": SimpleUploadedFile("a.log", b"abc")})

    assert told.status_code == 201
    assert [path.read_bytes() for path in files(tmp_path)] == [b"abc"]


def test_a_secret_of_one_operator_opens_nothing_at_another(
    job: LogJob, operator_b: Operator, tmp_path: Path
) -> None:
    assert put(job, b"x", host="martinique.localhost") == 404
    assert files(tmp_path) == []


def test_a_log_that_is_too_large_too_late_or_unknown_is_refused(
    job: LogJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.chargers.uploads.MAX_BYTES", 3)
    assert put(job, b"four") == 413
    LogJob.objects.update(requested_at=job.requested_at - timedelta(days=1, seconds=1))
    assert put(job, b"abc") == 410
    job.upload_secret = "guessed"
    assert put(job, b"abc") == 404
    client = Client(headers={"host": "guadeloupe.localhost"})
    assert client.get(upload_path(job)).status_code == 405
    assert files(tmp_path) == []


def test_of_a_log_that_is_cut_off_nothing_is_kept(job: LogJob, tmp_path: Path) -> None:
    client = Client(headers={"host": "guadeloupe.localhost"})

    cut: dict[str, Any] = {"wsgi.input": BytesIO(b"half"), "CONTENT_LENGTH": "8"}
    told = client.generic("PUT", upload_path(job), b"", **cut)

    assert told.status_code == 400
    assert files(tmp_path) == []
    job.refresh_from_db()
    assert not job.file
    assert put(job, b"the whole") == 201


def test_the_limit_is_one_of_the_service() -> None:
    assert logs.MAX_BYTES == 104_857_600
