"""Reads of plans, forecasts, cars and reports."""

from apps.flexibility.selectors.plans import (
    ControlView,
    DeviceSlot,
    PlanSummary,
    SlotTotal,
    control_state,
    local_day,
    plan_counts,
    plan_device_slots,
    plan_in_force,
    plan_last_attempt,
    plan_slots_total,
    plan_summary,
    plan_today,
)

__all__ = [
    "ControlView",
    "DeviceSlot",
    "PlanSummary",
    "SlotTotal",
    "control_state",
    "local_day",
    "plan_counts",
    "plan_device_slots",
    "plan_in_force",
    "plan_last_attempt",
    "plan_slots_total",
    "plan_summary",
    "plan_today",
]
