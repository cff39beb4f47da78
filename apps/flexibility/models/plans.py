"""The plans that FlexMeasures gave us, and what the devices of a site follow."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Device, Site
from apps.chargers.models import Session
from apps.flexibility.choices import (
    ControlMode,
    Objective,
    PlanReason,
    PlanSource,
    PlanStatus,
    ReplanReason,
    reason_words,
)

IN_FLIGHT = [PlanStatus.REQUESTED, PlanStatus.RUNNING]


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
    objective = models.CharField(
        _("objective"), max_length=16, choices=Objective.choices, default=Objective.COST
    )
    trigger = models.CharField(
        _("made because"),
        max_length=16,
        choices=ReplanReason.choices,
        default=ReplanReason.SCHEDULED,
    )
    basis = models.JSONField(_("what it was made of"), default=dict, blank=True)
    """`PlanBasis.as_json()`: prices, expected flows and limits of each slot."""
    findings = models.JSONField(_("what FlexMeasures said of it"), default=dict, blank=True)
    """Unresolved wishes and the cost of each commitment."""

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
    """What a plan wants of one device or one car during one slot.

    Of a battery and a car: its power and the state of charge at the slot's end. Of a PV plant: the
    most it may produce (<= 0), only where it is curtailed.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="slots")
    device = models.ForeignKey(
        Device, on_delete=models.CASCADE, related_name="plan_slots", null=True, blank=True
    )
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="plan_slots", null=True, blank=True
    )
    start = models.DateTimeField(_("start"))
    power_kw = models.FloatField(_("power (kW, charging positive)"))
    soc_percent = models.FloatField(_("state of charge at the end (%)"), null=True, blank=True)

    class Meta:
        verbose_name = _("planned slot")
        verbose_name_plural = _("planned slots")
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "start", "device"], name="flexibility_planslot_once"
            ),
            models.UniqueConstraint(
                fields=["plan", "start", "session"], name="flexibility_planslot_session_once"
            ),
            models.CheckConstraint(
                condition=Q(device__isnull=True, session__isnull=False)
                | Q(device__isnull=False, session__isnull=True),
                name="flexibility_planslot_device_or_session",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start:%H:%MZ} {self.power_kw:+.1f} kW"


class ReplanCall(models.Model):
    """Something happened that the plan of a site does not know of (at most one row per site)."""

    site = models.OneToOneField(
        Site, on_delete=models.CASCADE, related_name="replan_call", verbose_name=_("site")
    )
    reason = models.CharField(_("reason"), max_length=16, choices=ReplanReason.choices)
    detail = models.CharField(_("detail"), max_length=200, blank=True, default="")
    first_asked_at = models.DateTimeField(_("first asked at"))
    asked_at = models.DateTimeField(_("asked at"))

    class Meta:
        verbose_name = _("call for a new plan")
        verbose_name_plural = _("calls for a new plan")

    def __str__(self) -> str:
        return f"{self.site} {self.reason}"


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
