"""Pure rule: which plan the batteries of a site follow right now, or the own rule, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.flexibility.choices import ControlMode, ControlReason
from cariflex.common.units import QUARTER_HOUR, floor_slot

# A plan drifts away from what the batteries hold; after this long it is worse than the own rule.
HOLD_AT_MOST: Final = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class PlanAge:
    """The newest accepted plan that covers now."""

    plan_id: int
    start: datetime
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """The last attempt that ended without a plan."""

    reason_code: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What to follow and why."""

    mode: ControlMode
    reason_code: str
    plan_id: int | None


def control_decide(
    *, plan: PlanAge | None, failed: FailedAttempt | None, now: datetime
) -> Decision:
    """Follow the plan of this quarter hour; hold an older one up to 4 hours; else the own rule.

    The plan of the quarter hour before is still the plan while its successor is being computed;
    as soon as an attempt failed since, it is held, with that reason.
    """
    recent = failed if failed and (not plan or failed.requested_at > plan.requested_at) else None
    reason = recent.reason_code if recent else ""
    if plan is None:
        return Decision(ControlMode.FALLBACK, reason or ControlReason.NO_PLAN_YET.value, None)
    age = floor_slot(now) - plan.start
    if age > HOLD_AT_MOST:
        return Decision(ControlMode.FALLBACK, reason or ControlReason.PLAN_EXPIRED.value, None)
    if age <= timedelta(0) or (age <= QUARTER_HOUR and not reason):
        return Decision(ControlMode.PLAN, "", plan.plan_id)
    return Decision(ControlMode.HOLD, reason or ControlReason.PLAN_PENDING.value, plan.plan_id)
