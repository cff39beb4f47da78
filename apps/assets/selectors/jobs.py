"""Reads of what persons ask gateways."""

from apps.assets.models import GatewayJob


def job_get(job_id: int) -> GatewayJob | None:
    """The job with its device and who asked; None when there is none. One query."""
    return GatewayJob.objects.select_related("device", "requested_by").filter(pk=job_id).first()
