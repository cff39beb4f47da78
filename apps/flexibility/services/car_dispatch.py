"""Giving each plugged-in car its charging profile: by plan, or by the own rule.

Every few seconds, without asking FlexMeasures. What a car shall do is read again for each car
under its lock, from the plan that the site follows at that moment: a dispatch that was held up
never sends an older plan over a newer one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.chargers.choices import ProfilePurpose, ProfileSource, ProfileStatus, SessionState
from apps.chargers.models import ChargingProfile, ChargingStation, Command
from apps.chargers.ocpp.smart_charging.facts import StationFacts
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.charging_profiles import IN_FORCE, station_facts
from apps.chargers.services.charging_profiles import (
    CLEAR,
    profile_clear,
    profile_columns,
    profile_set,
)
from apps.chargers.services.commands import OPEN_STATUSES
from apps.flexibility.cars.goals import departure_note
from apps.flexibility.cars.profiles import (
    SAME_KW,
    PlannedCar,
    Wanted,
    WireStation,
    fitted,
    greatest_difference_kw,
    plan_powers,
    power_at,
    profile_of,
    rule_powers,
)
from apps.flexibility.choices import PlanStatus
from apps.flexibility.control import HOLD_AT_MOST
from apps.flexibility.models import CarGoal, ControlState, Plan, PlanSlot
from apps.flexibility.selectors import plan_in_force
from apps.flexibility.selectors.cars import running_goals, stations_site_id
from apps.flexibility.services.car_rule import RULE_LASTS, RuleCars
from apps.flexibility.services.car_shortfall import PlannedEnd, shortfall_state
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR

logger = logging.getLogger(__name__)

# Powers further away than this are sent when they come nearer.
AHEAD: Final = timedelta(hours=1)
# A profile that ends sooner is renewed, when there is something to renew it with.
RENEW_WITHIN: Final = timedelta(minutes=15)
RULE_RENEW_WITHIN: Final = timedelta(minutes=4)
# A station that refused, or did not answer, is asked again after this.
RETRY_AFTER: Final = timedelta(seconds=60)
# Under the own rule a power falls at once and rises at this pace: the sun comes and goes.
RISE_EVERY: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class _Course:
    """What a car shall do from now on; `car` None: charge at once, without a profile."""

    car: PlannedCar | None
    is_rule: bool = False
    planned_end: PlannedEnd | None = None


def cars_dispatch(*, now: datetime) -> int:
    """Send each running car the profile that differs from what its station has; how many.

    Safe to run at any time and twice at once: a car that another dispatch is at is left to it.
    """
    sent = 0
    site_id = stations_site_id()
    rule = RuleCars(site_id, now)
    for session_id in list(running_goals().values_list("session_id", flat=True)):
        try:
            sent += _car_dispatch(session_id, site_id, rule, now)
        # The outer edge of one car: what is wrong with it must not stop the others.
        except Exception:
            logger.exception("car not dispatched session=%s", session_id)
    return sent


@transaction.atomic
def _car_dispatch(session_id: int, site_id: int | None, rule: RuleCars, now: datetime) -> bool:
    goal = (
        running_goals()
        .select_for_update(of=("self",), skip_locked=True)
        .filter(session_id=session_id)
        .first()
    )
    if goal is None or goal.session.state != SessionState.ACTIVE or goal.session.evse is None:
        return False
    course = _course(goal, site_id, rule, now)
    shortfall_state(goal=goal, now=now, planned=course.planned_end)
    station = goal.session.station
    if not station.is_online:
        return False
    rows = list(
        ChargingProfile.objects.filter(session=goal.session, purpose=ProfilePurpose.TX)
        .select_related("command")
        .order_by("-pk")[:10]
    )
    if any(row.source != ProfileSource.PLAN and row.status in IN_FORCE for row in rows):
        # Somebody set a profile for this session by hand: that is what leads.
        return False
    own = [row for row in rows if row.source == ProfileSource.PLAN]
    last = own[0] if own else None
    if last is not None and _must_wait(last, now):
        return False
    if course.car is None:
        return _clear(goal, last)
    if not _differs(goal, last, course, now):
        return False
    return _send(goal, last, course.car, now)


def _course(goal: CarGoal, site_id: int | None, rule: RuleCars, now: datetime) -> _Course:
    """By the plan that the site follows, else by the own rule.

    A car without departure, or of which too little is known, is charged at once; only the limit
    of the connection holds it back.
    """
    if departure_note(goal.departure_at, now) is None:
        found = _by_plan(goal, site_id, now)
        if found is not None:
            return found
        power_kw = rule.power_kw(goal)
    else:
        power_kw = rule.held_back_kw(goal)
    if power_kw is None:
        return _Course(None)
    return _Course(rule_powers(power_kw, now=now, lasts=RULE_LASTS), is_rule=True)


def _by_plan(goal: CarGoal, site_id: int | None, now: datetime) -> _Course | None:
    if site_id is None or goal.departure_at is None:
        return None
    state = ControlState.objects.filter(site_id=site_id).select_related("plan").first()
    if state is None or state.plan is None:
        return None
    plan: Plan | None = state.plan
    if state.plan.status == PlanStatus.SUPERSEDED:
        # Its successor has the slots; the site follows it with its next dispatch.
        plan = plan_in_force(site_id, now)
    if plan is None:
        return None
    resolution = timedelta(seconds=plan.resolution_s)
    slots = list(
        PlanSlot.objects.filter(plan=plan, session_id=goal.session_id)
        .order_by("start")
        .values_list("start", "power_kw", "soc_percent")
    )
    car = plan_powers(
        [Wanted(start, power_kw) for start, power_kw, _soc in slots],
        resolution=resolution,
        now=now,
        # As long as the site may follow it: see `control.control_decide`.
        trust_until=plan.start + HOLD_AT_MOST + QUARTER_HOUR,
    )
    if car is None:
        return None
    before = [row for row in slots if row[0] < goal.departure_at]
    planned_end = None
    # A plan that ends before the departure says nothing of it.
    if before and slots[-1][0] + resolution >= goal.departure_at and before[-1][2] is not None:
        planned_end = PlannedEnd(before[-1][2])
    return _Course(car, planned_end=planned_end)


def _must_wait(last: ChargingProfile, now: datetime) -> bool:
    """An order is on its way, or was refused a moment ago."""
    if last.status == ProfileStatus.REQUESTED:
        return True
    if last.status == ProfileStatus.REJECTED:
        return last.requested_at > now - RETRY_AFTER
    return Command.objects.filter(
        station_id=last.station_id,
        action=CLEAR,
        status__in=OPEN_STATUSES,
        payload__chargingProfileId=last.profile_id,
    ).exists()


def _in_force(last: ChargingProfile | None, station: ChargingStation, now: datetime) -> bool:
    """The station holds it still: a boot since may have lost it."""
    return (
        last is not None
        and last.status == ProfileStatus.ACCEPTED
        and (last.valid_to is None or last.valid_to > now)
        and (station.booted_at is None or station.booted_at <= last.requested_at)
    )


def _differs(goal: CarGoal, last: ChargingProfile | None, course: _Course, now: datetime) -> bool:
    if (
        course.car is None
        or last is None
        or not goal.profile
        or not _in_force(last, goal.session.station, now)
    ):
        return course.car is not None
    held = [Wanted(datetime.fromisoformat(start), float(kw)) for start, kw in goal.profile]
    wanted = fitted(course.car, _rough(goal))
    held_until = last.valid_to or wanted.end
    renew_within = RULE_RENEW_WITHIN if course.is_rule else RENEW_WITHIN
    if held_until - now < renew_within and wanted.end > held_until + timedelta(minutes=1):
        return True
    apart_kw = greatest_difference_kw(
        wanted.powers, held, start=now, end=min(now + AHEAD, wanted.end, held_until)
    )
    # In watts, the grain of the wire.
    if round(apart_kw, 3) <= SAME_KW:
        return False
    rises = wanted.powers[0].power_kw > (power_at(held, now) or 0.0)
    is_fresh = goal.profile_sent_at is not None and goal.profile_sent_at > now - RISE_EVERY
    return not (course.is_rule and rises and is_fresh)


def _send(goal: CarGoal, last: ChargingProfile | None, car: PlannedCar, now: datetime) -> bool:
    session = goal.session
    assert session.evse is not None  # noqa: S101 - asked before
    station = _wire_station(goal, station_facts(session.station))
    # The id stays the session's: a profile whose answer was lost is replaced, not doubled.
    profile = profile_of(
        car,
        transaction_id=session.transaction_id,
        station=station,
        profile_id=None if last is None or not last.profile_id else last.profile_id,
    )
    try:
        with transaction.atomic():
            row = profile_set(
                station_id=session.station.station_id,
                evse_id=session.evse.evse_id,
                profile=profile,
                source=ProfileSource.PLAN,
                reason="plan",
            )
    except DomainError as err:
        _refused(goal, last, profile, err, now)
        return False
    if row.status == ProfileStatus.REJECTED:
        return False
    goal.profile = [
        [one.start.isoformat(), round(one.power_kw, 3)] for one in fitted(car, station).powers
    ]
    goal.profile_sent_at = now
    goal.save(update_fields=["profile", "profile_sent_at"])
    return True


def _refused(
    goal: CarGoal,
    last: ChargingProfile | None,
    profile: dict[str, object],
    err: DomainError,
    now: datetime,
) -> None:
    """Our own rules refuse it: kept as one that the station refused, one row for a session."""
    session = goal.session
    logger.warning("profile of a car refused session=%s code=%s: %s", session.pk, err.code, err)
    if last is not None and last.status == ProfileStatus.REJECTED and last.command_id is None:
        last.delete()
    columns = profile_columns(session.station, {"id": 0, **profile})
    ChargingProfile.objects.create(
        station=session.station,
        evse_number=session.evse.evse_id if session.evse is not None else 0,
        source=ProfileSource.PLAN,
        status=ProfileStatus.REJECTED,
        requested_at=now,
        ended_at=now,
        **columns,
    )


def _clear(goal: CarGoal, last: ChargingProfile | None) -> bool:
    if last is None or last.status != ProfileStatus.ACCEPTED:
        return False
    profile_clear(profile_pk=last.pk)
    goal.profile = None
    goal.save(update_fields=["profile"])
    return True


def _rough(goal: CarGoal) -> WireStation:
    """What needs no look into the device model; enough to compare courses."""
    gives_back = goal.session.station.ocpp_version == OcppVersion.V21
    return WireStation(
        most_charge_kw=goal.most_charge_kw,
        most_discharge_kw=goal.most_discharge_kw,
        has_setpoints=gives_back and goal.most_discharge_kw > 0,
    )


def _wire_station(goal: CarGoal, facts: StationFacts) -> WireStation:
    rough = _rough(goal)
    has_mode = facts.operation_modes is None or "CentralSetpoint" in facts.operation_modes
    return WireStation(
        most_charge_kw=rough.most_charge_kw,
        most_discharge_kw=rough.most_discharge_kw,
        has_setpoints=rough.has_setpoints and has_mode,
        takes_watts=facts.units is None or "W" in facts.units,
        phases=1 if facts.is_dc else facts.supply_phases,
        most_periods=facts.most_periods,
    )
