"""Background work of the flexibility app."""

from __future__ import annotations

from datetime import date

from django.conf import settings

from apps.assets.services import limits_hold
from apps.flexibility.services import (
    car_dispatch,
    cars,
    forecasts,
    market_values,
    plans,
    provisioning,
    reports,
    slot_means,
    watching,
)
from apps.flexibility.services import dispatch as dispatching
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


def flexmeasures_server() -> FlexmeasuresServer:
    """The FlexMeasures of this deployment."""
    return FlexmeasuresServer(
        base_url=settings.FLEXMEASURES_URL,
        provision_token=settings.FLEXMEASURES_PROVISION_TOKEN,
    )


@operator_task(name="flexibility.slot_means_post")
def slot_means_post() -> None:
    """Hand the quarter hours that closed since the last time to the outbox."""
    slot_means.slot_means_post(now=utc_now())


@operator_task(name="flexibility.prices_arrived", queue="schedule")
def prices_arrived() -> None:
    """New prices are in: plan the sites that waited for them or were planned by others."""
    plans.prices_arrived()
    watching.prices_watch(now=utc_now())
    plans.plan_refresh(server=flexmeasures_server(), now=utc_now())


@operator_task(name="flexibility.plan_refresh", queue="schedule")
def plan_refresh(force: bool = False) -> None:  # noqa: FBT001, FBT002 - a task's argument
    """Plan the sites that are due."""
    plans.plan_refresh(server=flexmeasures_server(), now=utc_now(), force=force)


@operator_task(name="flexibility.market_values_post")
def market_values_post() -> None:
    """Hand prices, CO2 and weather that FlexMeasures does not hold yet to the outbox."""
    market_values.market_values_post(now=utc_now())


@operator_task(name="flexibility.deviations_watch", queue="schedule")
def deviations_watch() -> None:
    """Call for a new plan where the island is not as the plan in force expected."""
    if watching.deviations_watch(now=utc_now()):
        plan_refresh.enqueue()


@operator_task(name="flexibility.dispatch", queue="dispatch")
def dispatch() -> None:
    """Give each battery its set-point of the moment, within the limits of its site."""
    dispatching.dispatch(now=utc_now())
    limits_hold(now=utc_now())


@operator_task(name="flexibility.provision_verify", queue="schedule")
def provision_verify() -> None:
    """Ask FlexMeasures for everything we created there, create what is missing."""
    provisioning.provision(server=flexmeasures_server(), now=utc_now(), verify=True)


@operator_task(name="flexibility.car_goal_update", queue="schedule")
def car_goal_update(session_id: int) -> None:
    """A car came, or told something: bring its goal up to date."""
    cars.car_goal_update(session_id=session_id, now=utc_now())


@operator_task(name="flexibility.car_left", queue="schedule")
def car_left(session_id: int) -> None:
    """A car has gone: the site is planned without it."""
    cars.car_left(session_id=session_id, now=utc_now())


@operator_task(name="flexibility.cars_dispatch", queue="dispatch")
def cars_dispatch() -> None:
    """Give each plugged-in car the profile that its site's plan, or the own rule, has for it."""
    car_dispatch.cars_dispatch(now=utc_now())


@operator_task(name="flexibility.cars_refresh", queue="schedule")
def cars_refresh() -> None:
    """Bring the goals of all plugged-in cars up to date."""
    cars.car_goals_refresh(now=utc_now())


@operator_task(name="flexibility.reports_refresh", queue="schedule")
def reports_refresh() -> None:
    """Compute the report of the running month and of the past one, for every site."""
    reports.reports_refresh(now=utc_now())


@operator_task(name="flexibility.report_compute", queue="schedule")
def report_compute(site_id: int, month: str) -> None:
    """Compute the report of a site's month (its first day, ISO 8601) now."""
    reports.report_compute(site_id=site_id, month=date.fromisoformat(month), now=utc_now())


@operator_task(name="flexibility.forecasts_make")
def forecasts_make() -> None:
    """Make the naive forecasts and those of the PV plants that this hour still lacks."""
    forecasts.forecasts_make(now=utc_now())


@operator_task(name="flexibility.forecasts_train", queue="schedule")
def forecasts_train() -> None:
    """Have FlexMeasures forecast the series that waits longest, if one is due."""
    forecasts.forecasts_train(server=flexmeasures_server(), now=utc_now())


@operator_task(name="flexibility.skills_update")
def skills_update() -> None:
    """Once a night: judge the forecasts of the last two weeks and choose whose are used."""
    forecasts.skills_update(now=utc_now())
