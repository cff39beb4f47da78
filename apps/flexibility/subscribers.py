"""What happens here when a lower app tells news: work is enqueued, nothing else."""

from apps.chargers.events import SessionEnded, SessionStarted
from apps.flexibility.events import CarGoalChanged, PlanWanted
from apps.flexibility.tasks import (
    car_goal_update,
    car_left,
    cars_dispatch,
    plan_refresh,
    prices_arrived,
)
from apps.markets.events import PricesChanged
from cariflex.common import events


def on_prices_changed(_event: PricesChanged) -> None:
    """A plan may be possible now that was not."""
    prices_arrived.enqueue()


def on_plan_wanted(_event: PlanWanted) -> None:
    """The call for a new plan is kept; the sites that are due are planned now."""
    plan_refresh.enqueue()


def on_session_started(event: SessionStarted) -> None:
    """A car was plugged in."""
    car_goal_update.enqueue(event.session_id)


def on_session_ended(event: SessionEnded) -> None:
    """A car left, perhaps before its time."""
    car_left.enqueue(event.session_id)


def on_car_goal_changed(_event: CarGoalChanged) -> None:
    """Its station hears of it now, not at the next turn."""
    cars_dispatch.enqueue()


def subscribe() -> None:
    """Called once the apps are ready."""
    events.subscribe(PricesChanged, on_prices_changed)
    events.subscribe(PlanWanted, on_plan_wanted)
    events.subscribe(SessionStarted, on_session_started)
    events.subscribe(SessionEnded, on_session_ended)
    events.subscribe(CarGoalChanged, on_car_goal_changed)
