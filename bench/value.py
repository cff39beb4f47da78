"""What planning is worth: 30 simulated days of the demo island in closed loop.

    ./run bench value [--days 30] [--replan-hours 6] [--seed 7] [--part NAME ...]

A strategy that is done is kept in bench/results/; with `--part` only those named are lived, and
the table is of all that are kept for the same month. So a long run may be had in pieces.

Ten PV roofs, ten batteries, ten cars that give back, a connection of 120 kW, sun and showers, an
alert day and a late revision of prices. The same month under: no control, the own rule, plans of
FlexMeasures made of forecasts, plans of FlexMeasures that know everything, and as a bound the
linear programme over the whole month (HiGHS). A FlexMeasures server of its own is started unless
FLEXMEASURES_URL names one that answers. The ten batteries are equal and
stay equal (tests/flexibility/brain/test_value_world.py), so they are one storage in a request.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from apps.flexibility.brain.optimum import pooled  # noqa: E402
from apps.flexibility.brain.storage import storage_step  # noqa: E402
from bench.report import RESULTS, report  # noqa: E402
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
    return Outcome(run(month, strategy))


def planned(
    month: World, name: str, planner: Planner, options: Options, *, foresight: bool
) -> Outcome:
    """A strategy with plans."""
    strategy = PlanStrategy(name, month, planner, options, foresight=foresight)
    begun = time.monotonic()
    days = RESULTS / f"value_days_{name.replace(', ', '_')}_{month.seed}.jsonl"
    RESULTS.mkdir(exist_ok=True)
    days.unlink(missing_ok=True)

    def day_done(day: int, so_far: Account) -> None:
        line = {"day": day, "plans": strategy.plans, "cost_eur": so_far.cost_eur}
        with days.open("a") as file:
            file.write(json.dumps({**line, "account": asdict(so_far)}) + "\n")

    account = run(month, strategy, on_day=day_done)
    seconds = (time.monotonic() - begun) / max(1, strategy.plans)
    return Outcome(account, strategy.plans, strategy.failed, seconds)


def by_flexmeasures(month: World, options: Options, *, foresight: bool) -> Outcome:
    """Plans of the real server."""
    name = f"FlexMeasures, {'foresight' if foresight else 'forecasts'}"
    with own_server() as server, FlexmeasuresPlanner(server) as planner:
        return planned(month, name, planner, options, foresight=foresight)


PARTS: dict[str, Callable[[World, Options], Outcome]] = {
    "no-control": lambda month, _: ruled(month, NoControl()),
    "rules": lambda month, _: ruled(month, Rules()),
    "lp": lambda month, options: planned(
        month, "our LP, forecasts", LpPlanner(), options, foresight=False
    ),
    "forecasts": lambda month, options: by_flexmeasures(month, options, foresight=False),
    "foresight": lambda month, options: by_flexmeasures(month, options, foresight=True),
}


def kept(path: Path) -> Outcome | None:
    """An outcome that was kept; None when there is none."""
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    return Outcome(**{**stored, "account": Account(**stored["account"])})


def outcomes_of(month: World, options: Options, wanted: list[str]) -> list[Outcome]:
    """Live what is wanted, keep it, and take the rest as it was kept."""
    paths = {name: RESULTS / f"value_{name}_{month.days}_{month.seed}.json" for name in PARTS}
    RESULTS.mkdir(exist_ok=True)
    for name in wanted:
        outcome = PARTS[name](month, options)
        paths[name].write_text(json.dumps(asdict(outcome)))
        print(f"  {name}: {outcome.account.cost_eur:,.0f} EUR", flush=True)
        for missed in outcome.account.missed_feasible:
            print(f"    missed: {missed}", flush=True)
    found = [outcome for outcome in map(kept, paths.values()) if outcome is not None]
    if any(outcome.account.visits != len(month.visits) for outcome in found):
        raise SystemExit("what is kept is of another month: live all parts again")
    return found


def table(outcomes: list[Outcome], least_eur: float, foresight_eur: float) -> None:
    """Print and keep the rows."""
    base = outcomes[0].account.cost_eur
    rows: list[dict[str, object]] = []
    for outcome in outcomes:
        account = outcome.account
        saving = base - account.cost_eur
        rows.append(
            {
                "strategy": account.name,
                "cost (EUR)": f"{account.cost_eur:,.0f}",
                "saving (EUR)": f"{saving:,.0f}",
                "of foresight's": f"{saving / (base - foresight_eur):.1%}",
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
    """Live the month once for each strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--replan-hours", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--part", action="append", choices=list(PARTS))
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    month = world(days=chosen.days, seed=chosen.seed)
    options = Options(replan_hours=chosen.replan_hours)
    outcomes = outcomes_of(month, options, chosen.part or list(PARTS))
    if len(outcomes) == len(PARTS):
        table(outcomes, bound_eur(month), outcomes[-1].account.cost_eur)


if __name__ == "__main__":
    main()
