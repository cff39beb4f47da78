"""The operator's FlexMeasures account, what we created in it, and the plans it gave us."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Device, Site
from apps.flexibility.choices import (
    AssetKind,
    ControlMode,
    PlanReason,
    PlanSource,
    PlanStatus,
    SensorRole,
    reason_words,
)
from apps.tenants.fields import EncryptedTextField

IN_FLIGHT = [PlanStatus.REQUESTED, PlanStatus.RUNNING]


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
    """An asset in FlexMeasures: a site, or a device of it."""

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
    name = models.CharField(_("name"), max_length=120)

    class Meta:
        verbose_name = _("FlexMeasures asset")
        verbose_name_plural = _("FlexMeasures assets")
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=Q(device__isnull=True),
                name="flexibility_one_asset_per_site",
            )
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


class Plan(models.Model):
    """One attempt to plan a site for [start, end), and what came of it.

    The constraints keep at most one attempt in flight per site and one accepted plan per slot.
    """

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="plans", verbose_name=_("site")
    )
    source = models.CharField(
        _("source"), max_length=16, choices=PlanSource.choices, default=PlanSource.FLEXMEASURES
    )
    status = models.CharField(
        _("status"), max_length=10, choices=PlanStatus.choices, default=PlanStatus.REQUESTED
    )
    start = models.DateTimeField(_("start"))
    end = models.DateTimeField(_("end"))
    resolution_s = models.PositiveIntegerField(_("resolution (s)"), default=900)
    reason_code = models.CharField(
        _("reason"), max_length=24, blank=True, default="", choices=PlanReason.choices
    )
    detail = models.CharField(_("detail"), max_length=300, blank=True, default="")
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    requested_at = models.DateTimeField(_("requested at"))
    computed_at = models.DateTimeField(_("computed at"), null=True, blank=True)
    duration_s = models.FloatField(_("time taken (s)"), null=True, blank=True)
    lease_until = models.DateTimeField(_("lease until"))
    retry_at = models.DateTimeField(_("next attempt not before"), null=True, blank=True)
    job_id = models.CharField(_("job in FlexMeasures"), max_length=64, blank=True, default="")
    server_version = models.CharField(_("server version"), max_length=32, blank=True, default="")
    price_sensor_id = models.PositiveIntegerField(_("price sensor"), null=True, blank=True)
    price_count = models.PositiveIntegerField(_("prices used"), default=0)
    price_actual_count = models.PositiveIntegerField(_("of these published"), default=0)
    price_area = models.CharField(_("market area"), max_length=16, blank=True, default="")
    price_min_eur_per_mwh = models.DecimalField(
        _("lowest price (EUR/MWh)"), max_digits=12, decimal_places=5, null=True, blank=True
    )
    price_max_eur_per_mwh = models.DecimalField(
        _("highest price (EUR/MWh)"), max_digits=12, decimal_places=5, null=True, blank=True
    )
    battery_cost_eur = models.DecimalField(
        _("cost of the batteries (EUR)"), max_digits=12, decimal_places=4, null=True, blank=True
    )

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["site", "status", "-start"], name="flexibility_plan_newest"),
            models.Index(fields=["site", "-requested_at"], name="flexibility_plan_attempts"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=Q(status__in=["requested", "running"]),
                name="flexibility_plan_one_in_flight",
            ),
            models.UniqueConstraint(
                fields=["site", "start"],
                condition=Q(status="accepted"),
                name="flexibility_plan_one_accepted",
            ),
            models.CheckConstraint(
                condition=Q(end__gt=F("start")), name="flexibility_plan_interval"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.start:%Y-%m-%dT%H:%MZ} {self.status}"

    @property
    def reason(self) -> str:
        """The reason in words, in the active language; empty when all is well."""
        return reason_words(self.reason_code)


class PlanSlot(models.Model):
    """What a plan wants of one battery during one slot, and the state of charge at its end."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="slots")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="plan_slots")
    start = models.DateTimeField(_("start"))
    power_kw = models.FloatField(_("power (kW, charging positive)"))
    soc_percent = models.FloatField(_("state of charge at the end (%)"))

    class Meta:
        verbose_name = _("planned slot")
        verbose_name_plural = _("planned slots")
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "start", "device"], name="flexibility_planslot_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.start:%H:%MZ} {self.power_kw:+.1f} kW"


class ControlState(models.Model):
    """What the batteries of a site follow now, since when and why (one row per site)."""

    site = models.OneToOneField(
        Site, on_delete=models.CASCADE, related_name="control_state", verbose_name=_("site")
    )
    mode = models.CharField(
        _("mode"), max_length=8, choices=ControlMode.choices, default=ControlMode.FALLBACK
    )
    reason_code = models.CharField(_("reason"), max_length=24, blank=True, default="")
    since = models.DateTimeField(_("since"))
    plan = models.ForeignKey(
        Plan, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("plan")
    )
    # The rule's set-points are renewed at a slower pace than it runs, so that power can follow.
    fallback_at = models.DateTimeField(_("own rule last applied at"), null=True, blank=True)

    class Meta:
        verbose_name = _("control state")
        verbose_name_plural = _("control states")

    def __str__(self) -> str:
        return f"{self.site} {self.mode}"

    @property
    def reason(self) -> str:
        """The reason in words, in the active language; empty when all is well."""
        return reason_words(self.reason_code)
