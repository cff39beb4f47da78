"""Looking after stations: firmware, logs, certificates."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import CertificateUse, UpkeepStatus
from apps.chargers.models.messages import Ordered
from apps.chargers.models.stations import ChargingStation
from apps.tenants.fields import EncryptedTextField


class Upkeep(Ordered):
    """A job at a station that goes on after the answer to its command."""

    request_id = models.BigIntegerField(_("request id"))
    status = models.CharField(
        _("status"), max_length=8, choices=UpkeepStatus.choices, default=UpkeepStatus.REQUESTED
    )
    station_status = models.CharField(_("said by the station"), max_length=40, blank=True)
    history = models.JSONField(_("history"), default=list, blank=True)
    """[{"at", "status"}], oldest first."""
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.request_id} {self.status}"


class FirmwareJob(Upkeep):
    """New firmware for a station (block L)."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="firmware_jobs"
    )
    location = models.CharField(_("address of the file"), max_length=512)
    retrieve_at = models.DateTimeField(_("fetch from"))
    install_at = models.DateTimeField(_("install from"), null=True, blank=True)
    signing_certificate = models.TextField(_("signing certificate"), blank=True)
    signature = models.TextField(_("signature"), blank=True)

    class Meta:
        verbose_name = _("firmware job")
        verbose_name_plural = _("firmware jobs")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["station", "request_id"], name="firmware_job_once"),
        ]


class LogJob(Upkeep):
    """Logs that a station was asked to upload (block N)."""

    station = models.ForeignKey(ChargingStation, on_delete=models.CASCADE, related_name="log_jobs")
    log_type = models.CharField(_("log"), max_length=20)
    oldest_at = models.DateTimeField(_("from"), null=True, blank=True)
    latest_at = models.DateTimeField(_("until"), null=True, blank=True)
    upload_secret = models.CharField(max_length=64, unique=True, editable=False)
    file = models.FileField(_("file"), upload_to="station-logs/", blank=True)
    size_bytes = models.PositiveBigIntegerField(_("size (bytes)"), default=0)

    class Meta:
        verbose_name = _("log job")
        verbose_name_plural = _("log jobs")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["station", "request_id"], name="log_job_once"),
        ]


class StationCertificate(models.Model):
    """A certificate at a station: its own, or a root that it trusts (blocks A, M)."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="certificates"
    )
    use = models.CharField(_("use"), max_length=30, choices=CertificateUse.choices)
    pem = models.TextField(_("certificate (PEM)"), blank=True)
    csr = models.TextField(_("signing request (PEM)"), blank=True)
    serial_number = models.CharField(_("serial number"), max_length=64, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    issuer = models.CharField(_("issuer"), max_length=300, blank=True)
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)
    hash_data = models.JSONField(_("hash data"), default=dict, blank=True)
    status = models.CharField(
        _("status"), max_length=8, choices=UpkeepStatus.choices, default=UpkeepStatus.REQUESTED
    )
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("certificate of a station")
        verbose_name_plural = _("certificates of stations")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.use} {self.serial_number}"


class CertificateAuthority(models.Model):
    """The operator's own authority that signs its stations' certificates."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    certificate = models.TextField(_("certificate (PEM)"))
    private_key = EncryptedTextField(_("private key"))
    valid_to = models.DateTimeField(_("valid to"))
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("certificate authority")
        verbose_name_plural = _("certificate authorities")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
