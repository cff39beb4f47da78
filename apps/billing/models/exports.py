"""Files that people ask for, and the choices of columns that they keep."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.billing.exports.choices import CsvStyle, ExportKind, ExportState, RowOrder
from cariflex.common.ids import new_id


class ExportView(models.Model):
    """Columns, order and style of a CDR export under a name: one's own, or for everybody."""

    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="export_views", verbose_name=_("owner"),
    )  # fmt: skip
    is_shared = models.BooleanField(_("for everybody"), default=False)
    columns = models.JSONField(_("columns"), default=list)
    """Names of the register of columns, in the order of the file."""
    order = models.CharField(
        _("order of rows"), max_length=20, choices=RowOrder.choices, default=RowOrder.ISSUED
    )
    style = models.CharField(
        _("separators"), max_length=13, choices=CsvStyle.choices, default=CsvStyle.INTERNATIONAL
    )
    with_titles = models.BooleanField(_("titles in words"), default=False)
    """Titles for people, in the reader's language; else names for programs."""
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("export view")
        verbose_name_plural = _("export views")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="export_view_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ExportJob(models.Model):
    """A file that somebody asked for; made in the background, kept for some days.

    The row stays when the file has gone: it says who took what out of the books.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("kind"), max_length=14, choices=ExportKind.choices)
    params = models.JSONField(_("what was asked for"), default=dict, blank=True)
    selection = ArrayField(models.UUIDField(), null=True, blank=True, editable=False)
    """CDRs that were picked one by one; forgotten when the job ends."""
    language = models.CharField(_("language"), max_length=5, default="en")
    state = models.CharField(
        _("state"), max_length=9, choices=ExportState.choices, default=ExportState.QUEUED
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("requested by"),
    )  # fmt: skip
    requested_by_name = models.CharField(_("name"), max_length=150, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    """The number of the attempt that may write: an older one has lost the job."""
    rows_total = models.PositiveBigIntegerField(_("rows"), null=True, blank=True)
    rows_done = models.PositiveBigIntegerField(_("rows written"), default=0)
    error_code = models.CharField(_("error code"), max_length=60, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    file_name = models.CharField(_("file name"), max_length=150, blank=True)
    media_type = models.CharField(_("media type"), max_length=100, blank=True)
    stored_as = models.CharField(max_length=300, blank=True, editable=False)
    """Path of the file below the operator's own folder."""
    size_bytes = models.PositiveBigIntegerField(_("size (bytes)"), default=0)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    downloads = models.PositiveIntegerField(_("downloads"), default=0)
    downloaded_at = models.DateTimeField(_("last downloaded at"), null=True, blank=True)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done")
                | (
                    Q(ended_at__isnull=False, expires_at__isnull=False)
                    & ~Q(stored_as="")
                    & ~Q(sha256="")
                ),
                name="export_done_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("queued", "running")) | Q(ended_at__isnull=False),
                name="export_over_has_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["-requested_at", "-id"], name="export_requested"),
            models.Index(
                fields=["requested_at"], condition=Q(state__in=("queued", "running")),
                name="export_open",
            ),
            models.Index(
                fields=["expires_at"], condition=Q(state="done"), name="export_expiry"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.file_name or f"{self.get_kind_display()} {self.requested_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """True while it waits or runs."""
        return self.state in (ExportState.QUEUED, ExportState.RUNNING)

    @property
    def percent(self) -> int | None:
        """Progress in 0-100, None while the number of rows is not known."""
        if self.state == ExportState.DONE:
            return 100
        if not self.rows_total:
            return None
        return min(99, 100 * self.rows_done // self.rows_total)
