"""Checks of a partner's interfaces against the standard."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.ocpi.models.partners import Partner


class ConformanceState(models.TextChoices):
    """How far a check is. One that was cut off stays `running` until it is found silent."""

    RUNNING = "running", pgettext_lazy("check", "running")
    ENDED = "ended", pgettext_lazy("check", "ended")
    FAILED = "failed", pgettext_lazy("check", "broken off")


class ConformanceReport(models.Model):
    """One walk through a partner's sender interfaces, rule by rule; it only reads.

    `rows`: {rule, module, outcome, told, seen, values, request_id} each. `told` is the English
    sentence of `seen` (a code) and its `values`; `request_id` is that of the exchange in the log.
    """

    partner = models.ForeignKey(
        Partner, on_delete=models.CASCADE, related_name="conformance_reports"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("asked by"),
    )  # fmt: skip
    state = models.CharField(
        _("state"), max_length=7, choices=ConformanceState.choices,
        default=ConformanceState.RUNNING,
    )  # fmt: skip
    version = models.CharField(_("version"), max_length=5, blank=True)
    """Whose rules were asked for."""
    started_at = models.DateTimeField(_("started at"))
    heard_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    """Of who works on it; None before somebody does."""
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    planned = models.PositiveIntegerField(_("rules to try"), default=0)
    passed = models.PositiveIntegerField(_("rules kept"), default=0)
    failed = models.PositiveIntegerField(_("rules broken"), default=0)
    skipped = models.PositiveIntegerField(_("rules not tried"), default=0)
    requests = models.PositiveIntegerField(_("requests"), default=0)
    note_code = models.CharField(_("why it stopped"), max_length=40, blank=True)
    """A code of `services.conformance.words`; empty for a check that reached its end."""
    note_values = models.JSONField(default=dict, blank=True)
    rows = models.JSONField(_("rules"), default=list, blank=True)

    class Meta:
        verbose_name = _("conformance report")
        verbose_name_plural = _("conformance reports")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner"],
                condition=models.Q(state="running"),
                name="ocpi_conformance_one_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["partner", "-started_at"], name="ocpi_conformance_partner"),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.state}"
