"""Which plan is followed, and when the own rule takes over."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.flexibility.choices import (
    ControlMode,
    ControlReason,
    PlanReason,
    PlanStatus,
    reason_words,
)
from apps.flexibility.control import Decision, FailedAttempt, PlanAge, control_decide

SLOT = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
NOW = SLOT + timedelta(minutes=4)


def plan(slots_ago: int) -> PlanAge:
    start = SLOT - slots_ago * timedelta(minutes=15)
    return PlanAge(7, start, start + timedelta(seconds=5))


def failed(seconds_ago: float, reason: str = "unavailable") -> FailedAttempt:
    return FailedAttempt(reason, NOW - timedelta(seconds=seconds_ago))


@pytest.mark.parametrize(
    ("age", "attempt", "expected"),
    [
        (plan(0), None, Decision(ControlMode.PLAN, "", 7)),
        (plan(1), None, Decision(ControlMode.PLAN, "", 7)),
        (plan(0), failed(3600), Decision(ControlMode.PLAN, "", 7)),
        (plan(1), failed(10), Decision(ControlMode.HOLD, "unavailable", 7)),
        (plan(2), None, Decision(ControlMode.HOLD, "plan_pending", 7)),
        (plan(16), failed(10), Decision(ControlMode.HOLD, "unavailable", 7)),
        (plan(17), failed(10), Decision(ControlMode.FALLBACK, "unavailable", None)),
        (plan(17), None, Decision(ControlMode.FALLBACK, "plan_expired", None)),
        (None, None, Decision(ControlMode.FALLBACK, "no_plan_yet", None)),
        (None, failed(10, "infeasible"), Decision(ControlMode.FALLBACK, "infeasible", None)),
    ],
)
def test_decision(age: PlanAge | None, attempt: FailedAttempt | None, expected: Decision) -> None:
    assert control_decide(plan=age, failed=attempt, now=NOW) == expected


def test_every_reason_has_words() -> None:
    for reason in [*PlanReason, *ControlReason]:
        assert bool(reason_words(reason.value)) == bool(reason.value)
    assert reason_words("never heard of") == "never heard of"
    assert len(PlanStatus.values) == len(set(PlanStatus.values))
