"""A plan from the ask to stored set-points, by the product's own services.

    ./run bench schedule [--rounds 3]

Ten batteries, ten cars that give back and ten PV roofs, then twenty of each: 24 h at 15 minutes.
What each part of it takes, beside the bare server (the same request, its trigger and job alone)
in the same round; the cost of the plan beside the least possible (HiGHS on the same inputs); and
a new plan after an event, from the call for it to the plan in force. A FlexMeasures server of its
own is started unless FLEXMEASURES_URL names one that answers.
"""

import argparse
import asyncio
import logging
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from apps.flexibility.brain.optimum import CarVisit, Horizon, optimum  # noqa: E402
from apps.flexibility.brain.storage import Storage  # noqa: E402
from apps.flexibility.choices import PlanStatus, ReplanReason  # noqa: E402
from apps.flexibility.clients.flexmeasures import FlexmeasuresClient  # noqa: E402
from apps.flexibility.models import Plan, PlanSlot  # noqa: E402
from apps.flexibility.services import plan_asking, plans  # noqa: E402
from apps.flexibility.services.plan_inputs import HORIZON, PlanInputs  # noqa: E402
from apps.flexibility.services.plan_request import PlanRequest  # noqa: E402
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision  # noqa: E402
from apps.flexibility.services.replanning import replan_ask  # noqa: E402
from bench.ingest import bench_operator  # noqa: E402
from bench.report import report  # noqa: E402
from bench.schedule_world import island, report_all  # noqa: E402
from bench.value_flexmeasures import own_server  # noqa: E402
from cariflex.common.time import utc_now  # noqa: E402
from cariflex.common.units import QUARTER_HOUR  # noqa: E402

PARTS = ("inputs", "post", "empty", "trigger", "job", "read", "check", "store")
BEAT_S = 20.0
"""How often the product looks for sites that are due (`flexibility.plan_refresh`)."""
WANTED = "10 + 10 + PV from the ask to stored set-points <= 30 s; after an event <= 60 s"
T = TypeVar("T")

spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)
asked: list[PlanRequest] = []


class TimedClient(FlexmeasuresClient):
    """The product's client with a clock at each part."""

    async def values_post_all(self, *args: Any, **named: Any) -> None:
        """Posting, with ingestion: the jobs waited for in it are no scheduling jobs."""
        before = spent["job"]
        await _timed("post", super().values_post_all(*args, **named))
        spent["job"] = before

    async def values_delete(self, **named: Any) -> None:
        """What an earlier plan left."""
        await _timed("empty", super().values_delete(**named))

    async def schedule_trigger(self, **named: Any) -> str:
        """The request."""
        return await _timed("trigger", super().schedule_trigger(**named))

    async def job_wait(self, **named: Any) -> list[str]:
        """A job."""
        return await _timed("job", super().job_wait(**named))

    async def schedule(self, **named: Any) -> Any:
        """One schedule."""
        return await _timed("read", super().schedule(**named))

    async def values(self, **named: Any) -> Any:
        """The sum."""
        return await _timed("read", super().values(**named))


async def _timed(part: str, work: Awaitable[T]) -> T:
    begun = time.monotonic()
    try:
        return await work
    finally:
        spent[part] += time.monotonic() - begun


def _clocked(part: str, work: Callable[..., T]) -> Callable[..., T]:
    def clocked(*args: Any, **named: Any) -> T:
        begun = time.monotonic()
        try:
            return work(*args, **named)
        finally:
            spent[part] += time.monotonic() - begun

    return clocked


@contextmanager
def clocks() -> Iterator[None]:
    """The product's services with clocks at their parts."""
    request = plans.plan_request

    def kept(**named: Any) -> PlanRequest:
        made = _clocked("inputs", request)(**named)
        asked.append(made)
        return made

    before = plans.plan_request, plans.plan_check, plans.plan_accept
    plan_asking.FlexmeasuresClient = TimedClient  # type: ignore[misc]
    plans.plan_request = kept
    plans.plan_check = _clocked("check", plans.plan_check)
    plans.plan_accept = _clocked("store", plans.plan_accept)
    try:
        yield
    finally:
        plan_asking.FlexmeasuresClient = FlexmeasuresClient  # type: ignore[misc]
        plans.plan_request, plans.plan_check, plans.plan_accept = before


def product_s(server: FlexmeasuresServer, site_id: int) -> tuple[float, dict[str, float], Plan]:
    """A plan by the product's services: seconds in all, by part, and the plan."""
    spent.update(dict.fromkeys(PARTS, 0.0))
    now = utc_now()
    begun = time.monotonic()
    plan = plans.plan_claim(site_id=site_id, now=now, force=True)
    if plan is None:
        raise SystemExit("nobody may plan this site now")
    plan = plans.plan_make(plan=plan, server=server, now=now)
    whole = time.monotonic() - begun
    if plan.status != PlanStatus.ACCEPTED:
        raise SystemExit(f"no plan: {plan.reason_code} {plan.detail}")
    return whole, dict(spent), plan


def bare_s(server: FlexmeasuresServer, request: PlanRequest) -> float:
    """The server alone: trigger and job of the same request, its sensors emptied before."""

    async def ask() -> float:
        client = FlexmeasuresClient(
            base_url=server.base_url, email=request.email, password=request.password
        )
        async with client:
            for sensor_id in request.planned_sensor_ids:
                await client.values_delete(
                    sensor_id=sensor_id, start=request.start, end=request.start + HORIZON
                )
            begun = time.monotonic()
            job = await client.schedule_trigger(
                asset_id=request.site_asset_id,
                start=request.start,
                duration=HORIZON,
                flex_model=request.flex_model,
                flex_context=request.flex_context,
            )
            await client.job_wait(job_id=job, timeout_s=300)
            return time.monotonic() - begun

    return asyncio.run(ask())


