"""What planning is worth: 30 simulated days of the demo island in closed loop.

    ./run bench value [--days 30] [--replan-hours 6] [--seed 7] [--without-flexmeasures]

Ten PV roofs, ten batteries, ten cars that give back, a connection of 120 kW, sun and showers, an
alert day and a late revision of prices. The same month under: no control, the own rule, plans of
FlexMeasures made of forecasts, plans of FlexMeasures that know everything, and as a bound the
linear programme over the whole month (HiGHS). A FlexMeasures server of its own is started;
BENCH_FLEXMEASURES_VAR names the data folder of one that runs. The ten batteries are equal and
stay equal (tests/flexibility/brain/test_value_world.py), so they are one storage in a request.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from apps.flexibility.brain.optimum import pooled  # noqa: E402
from apps.flexibility.brain.storage import storage_step  # noqa: E402
from bench.report import report  # noqa: E402
from bench.value_engine import STOCK_EUR_PER_KWH, Account, Strategy, run  # noqa: E402
from bench.value_flexmeasures import FlexmeasuresPlanner, own_server  # noqa: E402
from bench.value_strategies import (  # noqa: E402
    LpPlanner,
    NoControl,
    Options,
    Planner,
    PlanStrategy,
    Rules,
    bound,
)
from bench.value_world import SLOT, World, world  # noqa: E402

WANTED = (
    "plans of forecasts >= 90 % of the saving with perfect foresight, "
    "0 missed departures that were feasible, 0 s above the limit"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A month and how many plans it took."""

    account: Account
    plans: int = 0
    failed: int = 0
    plan_s: float = 0.0


def bound_eur(month: World) -> float:
    """The least cost, with the batteries' energy at the end counted as for everyone."""
    best = bound(month)
    if best.status != "optimal":
        raise SystemExit(f"the linear programme is {best.status}")
    pool = pooled(month.batteries())
    began = pool.soc_kwh
    for power_kw in best.battery_kw["pool"]:
        pool = storage_step(pool, power_kw, SLOT.total_seconds()).storage
    return best.cost_eur - (pool.soc_kwh - began) * STOCK_EUR_PER_KWH


def ruled(month: World, strategy: Strategy) -> Outcome:
    """A strategy without plans."""
    return _told(Outcome(run(month, strategy)))


def planned(
    month: World, name: str, planner: Planner, options: Options, *, foresight: bool
) -> Outcome:
    """A strategy with plans."""
    strategy = PlanStrategy(name, month, planner, options, foresight=foresight)
    begun = time.monotonic()
    account = run(month, strategy)
    seconds = (time.monotonic() - begun) / max(1, strategy.plans)
    return _told(Outcome(account, strategy.plans, strategy.failed, seconds))


def _told(outcome: Outcome) -> Outcome:
    account = outcome.account
    print(f"  {account.name}: {account.cost_eur:,.0f} EUR", flush=True)
    for missed in account.missed_feasible:
        print(f"    missed: {missed}", flush=True)
    return outcome


def table(outcomes: list[Outcome], least_eur: float, foresight_eur: float | None) -> None:
    """Print and keep the rows."""
    base = outcomes[0].account.cost_eur
    rows: list[dict[str, object]] = []
    for outcome in outcomes:
        account = outcome.account
        saving = base - account.cost_eur
        known = "-" if foresight_eur is None else f"{saving / (base - foresight_eur):.1%}"
        rows.append(
            {
                "strategy": account.name,
                "cost (EUR)": f"{account.cost_eur:,.0f}",
                "saving (EUR)": f"{saving:,.0f}",
                "of foresight's": known,
                "of the bound's": f"{saving / (base - least_eur):.1%}",
                "CO2 (kg)": f"{account.co2_kg:,.0f}",
                "peak (kW)": f"{account.peak_kw:.1f}",
                "missed, feasible": len(account.missed_feasible),
                "missed, not feasible": f"{account.missed_infeasible} of {account.visits}",
                "above the limit (s)": f"{account.above_limit_s:.0f}",
                "cut by the guard (h)": f"{account.guarded_h:.0f}",
                "cycles": f"{account.cycles:.1f}",
                "plans": f"{outcome.plans} ({outcome.failed} failed)" if outcome.plans else "-",
                "s a plan": f"{outcome.plan_s:.1f}" if outcome.plans else "-",
            }
        )
    empty: dict[str, object] = dict.fromkeys(rows[0], "-")
    last = {
        "strategy": "bound (HiGHS, whole month)",
        "cost (EUR)": f"{least_eur:,.0f}",
        "saving (EUR)": f"{base - least_eur:,.0f}",
        "of the bound's": "100.0%",
    }
    rows.append({**empty, **last})
    report("value", rows, wanted=WANTED)


def main() -> None:
    """Live the month five times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--replan-hours", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--without-flexmeasures", action="store_true")
    chosen = parser.parse_args()
    month = world(days=chosen.days, seed=chosen.seed)
    options = Options(replan_hours=chosen.replan_hours)
    least = bound_eur(month)
    outcomes = [ruled(month, NoControl()), ruled(month, Rules())]
    lp = LpPlanner()
    outcomes.append(planned(month, "our LP, forecasts", lp, options, foresight=False))
    if chosen.without_flexmeasures:
        outcomes.append(planned(month, "our LP, foresight", lp, options, foresight=True))
    else:
        with own_server() as server, FlexmeasuresPlanner(server) as planner:
            for name, foresight in (("forecasts", False), ("foresight", True)):
                outcomes.append(
                    planned(month, f"FlexMeasures, {name}", planner, options, foresight=foresight)
                )
    table(outcomes, least, outcomes[-1].account.cost_eur)


if __name__ == "__main__":
    main()
