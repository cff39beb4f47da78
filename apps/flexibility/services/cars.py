"""The goals of plugged-in cars: kept up to date from what cars and persons say."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from django.db import transaction

from apps.chargers.choices import SessionState
from apps.chargers.models import Command, MeterValue, Session
from apps.chargers.ocpp.v21.needs import BIDIRECTIONAL
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.charging_needs import SessionNeeds, session_needs
from apps.chargers.selectors.discharging import may_discharge, transfers_supported
from apps.chargers.services.charging_needs import ALLOW_TRANSFERS, energy_transfers_allow
from apps.flexibility.cars.goals import Band, Goal, Point, Wish, goal_of, wish_check
from apps.flexibility.choices import CarGoalOrigin, ReplanReason
from apps.flexibility.events import CarGoalChanged, PlanWanted
from apps.flexibility.models import CarGoal, SitePolicy
from apps.flexibility.selectors.cars import IMPORTED, register_kwh, soc_now, stations_site_id
from apps.flexibility.services.replanning import replan_ask
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

# What a person said is kept against the car's word.
_PERSONS: Final = (CarGoalOrigin.DRIVER, CarGoalOrigin.OPERATOR)
# A car that is this far from where it was counted is worth a new plan.
_SOC_APART_PERCENT: Final = 5.0
_WANTED: Final = (
    "departure_at", "capacity_kwh", "target_soc_percent", "min_soc_percent", "max_soc_percent",
    "most_charge_kw", "most_discharge_kw",
)  # fmt: skip


@transaction.atomic
def car_goal_update(*, session_id: int, now: datetime) -> CarGoal | None:
    """Bring the goal of a running session up to date; None for one that has ended.

    Idempotent. A new car, or one whose wishes changed, calls for a new plan. A car that asked for
    a transfer both ways, at a station that can, is told that it may.
    """
    session = _running(session_id)
    if session is None:
        return None
    needs = session_needs(session_id=session_id)
    goal, is_new = CarGoal.objects.select_for_update().get_or_create(
        session=session, defaults={"updated_at": now}
    )
    goal.session = session
    before = None if is_new else [getattr(goal, name) for name in _WANTED]
    counted = soc_now(goal)
    _soc_keep(goal, needs)
    found = goal_of(
        needs=None if needs is None else needs.car,
        wish=_wish(goal),
        policy=policy_band(),
        point=Point(session.station.rated_power_kw, needs is not None and needs.may_discharge),
        soc_percent=goal.soc_percent,
        now=now,
    )
    _fill(goal, found)
    goal.updated_at = now
    goal.save()
    if needs is not None:
        _transfers_allow(session, needs)
    told = soc_now(goal)
    is_apart = (counted is None) != (told is None) or (
        counted is not None and told is not None and abs(counted - told) > _SOC_APART_PERCENT
    )
    if is_new:
        _plan_want(session, ReplanReason.CAR_ARRIVED, now)
    elif before != [getattr(goal, name) for name in _WANTED] or is_apart:
        _plan_want(session, ReplanReason.CAR_GOAL, now)
    return goal


@transaction.atomic
def car_goal_set(
    *,
    session_id: int,
    departure_at: datetime | None,
    target_soc_percent: float,
    min_soc_percent: float | None = None,
    max_soc_percent: float | None = None,
    origin: CarGoalOrigin = CarGoalOrigin.OPERATOR,
    by: int | None,
    now: datetime,
) -> CarGoal:
    """What a person wants of the car of a running session; it holds against the car's own word.

    Without a departure the car is charged at once. Bounds left out stay, and give way to the
    target. DomainError `car_goal.session_ended`, `car_goal.origin`, and those of `wish_check`.
    """
    if origin not in _PERSONS:
        raise DomainError("car_goal.origin", "Only a person sets a goal.", field="origin")
    goal = car_goal_update(session_id=session_id, now=now)
    if goal is None:
        raise DomainError("car_goal.session_ended", "The session is not running.")
    low = min(goal.min_soc_percent, target_soc_percent)
    high = max(goal.max_soc_percent, target_soc_percent)
    band = Band(
        min_soc_percent=low if min_soc_percent is None else min_soc_percent,
        target_soc_percent=target_soc_percent,
        max_soc_percent=high if max_soc_percent is None else max_soc_percent,
    )
    wish_check(departure_at=departure_at, band=band, now=now)
    goal.origin, goal.departure_at, goal.updated_at = origin, departure_at, now
    _band_keep(goal, band)
    goal.save()
    logger.info(
        "goal of a car set session=%s origin=%s target=%.0f by=%s",
        session_id, origin.value, target_soc_percent, by,
    )  # fmt: skip
    _plan_want(goal.session, ReplanReason.CAR_GOAL, now)
    return goal


def car_left(*, session_id: int, now: datetime) -> None:
    """A session has ended, earlier than the plan had it or not: the plan is made without it."""
    session = Session.objects.select_related("station").filter(pk=session_id).first()
    if session is None or session.state != SessionState.ENDED:
        return
    _plan_want(session, ReplanReason.CAR_LEFT, now)


def car_goals_refresh(*, now: datetime) -> int:
    """Bring the goals of all running sessions up to date; how many."""
    running = Session.objects.filter(state=SessionState.ACTIVE).order_by("pk")
    updated = 0
    for session_id in list(running.values_list("pk", flat=True)):
        try:
            updated += car_goal_update(session_id=session_id, now=now) is not None
        # The outer edge of one car: what is wrong with it must not hide the others.
        except Exception:
            logger.exception("goal of a car not updated session=%s", session_id)
    return updated


def policy_band() -> Band:
    """The band of the policy of the stations' site; the usual one where nobody chose."""
    site_id = stations_site_id()
    policy = None if site_id is None else SitePolicy.objects.filter(site_id=site_id).first()
    if policy is None:
        return Band()
    return Band(
        policy.car_min_soc_percent, policy.car_target_soc_percent, policy.car_max_soc_percent
    )


