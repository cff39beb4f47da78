"""What a month at a site came to, beside what it would have come to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Site


class EnergyReport(models.Model):
    """The report of one site and local month; computed again while the month can still change."""

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="energy_reports", verbose_name=_("site")
    )
    month = models.DateField(_("month"))
    """Its first day."""
    computed_at = models.DateTimeField(_("computed at"))
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    is_final = models.BooleanField(_("final"), default=False)
    figures = models.JSONField(_("figures"), default=dict)
    """`ReportFigures.as_json()`; money as text."""

    class Meta:
        verbose_name = _("energy report")
        verbose_name_plural = _("energy reports")
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(fields=["site", "month"], name="flexibility_report_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="flexibility_report_month"),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.month:%Y-%m}"
