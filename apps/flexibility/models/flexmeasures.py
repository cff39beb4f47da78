"""The operator's FlexMeasures account and what we created in it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Device, Site
from apps.chargers.models import Evse
from apps.flexibility.choices import AssetKind, PlanReason, SensorRole
from apps.tenants.fields import EncryptedTextField


class FlexmeasuresAccount(models.Model):
    """This operator's account in FlexMeasures (at most one row) and its service user."""

    singleton = models.BooleanField(default=True, editable=False, unique=True)
    account_id = models.PositiveIntegerField(_("account in FlexMeasures"), null=True, blank=True)
    name = models.CharField(_("account name"), max_length=120)
    username = models.CharField(_("service user"), max_length=80)
    email = models.EmailField(_("e-mail of the service user"))
    password = EncryptedTextField(_("password"))
    provisioned_at = models.DateTimeField(_("set up at"), null=True, blank=True)
    server_version = models.CharField(_("server version"), max_length=32, blank=True, default="")
    last_error_code = models.CharField(
        _("last problem"), max_length=24, blank=True, default="", choices=PlanReason.choices
    )
    busy_until = models.DateTimeField(_("being set up until"), null=True, blank=True)
    slot_means_until = models.DateTimeField(
        _("slot means handed over until"), null=True, blank=True
    )

    class Meta:
        verbose_name = _("FlexMeasures account")
        verbose_name_plural = _("FlexMeasures accounts")
        constraints = [
            models.CheckConstraint(condition=Q(singleton=True), name="flexibility_account_only_one")
        ]

    def __str__(self) -> str:
        return self.name


class FlexmeasuresAsset(models.Model):
    """An asset in FlexMeasures: a site, or a device or an EVSE of it."""

    asset_id = models.PositiveIntegerField(_("asset in FlexMeasures"), unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=AssetKind.choices)
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="flexmeasures_assets", verbose_name=_("site")
    )
    device = models.OneToOneField(
        Device,
        on_delete=models.CASCADE,
        related_name="flexmeasures_asset",
        null=True,
        blank=True,
        verbose_name=_("device"),
    )
    evse = models.OneToOneField(
        Evse,
        on_delete=models.CASCADE,
        related_name="flexmeasures_asset",
        null=True,
        blank=True,
        verbose_name=_("EVSE"),
    )
    name = models.CharField(_("name"), max_length=120)

    class Meta:
        verbose_name = _("FlexMeasures asset")
        verbose_name_plural = _("FlexMeasures assets")
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=Q(device__isnull=True, evse__isnull=True),
                name="flexibility_one_asset_per_site",
            ),
            models.CheckConstraint(
                condition=Q(device__isnull=True) | Q(evse__isnull=True),
                name="flexibility_asset_device_or_evse",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FlexmeasuresSensor(models.Model):
    """A sensor in FlexMeasures and the values of it that FlexMeasures already knows."""

    asset = models.ForeignKey(
        FlexmeasuresAsset, on_delete=models.CASCADE, related_name="sensors", verbose_name=_("asset")
    )
    sensor_id = models.PositiveIntegerField(_("sensor in FlexMeasures"), unique=True)
    role = models.CharField(_("role"), max_length=20, choices=SensorRole.choices)
    unit = models.CharField(_("unit"), max_length=12)
    # Forecasts and prices ahead, by slot start (RFC 3339): only what changed is posted again.
    posted = models.JSONField(_("values posted ahead"), default=dict, blank=True)

    class Meta:
        verbose_name = _("FlexMeasures sensor")
        verbose_name_plural = _("FlexMeasures sensors")
        constraints = [
            models.UniqueConstraint(fields=["asset", "role"], name="flexibility_sensor_asset_role")
        ]

    def __str__(self) -> str:
        return f"{self.asset} {self.role}"