def event_s(server: FlexmeasuresServer, site_id: int) -> float:
    """From a call for a new plan to the plan in force, looked for as often as the product does."""
    last = Plan.objects.filter(site_id=site_id, status=PlanStatus.ACCEPTED).latest("requested_at")
    # The call comes when the site may be planned again (`SPACING`), the worst time for the beat.
    while utc_now() < last.requested_at + plans.SPACING:
        time.sleep(0.2)
    begun = time.monotonic()
    replan_ask(site_id=site_id, reason=ReplanReason.CAR_ARRIVED, now=utc_now())
    looked = begun
    while True:
        time.sleep(max(0.0, looked + BEAT_S - time.monotonic()))
        looked, now = time.monotonic(), utc_now()
        report_all(site_id, now)
        plan = plans.plan_claim(site_id=site_id, now=now)
        if plan is None:
            continue
        plan = plans.plan_make(plan=plan, server=server, now=now)
        if plan.status != PlanStatus.ACCEPTED:
            raise SystemExit(f"no plan: {plan.reason_code} {plan.detail}")
        return time.monotonic() - begun


def plan_eur(plan: Plan, inputs: PlanInputs) -> float:
    """What the site pays under the plan as expected: the net energy of each slot at its price."""
    total = dict.fromkeys(
        (plan.start + n * QUARTER_HOUR for n in range(HORIZON // QUARTER_HOUR)), 0.0
    )
    for number, start in enumerate(total):
        total[start] = inputs.rest_kw[number]
    for start, power_kw in PlanSlot.objects.filter(plan=plan).values_list("start", "power_kw"):
        total[start] += power_kw
    basis, cost = inputs.basis, Decimal(0)
    for number, power_kw in enumerate(total.values()):
        price = basis.consumption_eur_per_mwh if power_kw > 0 else basis.production_eur_per_mwh
        cost += Decimal(str(power_kw / 4000 * price[number]))
    return float(cost)


def least_eur(inputs: PlanInputs) -> float:
    """The linear programme on the same inputs."""
    basis, count = inputs.basis, len(inputs.rest_kw)
    horizon = Horizon(
        900.0,
        basis.consumption_eur_per_mwh,
        basis.production_eur_per_mwh,
        inputs.rest_kw,
        [0.0] * count,
        [float("inf") if limit is None else limit for limit in basis.import_limit_kw],
        [float("inf") if limit is None else limit for limit in basis.export_limit_kw],
    )
    visits = []
    for car in inputs.cars:
        departure = car.departure_at or inputs.start + HORIZON
        visits.append(
            CarVisit(
                _storage(
                    car, str(car.session_id), car.most_charge_kw, car.most_discharge_kw, "car"
                ),
                0,
                min(count, (departure - inputs.start) // QUARTER_HOUR),
                car.capacity_kwh * car.target_soc_percent / 100,
            )
        )
    batteries = [
        _storage(one, str(one.device_id), one.rated_power_kw, one.rated_power_kw, "battery")
        for one in inputs.batteries
    ]
    return optimum(horizon=horizon, batteries=batteries, visits=visits).cost_eur


def _storage(state: Any, key: str, charge_kw: float, discharge_kw: float, kind: str) -> Storage:
    low, high = (
        (state.soc_min_percent, state.soc_max_percent)
        if kind == "battery"
        else (state.min_soc_percent, state.max_soc_percent)
    )
    return Storage(
        f"{kind} {key}",
        state.capacity_kwh,
        state.capacity_kwh * state.soc_percent / 100,
        state.capacity_kwh * low / 100,
        state.capacity_kwh * high / 100,
        charge_kw,
        discharge_kw,
        state.charging_efficiency,
        state.discharging_efficiency,
    )


def rounds_of(
    server: FlexmeasuresServer, site_id: int, count: int, rounds: int
) -> dict[str, object]:
    """One row: medians over some rounds, product and bare server in turn."""
    wholes, bares, parts = [], [], []
    for number in range(rounds):
        report_all(site_id, utc_now())
        whole, split, plan = product_s(server, site_id)
        bare = bare_s(server, asked[-1])
        print(
            f"  {count} + {count}, round {number + 1}: {whole:.1f} s, bare {bare:.1f} s", flush=True
        )
        wholes.append(whole)
        bares.append(bare)
        parts.append(split)
    cost, least = plan_eur(plan, asked[-1].inputs), least_eur(asked[-1].inputs)
    after = event_s(server, site_id)
    return {
        "batteries + cars + PV": f"{count} + {count} + {count}",
        "ask to stored (s)": f"{statistics.median(wholes):.1f}",
        "slowest": f"{max(wholes):.1f}",
        **{part: f"{statistics.median(p[part] for p in parts):.2f}" for part in PARTS},
        "bare (s)": f"{statistics.median(bares):.1f}",
        "of bare": f"{statistics.median(wholes) / statistics.median(bares):.2f}",
        "plan (EUR)": f"{cost:.2f}",
        "bound (EUR)": f"{least:.2f}",
        "after an event (s)": f"{after:.1f}",
    }


def main() -> None:
    """Both sizes on one server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    rows = []
    with own_server() as server, clocks():
        there = FlexmeasuresServer(server.base_url, server.provision_token)
        for count in (10, 20):
            with bench_operator("bench_schedule"):
                site_id = island(count, utc_now())
                provision(server=there, now=utc_now())
                rows.append(rounds_of(there, site_id, count, chosen.rounds))
    report("schedule", rows, wanted=WANTED)


if __name__ == "__main__":
    main()
