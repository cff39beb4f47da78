"""What an operator wants of the plans of a site."""

from __future__ import annotations

import logging
import math
from datetime import datetime, time
from decimal import Decimal
from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum

from apps.assets.choices import DeviceKind
from apps.assets.models import Device, Site
from apps.flexibility.choices import Objective, ReplanReason
from apps.flexibility.models import SitePolicy
from apps.flexibility.services.plan_wishes import plan_want
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)


class PolicyFields(TypedDict, total=False):
    """The numbers of a policy by the names of its columns; what is absent stays."""

    objective: str
    feed_in_margin_eur_per_mwh: Decimal
    co2_price_eur_per_t: Decimal
    peak_price_eur_per_kw: Decimal
    evening_from: time
    evening_until: time
    evening_bonus_eur_per_mwh: Decimal
    reserve_kw: float
    reserve_minutes: int
    car_target_soc_percent: float
    car_min_soc_percent: float
    car_max_soc_percent: float
    curtails_pv: bool


def site_policy_of(site_id: int) -> SitePolicy:
    """The policy of a site; one with the usual values is made where there is none yet."""
    return SitePolicy.objects.get_or_create(site_id=site_id)[0]


@transaction.atomic
def policy_set(*, site_id: int, now: datetime, **fields: Unpack[PolicyFields]) -> SitePolicy:
    """Change the policy of a site; a real change asks for a new plan at once.

    Raises DomainError (codes `policy.invalid`, `policy.reserve`, `policy.site_unknown`) that names
    the field.
    """
    if not Site.objects.filter(pk=site_id).exists():
        raise DomainError("policy.site_unknown", "There is no such site.", field="site")
    site_policy_of(site_id)
    policy = SitePolicy.objects.select_for_update().get(site_id=site_id)
    changed = [name for name, value in fields.items() if getattr(policy, name) != value]
    for name in changed:
        setattr(policy, name, fields[name])  # type: ignore[literal-required]
    _check(policy)
    if not changed:
        return policy
    policy.save(update_fields=changed)
    logger.info("policy changed site=%s fields=%s", site_id, ",".join(changed))
    plan_want(site_id=site_id, reason=ReplanReason.POLICY, now=now, detail=policy.objective)
    return policy


def _check(policy: SitePolicy) -> None:
    for name in ("reserve_kw", "car_min_soc_percent", "car_target_soc_percent",
                 "car_max_soc_percent"):  # fmt: skip
        # No validator of Django refuses a value that is not a number.
        if not math.isfinite(getattr(policy, name)):
            raise DomainError("policy.invalid", "This is no number.", field=name)
    try:
        policy.full_clean(exclude=["site"])
    except ValidationError as err:
        raise _refusal(err) from err
    if policy.evening_until <= policy.evening_from:
        raise DomainError(
            "policy.evening", "The evening must end after it begins.", field="evening_until"
        )
    _check_reserve(policy)


def _check_reserve(policy: SitePolicy) -> None:
    if policy.objective == Objective.RESERVE and not policy.reserve_kw:
        raise DomainError(
            "policy.reserve_missing", "A reserve of 0 kW is none.", field="reserve_kw"
        )
    rated = Device.objects.filter(site_id=policy.site_id, kind=DeviceKind.BATTERY)
    rated_kw = rated.aggregate(total=Sum("rated_power_kw"))["total"] or 0.0
    if policy.reserve_kw and policy.reserve_kw > rated_kw:
        raise DomainError(
            "policy.reserve", f"The batteries have {rated_kw:.0f} kW.", field="reserve_kw"
        )


def _refusal(err: ValidationError) -> DomainError:
    by_field = err.message_dict
    name = next(iter(by_field))
    # The only rule over several fields is the order of the car band.
    field = "car_target_soc_percent" if name == "__all__" else name
    return DomainError("policy.invalid", " ".join(by_field[name]), field=field)
