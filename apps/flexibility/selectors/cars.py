"""Reads of plugged-in cars: those that can be planned, those that cannot, and their goals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.assets.models import Site
from apps.chargers.choices import SessionState
from apps.chargers.models import MeterValue, Session
from apps.flexibility.car_state import CarState
from apps.flexibility.cars.goals import (
    CHARGING_EFFICIENCY,
    DISCHARGING_EFFICIENCY,
    GoalNote,
    departure_note,
    soc_counted_on,
)
from apps.flexibility.choices import CarGoalOrigin
from apps.flexibility.models import CarGoal

IMPORTED, EXPORTED = "Energy.Active.Import.Register", "Energy.Active.Export.Register"


@dataclass(frozen=True, slots=True)
class CarGoalView:
    """The goal of a session as a page shows it; powers in kW, charging positive."""

    session_id: int
    is_running: bool
    origin: CarGoalOrigin
    departure_at: datetime | None
    departure_note: GoalNote | None
    capacity_kwh: float | None
    soc_percent: float | None
    """Now, counted on from what the car told last."""
    soc_at: datetime | None
    target_soc_percent: float
    min_soc_percent: float
    max_soc_percent: float
    most_charge_kw: float
    most_discharge_kw: float
    shortfall_kwh: float
    expected_soc_percent: float | None
    profile: tuple[tuple[datetime, float], ...]
    """The powers last sent to the station, each until the next."""
    profile_sent_at: datetime | None

    @property
    def is_planned(self) -> bool:
        """Capacity and state of charge are known, and the departure lies ahead."""
        return (
            self.capacity_kwh is not None
            and self.soc_percent is not None
            and self.departure_note is None
        )


def cars_to_plan(*, site_id: int, now: datetime) -> list[CarState]:
    """The plugged-in cars of a site whose capacity and state of charge are known, by session.

    One whose departure has passed may leave at any moment: it comes without a departure.
    """
    if site_id != stations_site_id():
        return []
    states = (car_state(goal, now=now) for goal in running_goals())
    return [state for state in states if state is not None]


def cars_unplanned_kw(*, site_id: int, now: datetime) -> float:
    """What the cars of a site draw now that `cars_to_plan` does not give, kW (>= 0).

    They charge at once. One that has not been measured yet counts with its station's power.
    """
    if site_id != stations_site_id():
        return 0.0
    planned = {state.session_id for state in cars_to_plan(site_id=site_id, now=now)}
    others = Session.objects.filter(state=SessionState.ACTIVE).exclude(pk__in=planned)
    return sum(
        power_kw if measured_at is not None else rated_kw
        for power_kw, measured_at, rated_kw in others.values_list(
            "power_kw", "measured_at", "station__rated_power_kw"
        )
    )


def car_goal_view(*, session_id: int, now: datetime) -> CarGoalView | None:
    """The goal of a session, also of one that has ended; None when there never was one."""
    goal = _goals().filter(session_id=session_id).first()
    if goal is None:
        return None
    return CarGoalView(
        session_id=session_id,
        is_running=goal.session.state == SessionState.ACTIVE,
        origin=CarGoalOrigin(goal.origin),
        departure_at=goal.departure_at,
        departure_note=departure_note(goal.departure_at, now),
        capacity_kwh=goal.capacity_kwh,
        soc_percent=soc_now(goal),
        soc_at=goal.soc_at,
        target_soc_percent=goal.target_soc_percent,
        min_soc_percent=goal.min_soc_percent,
        max_soc_percent=goal.max_soc_percent,
        most_charge_kw=goal.most_charge_kw,
        most_discharge_kw=goal.most_discharge_kw,
        shortfall_kwh=goal.shortfall_kwh,
        expected_soc_percent=goal.expected_soc_percent,
        profile=tuple(
            (datetime.fromisoformat(start), power_kw) for start, power_kw in goal.profile or []
        ),
        profile_sent_at=goal.profile_sent_at,
    )


def running_goals() -> QuerySet[CarGoal]:
    """The goals of all sessions that have not ended, with session, station and EVSE loaded."""
    return _goals().filter(session__state=SessionState.ACTIVE).order_by("session_id")


def car_state(goal: CarGoal, *, now: datetime) -> CarState | None:
    """A car as the planner sees it; None while too little is known of it."""
    soc_percent, session = soc_now(goal), goal.session
    if soc_percent is None or goal.capacity_kwh is None or session.evse_id is None:
        return None
    is_ahead = departure_note(goal.departure_at, now) is None
    return CarState(
        session_id=session.pk,
        station_id=session.station.station_id,
        evse_pk=session.evse_id,
        capacity_kwh=goal.capacity_kwh,
        soc_percent=soc_percent,
        target_soc_percent=goal.target_soc_percent,
        min_soc_percent=goal.min_soc_percent,
        max_soc_percent=goal.max_soc_percent,
        most_charge_kw=goal.most_charge_kw,
        most_discharge_kw=goal.most_discharge_kw,
        departure_at=goal.departure_at if is_ahead else None,
        charging_efficiency=CHARGING_EFFICIENCY,
        discharging_efficiency=DISCHARGING_EFFICIENCY,
    )


def soc_now(goal: CarGoal) -> float | None:
    """The state of charge (%) as far as the session's meter has come since the car told it."""
    if goal.soc_percent is None or goal.capacity_kwh is None:
        return goal.soc_percent
    since_kwh = float(goal.session.energy_kwh) - (goal.soc_energy_kwh or 0.0)
    given_kwh = 0.0
    if goal.most_discharge_kw > 0 and goal.soc_at is not None:
        given_kwh = _exported_kwh(goal.session_id, goal.soc_at)
    return soc_counted_on(
        soc_percent=goal.soc_percent,
        capacity_kwh=goal.capacity_kwh,
        charged_kwh=max(0.0, since_kwh),
        discharged_kwh=given_kwh,
    )


def stations_site_id() -> int | None:
    """Stations are counted at the operator's first site until each names its own."""
    return Site.objects.order_by("pk").values_list("pk", flat=True).first()


def register_kwh(session_id: int, measurand: str, *, until: datetime) -> float | None:
    """A register of a session's meter as last told not after an instant, kWh; None: never."""
    value = (
        MeterValue.objects.filter(
            session_id=session_id, measurand=measurand, phase="", at__lte=until
        )
        .order_by("-at", "-pk")
        .values_list("value", flat=True)
        .first()
    )
    return None if value is None else float(value)


def _exported_kwh(session_id: int, since: datetime) -> float:
    last = (
        MeterValue.objects.filter(session_id=session_id, measurand=EXPORTED, phase="")
        .order_by("-at", "-pk")
        .values_list("value", flat=True)
        .first()
    )
    first = register_kwh(session_id, EXPORTED, until=since)
    return 0.0 if last is None or first is None else max(0.0, float(last) - first)


def _goals() -> QuerySet[CarGoal]:
    return CarGoal.objects.select_related("session__station", "session__evse")
