"""An operator's access to feeds, what is asked of them and what came back."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.markets.choices import CallOutcome, DeliveryStatus, DocumentStatus, Feed, FeedState
from apps.tenants.fields import EncryptedTextField


class FeedAccess(models.Model):
    """This operator's access to one feed for one area, and how it stands."""

    feed = models.CharField(_("feed"), max_length=16, choices=Feed.choices)
    area = models.CharField(_("area"), max_length=40, blank=True, default="")
    base_url = models.CharField(_("address"), max_length=300, blank=True, default="")
    token = EncryptedTextField(_("token"), blank=True, default="")
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    quota_per_day = models.PositiveIntegerField(_("calls a day at most"), null=True, blank=True)
    state = models.CharField(
        _("state"), max_length=16, choices=FeedState.choices, default=FeedState.NEW
    )
    state_since = models.DateTimeField(_("state since"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True, default="")
    last_call_at = models.DateTimeField(_("last call at"), null=True, blank=True)
    last_success_at = models.DateTimeField(_("last success at"), null=True, blank=True)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("feed access")
        verbose_name_plural = _("feed accesses")
        ordering = ["feed", "area"]
        constraints = [
            models.UniqueConstraint(fields=["feed", "area"], name="markets_feedaccess_once")
        ]

    def __str__(self) -> str:
        return " ".join(part for part in (self.get_feed_display(), self.area) if part)


class FeedRequest(models.Model):
    """One thing that is asked of a feed for one day: is it in, and when is it asked again?"""

    access = models.ForeignKey(
        FeedAccess, on_delete=models.CASCADE, related_name="requests", verbose_name=_("access")
    )
    request = models.CharField(_("request"), max_length=40, default="prices")
    day = models.DateField(_("day"))
    status = models.CharField(
        _("status"),
        max_length=16,
        choices=DeliveryStatus.choices,
        default=DeliveryStatus.MISSING,
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    last_attempt_at = models.DateTimeField(_("last attempt at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("feed request")
        verbose_name_plural = _("feed requests")
        ordering = ["-day", "access", "request"]
        constraints = [
            models.UniqueConstraint(
                fields=["access", "request", "day"], name="markets_feedrequest_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.access} {self.request} {self.day}"


class FeedCall(models.Model):
    """One call to a source; today's are counted against the quota."""

    access = models.ForeignKey(
        FeedAccess, on_delete=models.CASCADE, related_name="calls", verbose_name=_("access")
    )
    request = models.CharField(_("request"), max_length=40)
    day = models.DateField(_("day"), null=True, blank=True)
    at = models.DateTimeField(_("at"))
    outcome = models.CharField(
        _("outcome"), max_length=12, choices=CallOutcome.choices, default=CallOutcome.RUNNING
    )
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    values_new = models.PositiveIntegerField(_("new or changed values"), default=0)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["access", "at"], name="markets_feedcall_access_at")]

    def __str__(self) -> str:
        return f"{self.access} {self.request} {self.at:%Y-%m-%dT%H:%MZ}"


class ImportedDocument(models.Model):
    """A document as received (raw, kept as evidence) and what became of it.

    `faults` are the rows that were refused: "line 3, price: ...".
    """

    access = models.ForeignKey(
        FeedAccess, on_delete=models.CASCADE, related_name="documents", verbose_name=_("access")
    )
    request = models.CharField(_("request"), max_length=40, default="prices")
    day = models.DateField(_("day"), null=True, blank=True)
    name = models.CharField(_("file"), max_length=200, blank=True, default="")
    document_id = models.CharField(_("document"), max_length=64, blank=True, default="")
    revision = models.PositiveIntegerField(_("revision"), default=1)
    status = models.CharField(_("status"), max_length=16, choices=DocumentStatus.choices)
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    faults = models.JSONField(_("refused rows"), default=list, blank=True)
    values_new = models.PositiveIntegerField(_("new or changed values"), default=0)
    times_received = models.PositiveIntegerField(_("times received"), default=1)
    received_at = models.DateTimeField(_("last received at"))
    received_by = models.CharField(_("received by"), max_length=150, blank=True, default="")
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    raw = models.BinaryField(_("document as received"))

    class Meta:
        verbose_name = _("imported document")
        verbose_name_plural = _("imported documents")
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["access", "request", "day", "sha256"],
                nulls_distinct=False,
                name="markets_importeddocument_once",
            )
        ]

    def __str__(self) -> str:
        return " ".join(
            str(part) for part in (self.access, self.request, self.day, self.name) if part
        )
