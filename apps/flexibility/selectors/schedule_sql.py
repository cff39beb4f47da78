"""The statements behind the schedule of a day: plans in force per slot, what cars did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from cariflex.common.units import QUARTER_HOUR

# For each slot the newest accepted plan that covers it: one index look-up per slot.
_NEWEST: Final = """
WITH newest AS MATERIALIZED (
    SELECT slot.start AS slot_start, plan.id
    FROM generate_series(
        %(start)s::timestamptz, %(end)s::timestamptz - interval '15 minutes',
        interval '15 minutes') AS slot(start)
    CROSS JOIN LATERAL (
        SELECT id FROM flexibility_plan AS covering
        WHERE covering.site_id = %(site_id)s AND covering.status = 'accepted'
          AND covering.start <= slot.start AND covering."end" > slot.start
        ORDER BY covering.start DESC LIMIT 1
    ) AS plan
)
"""
_PLANNED: Final = (
    _NEWEST
    + """
SELECT newest.slot_start, planned.device_id, planned.session_id, planned.power_kw,
       planned.soc_percent
FROM newest
JOIN flexibility_planslot AS planned
  ON planned.plan_id = newest.id AND planned.start = newest.slot_start
ORDER BY newest.slot_start, planned.device_id, planned.session_id
"""
)
_BASIS: Final = (
    _NEWEST
    + """
SELECT newest.slot_start, newest.id,
       (plan.basis->'consumption_eur_per_mwh'->>place.slot)::float8,
       (plan.basis->'steering_eur_per_mwh'->>place.slot)::float8,
       (plan.basis->'co2_g_per_kwh'->>place.slot)::float8,
       (plan.basis->'pv_kw'->>place.slot)::float8,
       (plan.basis->'load_kw'->>place.slot)::float8,
       (plan.basis->'charging_kw'->>place.slot)::float8
FROM newest
JOIN flexibility_plan AS plan ON plan.id = newest.id
CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM newest.slot_start - plan.start) / plan.resolution_s)::int AS slot
) AS place
ORDER BY newest.slot_start
"""
)
# As for all sessions together: between two readings of a register the power is constant.
_CARS: Final = """
WITH pairs AS (
    SELECT session_id, at, lag(at) OVER readings AS from_at,
           (value - lag(value) OVER readings)
           * CASE WHEN measurand = 'Energy.Active.Import.Register' THEN 1 ELSE -1 END AS energy
    FROM chargers_metervalue
    WHERE session_id IS NOT NULL AND phase = ''
      AND measurand IN ('Energy.Active.Import.Register', 'Energy.Active.Export.Register')
      AND at >= %(start)s - interval '1 hour' AND at < %(end)s + interval '1 hour'
    WINDOW readings AS (PARTITION BY session_id, measurand ORDER BY at, value)
)
SELECT session_id, slot, sum(
    energy
    * extract(epoch FROM least(at, slot + interval '15 minutes') - greatest(from_at, slot))
    / extract(epoch FROM at - from_at)
)::float8 * 4
FROM pairs
JOIN generate_series(
    %(start)s::timestamptz, %(end)s::timestamptz - interval '15 minutes', interval '15 minutes'
) AS slot ON from_at < slot + interval '15 minutes' AND at > slot
WHERE at > from_at
GROUP BY session_id, slot
ORDER BY session_id, slot
"""
_CAR_SOCS: Final = """
SELECT DISTINCT ON (session_id, slot) session_id, slot, value::float8
FROM (
    SELECT session_id, value, at,
           date_bin('15 minutes', at, %(start)s::timestamptz) AS slot
    FROM chargers_metervalue
    WHERE session_id = ANY(%(session_ids)s) AND measurand = 'SoC'
      AND at >= %(start)s AND at < %(end)s
) AS told
ORDER BY session_id, slot, at
"""


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A device or the car of a session in one slot of the plan in force then; kW, SoC at its end.

    Of a PV plant the power is the most it may produce (<= 0).
    """

    start: datetime
    device_id: int | None
    session_id: int | None
    power_kw: float
    soc_percent: float | None


@dataclass(frozen=True, slots=True)
class BasisRow:
    """What the plan in force knew of one slot; None throughout for a plan that did not keep it."""

    start: datetime
    plan_id: int
    price_eur_per_mwh: float | None
    steering_eur_per_mwh: float | None
    co2_g_per_kwh: float | None
    pv_kw: float | None
    load_kw: float | None
    charging_kw: float | None


def planned_rows(site_id: int, *, start: datetime, end: datetime) -> list[PlannedRow]:
    """Every planned slot of [start, end), by slot; both ends on quarter hours."""
    return [PlannedRow(*row) for row in _rows(_PLANNED, site_id=site_id, start=start, end=end)]


def basis_rows(site_id: int, *, start: datetime, end: datetime) -> list[BasisRow]:
    """The slots of [start, end) that a plan covers, in order."""
    return [BasisRow(*row) for row in _rows(_BASIS, site_id=site_id, start=start, end=end)]


def car_powers(*, start: datetime, end: datetime) -> dict[int, dict[datetime, float]]:
    """Session id -> slot -> mean power from the energy registers, kW, charging positive."""
    found: dict[int, dict[datetime, float]] = {}
    for session_id, slot, power_kw in _rows(_CARS, start=start, end=end):
        found.setdefault(session_id, {})[slot] = power_kw
    return found


def car_socs(
    session_ids: Sequence[int], *, start: datetime, end: datetime
) -> dict[int, dict[datetime, float]]:
    """Session id -> slot -> the first state of charge that the car told in it, percent."""
    found: dict[int, dict[datetime, float]] = {}
    rows = _rows(_CAR_SOCS, start=start, end=end, session_ids=list(session_ids))
    for session_id, slot, soc_percent in rows:
        found.setdefault(session_id, {})[slot] = soc_percent
    return found


def _rows(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    if parameters["end"] - parameters["start"] < QUARTER_HOUR:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
