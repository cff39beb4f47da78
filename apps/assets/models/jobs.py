"""What a person asks a gateway while commissioning."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.choices import JobKind, JobStatus, Transport
from apps.assets.models.devices import Device


class GatewayJob(models.Model):
    """A person's question to one unit behind a gateway, answered by whoever polls that gateway.

    So a device that takes only one connection is asked over the one that is open. A job whose
    gateway nobody polls is answered by a task over a connection of its own.
    """

    kind = models.CharField(_("kind"), max_length=10, choices=JobKind.choices)
    device = models.ForeignKey(
        Device,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="jobs",
        verbose_name=_("device"),
    )
    host = models.CharField(_("host"), max_length=253)
    port = models.PositiveIntegerField(_("port"))
    unit_id = models.PositiveSmallIntegerField(_("unit id"))
    transport = models.CharField(_("transport"), max_length=14, choices=Transport.choices)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    status = models.CharField(
        _("status"), max_length=8, choices=JobStatus.choices, default=JobStatus.QUEUED
    )
    answer = models.JSONField(_("answer"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("gateway job")
        verbose_name_plural = _("gateway jobs")
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=JobStatus.values), name="gateway_job_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=JobKind.values), name="gateway_job_kind_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=("host", "port"),
                condition=models.Q(status="queued"),
                name="gateway_job_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.host}:{self.port}/{self.unit_id} {self.status}"
