"""What was asked of a device's gateway while commissioning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from apps.assets.choices import JobKind, JobStatus
from apps.assets.models import Device, GatewayJob

_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class DeviceJobs:
    """The jobs of a device at the address it has now, by kind: the newest, and the newest done."""

    newest: Mapping[str, GatewayJob]
    done: Mapping[str, GatewayJob]

    @property
    def waiting(self) -> Mapping[str, GatewayJob]:
        """What is not answered yet, by kind."""
        return {kind: job for kind, job in self.newest.items() if job.status in _UNFINISHED}


def device_jobs(device: Device) -> DeviceJobs:
    """The device's jobs. Two queries."""
    jobs = _at_address(device)
    return DeviceJobs(
        newest={job.kind: job for job in jobs},
        done={job.kind: job for job in jobs.filter(status=JobStatus.DONE)},
    )


def _at_address(device: Device) -> QuerySet[GatewayJob]:
    """One job of each kind; what was asked at another address says nothing any more."""
    return (
        GatewayJob.objects.filter(
            device=device,
            host=device.host,
            port=device.port,
            unit_id=device.unit_id,
            transport=device.transport,
        )
        .select_related("requested_by")
        .order_by("kind", "-id")
        .distinct("kind")
    )


def jobs_by_id(job_ids: Sequence[int]) -> list[GatewayJob]:
    """The probes among these jobs, with their devices, by the device's code. One query."""
    return list(
        GatewayJob.objects.filter(pk__in=job_ids, kind=JobKind.PROBE, device__isnull=False)
        .select_related("device")
        .order_by("device__code")
    )
