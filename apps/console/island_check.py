"""Is the island alive? Each line is measured from what the product itself stores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef

from apps.assets.choices import DeviceKind
from apps.assets.models import Site
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.billing.models import Cdr
from apps.chargers.choices import SessionState
from apps.chargers.models import Session
from apps.chargers.selectors import stations_latest
from apps.console.island_check_markets import market_lines
from apps.flexibility.choices import PlanSource
from apps.flexibility.selectors import plan_summary

FRESH_S = 5.0
FOLLOWS_RATIO = 0.05
FOLLOWS_FLOOR_KW = 0.25
"""Five per cent of a set-point near zero would be less than a meter's noise."""


@dataclass(frozen=True)
class CheckLine:
    """One requirement at one operator."""

    operator: str
    name: str
    passed: bool
    measured: str


def session_energies() -> dict[int, Decimal]:
    """The energy in kWh of each live session, by its id."""
    live = Session.objects.filter(state=SessionState.ACTIVE)
    return dict(live.values_list("pk", "energy_kwh"))


def operator_lines(
    *, operator: str, now: datetime, energies_before: dict[int, Decimal]
) -> list[CheckLine]:
    """The lines of the current operator; `energies_before` is an earlier `session_energies`."""
    devices = devices_latest(now=now)
    return [
        CheckLine(operator, *line)
        for line in (
            _devices(devices),
            _stations(now),
            _live_session(energies_before),
            _plan(now),
            _batteries(devices),
            _cdr(),
            *market_lines(now=now),
        )
    ]


def follows(*, power_kw: float, setpoint_kw: float) -> bool:
    """True when a measured power is within 5 % of its set-point."""
    return abs(power_kw - setpoint_kw) <= max(FOLLOWS_RATIO * abs(setpoint_kw), FOLLOWS_FLOOR_KW)


def _devices(devices: Sequence[DeviceLatest]) -> tuple[str, bool, str]:
    fresh = sum(1 for d in devices if d.age_s is not None and d.age_s < FRESH_S)
    passed = bool(devices) and fresh == len(devices)
    return f"devices fresh (< {FRESH_S:g} s)", passed, f"{fresh}/{len(devices)}"


def _stations(now: datetime) -> tuple[str, bool, str]:
    stations = stations_latest(now=now)
    connected = sum(1 for s in stations if s.connection_state == "online")
    passed = bool(stations) and connected == len(stations)
    return "stations connected", passed, f"{connected}/{len(stations)}"


def _live_session(before: dict[int, Decimal]) -> tuple[str, bool, str]:
    moving = [
        (pk, energy) for pk, energy in session_energies().items() if energy > before.get(pk, energy)
    ]
    return "live session with moving energy", bool(moving), f"{len(moving)} moving"


def _plan(now: datetime) -> tuple[str, bool, str]:
    name = "plan of today by FlexMeasures from the prices"
    sites = list(Site.objects.all())
    plans = [plan_summary(site.pk, now) for site in sites]
    good = [
        plan
        for plan in plans
        if plan and plan.source == PlanSource.FLEXMEASURES and plan.job_id and plan.price_count
    ]
    if not good:
        return name, False, "no plan in force"
    plan = good[0]
    measured = (
        f"FlexMeasures {plan.server_version}, {plan.price_count} prices of {plan.price_area},"
        f" {plan.price_actual_count} published"
    )
    return name, len(good) == len(sites), measured


def _batteries(devices: Sequence[DeviceLatest]) -> tuple[str, bool, str]:
    batteries = [d for d in devices if d.kind == DeviceKind.BATTERY]
    following = sum(
        1
        for d in batteries
        if d.power_kw is not None
        and d.setpoint_kw is not None
        and follows(power_kw=d.power_kw, setpoint_kw=d.setpoint_kw)
    )
    passed = bool(batteries) and following == len(batteries)
    return "batteries within 5 % of their set-point", passed, f"{following}/{len(batteries)}"


def _cdr() -> tuple[str, bool, str]:
    ended = Session.objects.filter(state=SessionState.ENDED)
    billed = ended.filter(Exists(Cdr.objects.filter(session_id=OuterRef("pk")))).count()
    return "finished session with its CDR", billed > 0, f"{billed} of {ended.count()}"
