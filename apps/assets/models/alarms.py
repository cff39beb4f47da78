"""What is wrong, since when, and who has seen it."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.choices import AlarmKind, Severity
from apps.assets.models.devices import Device, Sensor


class Alarm(models.Model):
    """One thing that is or was wrong, from when it was raised until it cleared.

    Wrong with a device, or with something that an app above knows (`source`: a charging station).
    """

    device = models.ForeignKey(
        Device,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="alarms",
        verbose_name=_("device"),
    )
    source = models.CharField(_("source"), max_length=24, blank=True)
    """What kind of thing it is when it is no device: `station`, `authority`."""
    source_id = models.BigIntegerField(_("id of the source"), null=True, blank=True)
    source_name = models.CharField(_("name of the source"), max_length=100, blank=True)
    sensor = models.ForeignKey(
        Sensor,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("sensor"),
    )
    kind = models.CharField(_("kind"), max_length=24, choices=AlarmKind.choices)
    code = models.CharField(_("code"), max_length=80, blank=True)
    """Tells alarms of one kind apart: the sensor's key, or the fault's code of the device."""
    severity = models.PositiveSmallIntegerField(_("severity"), choices=Severity.choices)
    words = models.JSONField(_("words"), default=dict)
    """Language code -> what the device model says about the fault; empty: the kind says it all."""
    figures = models.JSONField(_("figures"), default=dict)
    """The measured values that raised it, by name with unit."""
    raised_at = models.DateTimeField(_("since"))
    cleared_at = models.DateTimeField(_("until"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("acknowledged by"),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("device", "kind", "code"),
                condition=models.Q(cleared_at=None),
                name="alarm_one_open_of_a_kind",
            ),
            models.UniqueConstraint(
                fields=("source", "source_id", "kind", "code"),
                condition=models.Q(cleared_at=None, device=None),
                name="alarm_one_open_of_a_source",
            ),
            models.CheckConstraint(
                condition=models.Q(device__isnull=False, source="", source_id=None)
                | (models.Q(device=None, source_id__isnull=False) & ~models.Q(source="")),
                name="alarm_of_device_or_source",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=AlarmKind.values), name="alarm_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(cleared_at=None)
                | models.Q(cleared_at__gte=models.F("raised_at")),
                name="alarm_cleared_after_raised",
            ),
        ]
        indexes = [
            models.Index(fields=("-raised_at",), name="alarm_by_time"),
            models.Index(fields=("device", "-raised_at"), name="alarm_of_device"),
        ]

    def __str__(self) -> str:
        about = self.source_name if self.device_id is None else self.device_id
        return f"{about} {self.kind} {self.code}".rstrip()


class AlarmDigest(models.Model):
    """Who gets the alarms by e-mail, and how often; one row a user."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="alarm_digest",
        verbose_name=_("user"),
    )
    least_severity = models.PositiveSmallIntegerField(
        _("least severity"), choices=Severity.choices, default=Severity.WARNING
    )
    every_minutes = models.PositiveIntegerField(
        _("at most every (minutes)"),
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * 60)],
    )
    language = models.CharField(
        _("language"), max_length=8, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    is_active = models.BooleanField(_("active"), default=True)
    sent_until = models.DateTimeField(_("sent until"), null=True, blank=True, editable=False)
    """Everything raised or cleared before this instant was in a mail."""
    last_error = models.CharField(_("last error"), max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = _("alarms by e-mail")
        verbose_name_plural = _("alarms by e-mail")
        ordering = ("user_id",)

    def __str__(self) -> str:
        return f"{self.user_id} {self.every_minutes} min"
