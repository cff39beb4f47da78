"""What waits for a person before it is billed, and what a person said about it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import ExceptionKind, ExceptionState, Resolution
from apps.billing.models.cdrs import Cdr
from apps.chargers.models import Session


class BillingException(models.Model):
    """One reason to look at one session; each reason comes once for a session and its CDR."""

    session = models.ForeignKey(
        Session,
        verbose_name=_("session"),
        on_delete=models.PROTECT,
        related_name="billing_exceptions",
    )
    cdr = models.ForeignKey(
        Cdr, verbose_name=_("CDR"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="exceptions",
    )  # fmt: skip
    """The CDR that is in question; None while there is none."""
    other_session = models.ForeignKey(
        Session, verbose_name=_("other session"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="+",
    )  # fmt: skip
    """The one that it overlaps."""
    kind = models.CharField(_("what"), max_length=16, choices=ExceptionKind.choices)
    state = models.CharField(
        _("state"), max_length=8, choices=ExceptionState.choices, default=ExceptionState.OPEN
    )
    detail = models.CharField(_("in words"), max_length=300, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    resolution = models.CharField(
        _("what was done"), max_length=14, choices=Resolution.choices, blank=True
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("resolved by"), on_delete=models.SET_NULL,
        null=True, blank=True, related_name="+",
    )  # fmt: skip
    history = models.JSONField(_("history"), default=list, blank=True, editable=False)
    """[{"at", "by", "resolution", "reason"}] of every time it was resolved or opened again."""

    class Meta:
        verbose_name = _("billing exception")
        verbose_name_plural = _("billing exceptions")
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "kind", "cdr"], nulls_distinct=False, name="exception_once"
            ),
            models.CheckConstraint(
                condition=Q(state=ExceptionState.OPEN, resolution="", resolved_at__isnull=True)
                | (Q(state=ExceptionState.RESOLVED, resolved_at__isnull=False) & ~Q(resolution="")),
                name="exception_resolved_says_how",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-opened_at", "-id"], condition=Q(state=ExceptionState.OPEN),
                name="exception_open",
            ),
            models.Index(
                fields=["session"], condition=Q(resolution=Resolution.DO_NOT_BILL),
                name="exception_not_billed",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.session_id}"

    @property
    def is_open(self) -> bool:
        return self.state == ExceptionState.OPEN

    @property
    def is_blocking(self) -> bool:
        """True when no CDR is issued before it is resolved."""
        return self.kind in ExceptionKind.blocking()


class SessionCorrection(models.Model):
    """Figures that a person put in place of a station's; the newest of a session counts."""

    session = models.ForeignKey(
        Session,
        verbose_name=_("session"),
        on_delete=models.PROTECT,
        related_name="billing_corrections",
    )
    energy_kwh = models.DecimalField(
        _("energy (kWh)"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), on_delete=models.SET_NULL,
        null=True, blank=True, related_name="+",
    )  # fmt: skip
    by_name = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("session correction")
        verbose_name_plural = _("session corrections")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(energy_kwh__isnull=False)
                | Q(started_at__isnull=False)
                | Q(ended_at__isnull=False),
                name="correction_says_something",
            ),
            models.CheckConstraint(
                condition=Q(energy_kwh__isnull=True) | Q(energy_kwh__gte=0),
                name="correction_energy_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True)
                | Q(ended_at__isnull=True)
                | Q(ended_at__gte=F("started_at")),
                name="correction_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id}: {self.reason}"