def _running(session_id: int) -> Session | None:
    return (
        Session.objects.select_related("station", "evse")
        .filter(pk=session_id, state=SessionState.ACTIVE)
        .first()
    )


def _wish(goal: CarGoal) -> Wish | None:
    if goal.origin not in _PERSONS:
        return None
    band = Band(goal.min_soc_percent, goal.target_soc_percent, goal.max_soc_percent)
    return Wish(CarGoalOrigin(goal.origin), goal.departure_at, band)


def _fill(goal: CarGoal, found: Goal) -> None:
    goal.origin, goal.departure_at = found.origin, found.departure_at
    goal.capacity_kwh = found.capacity_kwh
    if found.soc_percent is None:
        goal.soc_percent = goal.soc_at = goal.soc_energy_kwh = None
    goal.most_charge_kw, goal.most_discharge_kw = found.most_charge_kw, found.most_discharge_kw
    _band_keep(goal, found.band)


def _band_keep(goal: CarGoal, band: Band) -> None:
    goal.min_soc_percent = band.min_soc_percent
    goal.target_soc_percent = band.target_soc_percent
    goal.max_soc_percent = band.max_soc_percent


def _soc_keep(goal: CarGoal, needs: SessionNeeds | None) -> None:
    """The newest word of the car on its state of charge: with its needs, or among its values."""
    words: list[tuple[datetime, float]] = []
    if needs is not None and needs.car.soc_percent is not None:
        words.append((needs.told_at, float(needs.car.soc_percent)))
    metered = (
        MeterValue.objects.filter(session_id=goal.session_id, measurand="SoC")
        .order_by("-at", "-pk")
        .values_list("at", "value")
        .first()
    )
    if metered is not None:
        words.append((metered[0], float(metered[1])))
    if not words:
        return
    at, soc_percent = max(words)
    if goal.soc_at is not None and at <= goal.soc_at:
        return
    goal.soc_at, goal.soc_percent = at, soc_percent
    goal.soc_energy_kwh = _energy_at(goal.session, at)


def _energy_at(session: Session, at: datetime) -> float:
    """What the session had drawn by an instant, kWh."""
    register = register_kwh(session.pk, IMPORTED, until=at)
    if register is None or session.start_meter_kwh is None:
        return 0.0
    return max(0.0, register - float(session.start_meter_kwh))


def _transfers_allow(session: Session, needs: SessionNeeds) -> None:
    """Once: a car that asks for a transfer both ways has agreed to it."""
    station = session.station
    if (
        not needs.car.is_bidirectional
        or needs.allowed_transfers is not None
        or station.ocpp_version != OcppVersion.V21
        or not station.is_online
        or not may_discharge(station, needs.evse_id)
        or Command.objects.filter(
            station=station,
            action=ALLOW_TRANSFERS,
            payload__transactionId=session.transaction_id,
        ).exists()
    ):
        return
    supported = transfers_supported(station)
    wanted = {needs.car.transfer, *needs.car.transfers}
    allowed = sorted(wanted if supported is None else wanted & supported)
    if not BIDIRECTIONAL & set(allowed):
        return
    try:
        energy_transfers_allow(session_id=session.pk, transfers=allowed, reason="plan")
    except DomainError as err:
        logger.warning("transfers not allowed session=%s code=%s", session.pk, err.code)


def _plan_want(session: Session, reason: ReplanReason, now: datetime) -> None:
    events.publish(CarGoalChanged(schema=current_schema(), session_id=session.pk))
    site_id = stations_site_id()
    if site_id is None:
        return
    replan_ask(site_id=site_id, reason=reason, now=now, detail=session.station.station_id)
    events.publish(PlanWanted(schema=current_schema(), site_id=site_id))
