"""New firmware for stations (block L; 1.6 §5.19 and the whitepaper's signed one)."""

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from apps.chargers.choices import UpkeepStatus
from apps.chargers.models import FirmwareJob
from apps.chargers.services import command_answers
from apps.chargers.services.intents import order_send
from apps.chargers.services.upkeep import IDLE, job_answered, job_begun, job_note, job_of
from cariflex.common.time import format_rfc3339

# FirmwareStatusEnumType; every other one is on the way.
_ENDS = {
    "Installed": UpkeepStatus.DONE,
    "DownloadFailed": UpkeepStatus.FAILED,
    "InstallationFailed": UpkeepStatus.FAILED,
    "InstallVerificationFailed": UpkeepStatus.FAILED,
    "InvalidSignature": UpkeepStatus.FAILED,
}


@transaction.atomic
def firmware_update(
    *,
    station_id: str,
    location: str,
    retrieve_at: datetime,
    install_at: datetime | None = None,
    signing_certificate: str = "",
    signature: str = "",
    requested_by_id: int | None = None,
    reason: str = "",
) -> FirmwareJob:
    """Ask a station to fetch and install firmware (L01, L02); DomainError as of `order_send`."""
    told: dict[str, Any] = {
        "location": location,
        "retrieveDateTime": format_rfc3339(retrieve_at),
        "installDateTime": format_rfc3339(install_at) if install_at else "",
        "signingCertificate": signing_certificate,
        "signature": signature,
    }
    (command,) = order_send(
        station_id=station_id,
        action="UpdateFirmware",
        payload={"firmware": {name: value for name, value in told.items() if value}},
        requested_by_id=requested_by_id,
        reason=reason,
    )
    job = FirmwareJob.objects.create(
        station=command.station,
        # The number that command_send gave; a 1.6 station knows none.
        request_id=command.pk,
        command=command,
        requested_by_id=requested_by_id,
        requested_at=command.requested_at,
        location=location,
        retrieve_at=retrieve_at,
        install_at=install_at,
        signing_certificate=signing_certificate,
        signature=signature,
    )
    job_begun(job, command)
    return job


@transaction.atomic
def firmware_status_note(
    *, station_pk: int, status: str, request_id: int | None, now: datetime
) -> None:
    """Note a FirmwareStatusNotification (L01); one of a job that we do not know is left alone."""
    job = job_of(FirmwareJob, station_pk=station_pk, request_id=request_id)
    if job is None or status == IDLE:
        return
    job_note(job, said=status, status=_ENDS.get(status, UpkeepStatus.RUNNING), now=now)


_answered = partial(job_answered, FirmwareJob)
_failed = partial(job_answered, FirmwareJob, answer=None)
for _action in ("UpdateFirmware", "SignedUpdateFirmware"):
    command_answers.register(_action, _answered, failed=_failed)
