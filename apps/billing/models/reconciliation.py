"""Sessions, CDRs, meters and partners' copies set side by side: runs and what they found."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import ExceptionState, FindingKind, Resolution, RunPhase, RunState
from apps.billing.models.cdrs import Cdr
from apps.billing.models.settlements import PartnerCdr
from apps.chargers.models import Session


class ReconciliationRun(models.Model):
    """One comparison of what ended in [start, end); it goes on where it stopped."""

    start = models.DateTimeField(_("from"))
    end = models.DateTimeField(_("until"))
    state = models.CharField(
        _("state"), max_length=9, choices=RunState.choices, default=RunState.QUEUED
    )
    phase = models.CharField(
        _("step"), max_length=8, choices=RunPhase.choices, default=RunPhase.SESSIONS
    )
    place = models.CharField(max_length=80, blank=True, editable=False)
    """Key of the last row that the step has seen; empty at its beginning."""
    total_count = models.PositiveIntegerField(_("to compare"), default=0)
    checked_count = models.PositiveIntegerField(_("compared"), default=0)
    """Rows over all steps, of `total_count`."""
    findings_count = models.PositiveIntegerField(_("findings"), default=0)
    held_count = models.PositiveIntegerField(_("in the inbox"), default=0)
    """Sessions without a CDR whose reason is an open exception."""
    requested_at = models.DateTimeField(_("asked for at"))
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked for by"), on_delete=models.SET_NULL,
        null=True, blank=True, related_name="+",
    )  # fmt: skip
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    touched_at = models.DateTimeField(null=True, blank=True, editable=False)
    """The last sign of life: a run that shows none is taken up again."""
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="reconciliation_period"),
            models.UniqueConstraint(
                fields=["start", "end"],
                condition=Q(state__in=(RunState.QUEUED, RunState.RUNNING)),
                name="reconciliation_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d} - {self.end:%Y-%m-%d}"

    @property
    def is_active(self) -> bool:
        return self.state in (RunState.QUEUED, RunState.RUNNING)

    @property
    def progress_percent(self) -> int:
        """0 to 100."""
        if self.state == RunState.DONE:
            return 100
        return min(99, 100 * self.checked_count // self.total_count) if self.total_count else 0


class ReconciliationFinding(models.Model):
    """One disagreement; `expected` and `found` are kWh or an amount, as the kind says."""

    run = models.ForeignKey(ReconciliationRun, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(_("what"), max_length=16, choices=FindingKind.choices)
    subject = models.CharField(_("subject"), max_length=60, editable=False)
    """What is not right, the same in every run: `session:12`, `cdr:<id>` or `copy:7`."""
    session = models.ForeignKey(
        Session, verbose_name=_("session"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="+",
    )  # fmt: skip
    cdr = models.ForeignKey(
        Cdr, verbose_name=_("CDR"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="+",
    )  # fmt: skip
    partner_cdr = models.ForeignKey(
        PartnerCdr, verbose_name=_("partner's CDR"), on_delete=models.PROTECT, null=True,
        blank=True, related_name="+",
    )  # fmt: skip
    expected = models.DecimalField(
        _("expected"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    found = models.DecimalField(_("found"), max_digits=24, decimal_places=9, null=True, blank=True)
    unit = models.CharField(_("unit"), max_length=3, blank=True)
    """kWh, s, or the currency."""
    detail = models.CharField(_("in words"), max_length=300, blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=ExceptionState.choices, default=ExceptionState.OPEN
    )
    resolution = models.CharField(
        _("what was done"), max_length=14, choices=Resolution.choices, blank=True
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("resolved by"), on_delete=models.SET_NULL,
        null=True, blank=True, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("reconciliation finding")
        verbose_name_plural = _("reconciliation findings")
        ordering = ["-run", "kind", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "subject"], name="finding_once_in_run"),
            models.CheckConstraint(
                condition=Q(state=ExceptionState.OPEN, resolution="", resolved_at__isnull=True)
                | (Q(state=ExceptionState.RESOLVED, resolved_at__isnull=False) & ~Q(resolution="")),
                name="finding_resolved_says_how",
            ),
        ]
        indexes = [models.Index(fields=["kind", "subject"], name="finding_subject")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"

    @property
    def is_open(self) -> bool:
        return self.state == ExceptionState.OPEN
