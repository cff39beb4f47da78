"""Lists that people and partners send, kept as they came, with what became of each line."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.choices import ImportLineStatus, ImportStatus


class Import(models.Model):
    """One list that arrived."""

    name = models.CharField(_("name"), max_length=200)
    received_at = models.DateTimeField(_("received at"))
    received_from = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("received from"),
    )
    status = models.CharField(_("status"), max_length=8, choices=ImportStatus.choices)
    lines_count = models.PositiveIntegerField(_("lines"), default=0)
    stored_count = models.PositiveIntegerField(_("stored"), default=0)
    flagged_count = models.PositiveIntegerField(_("flagged"), default=0)
    refused_count = models.PositiveIntegerField(_("refused"), default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} {self.status}"


class ImportLine(models.Model):
    """One line of a list: its text as it came, and the field and rule that it breaks."""

    number = models.PositiveIntegerField(_("line"))
    text = models.TextField(_("text"))
    status = models.CharField(_("status"), max_length=8, choices=ImportLineStatus.choices)
    field = models.CharField(_("field"), max_length=60, blank=True)
    rule = models.CharField(_("rule"), max_length=300, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.number} {self.status}"


class DeviceImport(Import):
    """A list of devices (CSV)."""

    header = models.TextField(_("header"), blank=True)
    """The line that names the columns, as it came: each line's text is read by it."""

    class Meta:
        verbose_name = _("import of devices")
        verbose_name_plural = _("imports of devices")
        ordering = ("-id",)


class DeviceImportLine(ImportLine):
    """A device of such a list."""

    of_import = models.ForeignKey(
        DeviceImport, on_delete=models.CASCADE, related_name="lines", verbose_name=_("import")
    )

    class Meta:
        verbose_name = _("line of an import of devices")
        verbose_name_plural = _("lines of imports of devices")
        ordering = ("of_import", "number")


class ReadingImport(Import):
    """Readings that a partner sent over the API."""

    digest = models.CharField(_("digest"), max_length=64, blank=True)
    """SHA-256 of the body: the same body sent again is the same import."""
    idempotency_key = models.CharField(_("idempotency key"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("import of readings")
        verbose_name_plural = _("imports of readings")
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("received_from", "idempotency_key"),
                condition=~models.Q(idempotency_key=""),
                name="reading_import_key_once",
            ),
        ]
        indexes = [
            models.Index(fields=("received_from", "digest"), name="reading_import_of_body"),
        ]


class ReadingImportLine(ImportLine):
    """A reading that was refused or flagged; the good ones are in the readings."""

    of_import = models.ForeignKey(
        ReadingImport, on_delete=models.CASCADE, related_name="lines", verbose_name=_("import")
    )

    class Meta:
        verbose_name = _("line of an import of readings")
        verbose_name_plural = _("lines of imports of readings")
        ordering = ("of_import", "number")
