"""How readings and finer roll-ups make a slot: the SQL that roll-ups and series share.

The mean of a coarser slot is weighted by coverage, that is by measured time. A minute that was
read twice as often weighs no more than its neighbour, and mean x coverage x duration of a slot is
the sum of the energies of its minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ORIGIN = "'2000-01-01T00:00:00Z'::timestamptz"
"""All slots of the roll-ups are counted from here: whole minutes, quarters and hours UTC."""
TRUSTED = "quality IN (0, 3)"
"""Good and substituted. A bad value (NaN, out of range) and a stale one say nothing."""
IS_POWER = "s.quantity IN ('power_kw', 'dc_power_kw')"
IS_COUNTER = "s.quantity IN ('energy_import_kwh', 'energy_export_kwh')"
SENSORS = """(
    SELECT s.id, s.quantity, s.channel, s.rollover_kwh, d.kind, d.rated_power_kw,
           coalesce(nullif(s.period_s, 0), d.poll_period_s) AS period_s
    FROM assets_sensor s JOIN assets_device d ON d.id = s.device_id
)"""
COLUMNS = "sensor_id, start, mean, minimum, maximum, energy_kwh, count, bad_count, coverage"


@dataclass(frozen=True, slots=True)
class RollupTable:
    """A table of roll-ups and the length of its slots."""

    name: str
    step: timedelta

    @property
    def step_s(self) -> int:
        """The length of a slot in seconds."""
        return int(self.step.total_seconds())


MINUTES = RollupTable("assets_rollup_1m", timedelta(minutes=1))
QUARTERS = RollupTable("assets_rollup_15m", timedelta(minutes=15))
HOURS = RollupTable("assets_rollup_1h", timedelta(hours=1))
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def table_for(start: datetime, resolution: timedelta) -> RollupTable | None:
    """The coarsest table whose slots fit into those of a series; None when none does."""
    for table in (HOURS, QUARTERS, MINUTES):
        if not resolution % table.step and not (start - _EPOCH) % table.step:
            return table
    return None


def minutes_sql(where: str) -> str:
    """(sensor_id, start, mean, minimum, maximum, count, bad_count) of minutes with readings."""
    return f"""
    SELECT r.sensor_id, date_bin('1 minute', r.at, {ORIGIN}) AS start,
           avg(r.value) FILTER (WHERE r.{TRUSTED}) AS mean,
           min(r.value) FILTER (WHERE r.{TRUSTED}) AS minimum,
           max(r.value) FILTER (WHERE r.{TRUSTED}) AS maximum,
           count(*) FILTER (WHERE r.{TRUSTED})::int AS count,
           count(*) FILTER (WHERE NOT r.{TRUSTED})::int AS bad_count
    FROM assets_reading r WHERE {where} GROUP BY 1, 2"""


def minute_coverage(count: str) -> str:
    """The measured share of a minute: readings x period of the sensor `s`."""
    return f"least(1.0, {count} * s.period_s / 60.0)"


def slots_sql(source: str, *, where: str, source_s: str, slot_s: str, origin: str) -> str:
    """The slots (COLUMNS) that finer ones make, of the sensors `where` lets through.

    `source` is a table or a subquery with the columns of a roll-up. Coverage is that of the whole
    slot, what is missing included. A sensor that is read less often than once a minute leaves
    minutes out by design: there its readings count.
    """
    return f"""
    SELECT m.sensor_id, m.start, m.mean, m.minimum, m.maximum,
           CASE WHEN {IS_POWER} THEN m.mean * c.coverage * {slot_s} / 3600.0
                ELSE m.energy_kwh END AS energy_kwh,
           m.count, m.bad_count, c.coverage
    FROM (
        SELECT r.sensor_id, date_bin(make_interval(secs => {slot_s}), r.start, {origin}) AS start,
               sum(r.mean * r.coverage) / nullif(sum(r.coverage), 0) AS mean,
               min(r.minimum) AS minimum, max(r.maximum) AS maximum,
               sum(r.energy_kwh) AS energy_kwh,
               sum(r.count)::int AS count, sum(r.bad_count)::int AS bad_count,
               sum(r.coverage) * {source_s} AS covered_s
        FROM {source} r WHERE {where} GROUP BY 1, 2
    ) m JOIN {SENSORS} s ON s.id = m.sensor_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN s.period_s > 60 THEN least(1.0, m.count * s.period_s / {slot_s})
                    ELSE least(1.0, m.covered_s / {slot_s}) END AS coverage
    ) c"""


def raw_minutes_sql(where: str) -> str:
    """Minutes as in their roll-up, made of readings now; without the energy of counters."""
    return f"""(
    SELECT m.*, {minute_coverage("m.count")} AS coverage, NULL::float8 AS energy_kwh
    FROM ({minutes_sql(where)}) m JOIN {SENSORS} s ON s.id = m.sensor_id
)"""


_SENSORS_ASKED = "r.sensor_id = ANY(%(sensor_ids)s)"
_POWER_SENSORS = (
    "r.sensor_id IN (SELECT id FROM assets_sensor WHERE quantity = 'power_kw' AND channel = '')"
)
_SLOT_S = "%(slot_s)s::float8"
_ORIGIN_ASKED = "%(start)s::timestamptz"


def _rolled_sql(table: RollupTable, resolution: timedelta, where: str) -> str:
    """Slots of the series from the table: its own rows, or several of them joined."""
    if resolution == table.step:
        return f"SELECT {COLUMNS} FROM {table.name} r WHERE {where}"
    return slots_sql(
        table.name,
        where=where,
        source_s=f"{table.step_s}.0",
        slot_s=_SLOT_S,
        origin=_ORIGIN_ASKED,
    )


def _measured_sql(table: RollupTable, resolution: timedelta, sensors: str) -> str:
    """Slots of [start, cut) from roll-ups and of [cut, end) from readings."""
    rolled = _rolled_sql(
        table, resolution, f"{sensors} AND r.start >= %(start)s AND r.start < %(cut)s"
    )
    raw = slots_sql(
        raw_minutes_sql(f"{sensors} AND r.at >= %(cut)s AND r.at < %(end)s"),
        where="true",
        source_s="60.0",
        slot_s=_SLOT_S,
        origin=_ORIGIN_ASKED,
    )
    return f"({rolled} UNION ALL {raw})"


def _straight_sql(sensors: str) -> str:
    """Slots of [start, end) straight from readings, for slots that are no whole minutes."""
    return f"""(
    SELECT r.sensor_id, avg(r.value) AS mean, count(*) AS count,
           date_bin(make_interval(secs => {_SLOT_S}), r.at, {_ORIGIN_ASKED}) AS start,
           least(1.0, count(*) * min(s.period_s) / {_SLOT_S}) AS coverage
    FROM assets_reading r JOIN {SENSORS} s ON s.id = r.sensor_id
    WHERE {sensors} AND r.at >= %(start)s AND r.at < %(end)s AND r.{TRUSTED}
    GROUP BY r.sensor_id, 4)"""


def _slots_sql(table: RollupTable | None, resolution: timedelta, sensors: str) -> str:
    return _straight_sql(sensors) if table is None else _measured_sql(table, resolution, sensors)


def slot_means_sql(table: RollupTable | None, resolution: timedelta) -> str:
    """(sensor_id, start, mean, count, coverage) of the sensors asked for."""
    slots = _slots_sql(table, resolution, _SENSORS_ASKED)
    return f"""
    SELECT sensor_id, start, mean, count, coverage FROM {slots} slots
    WHERE mean IS NOT NULL ORDER BY sensor_id, start"""


def power_by_kind_sql(table: RollupTable | None, resolution: timedelta) -> str:
    """(kind, start, power): the sum over the devices of a kind of their means."""
    slots = _slots_sql(table, resolution, _POWER_SENSORS)
    return f"""
    SELECT s.kind, slots.start, sum(slots.mean) FROM {slots} slots
    JOIN {SENSORS} s ON s.id = slots.sensor_id
    WHERE slots.mean IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"""


def series_sql(table: RollupTable, resolution: timedelta) -> str:
    """COLUMNS of the sensors asked for, from roll-ups alone."""
    slots = _rolled_sql(
        table, resolution, f"{_SENSORS_ASKED} AND r.start >= %(start)s AND r.start < %(end)s"
    )
    return f"SELECT {COLUMNS} FROM ({slots}) slots ORDER BY sensor_id, start"


def energy_sql(tables: Sequence[RollupTable]) -> str:
    """(sensor_id, energy_kwh, covered_s) over stretches `from_0`, `to_0` and so on of tables."""
    parts = " UNION ALL ".join(
        f"SELECT r.sensor_id, r.energy_kwh, r.coverage * {table.step_s}.0 AS covered_s"
        f" FROM {table.name} r WHERE {_SENSORS_ASKED}"
        f" AND r.start >= %(from_{number})s AND r.start < %(to_{number})s"
        for number, table in enumerate(tables)
    )
    return f"""
    SELECT sensor_id, sum(energy_kwh), sum(covered_s) FROM ({parts}) parts
    GROUP BY sensor_id ORDER BY sensor_id"""
