"""The statements that make roll-ups. Each takes spans of whole slots: (sensor, first, last).

A statement writes a row only where it differs from what is there: a repeat leaves no dead rows.
"""

from apps.assets.selectors.slot_sql import (
    COLUMNS,
    HOURS,
    IS_COUNTER,
    IS_POWER,
    MINUTES,
    ORIGIN,
    QUARTERS,
    SENSORS,
    TRUSTED,
    RollupTable,
    minute_coverage,
    minutes_sql,
    slots_sql,
)
from apps.assets.services import energy
from apps.assets.services.energy import StepKind

_SPANS = (
    "unnest(%(sensor_ids)s::bigint[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[])"
    " AS span(sensor_id, first, last)"
)
_WRITTEN = COLUMNS.split(", ")[2:]


def _upsert(table: RollupTable, select: str) -> str:
    assigned = ", ".join(f"{column} = EXCLUDED.{column}" for column in _WRITTEN)
    kept = ", ".join(f"t.{column}" for column in _WRITTEN)
    new = ", ".join(f"EXCLUDED.{column}" for column in _WRITTEN)
    return f"""
    INSERT INTO {table.name} AS t ({COLUMNS}) {select}
    ON CONFLICT (sensor_id, start) DO UPDATE SET {assigned}
    WHERE ({kept}) IS DISTINCT FROM ({new})"""


PLAIN_MINUTES = _upsert(
    MINUTES,
    f"""
    SELECT s.id, m.start, m.mean, m.minimum, m.maximum,
           CASE WHEN {IS_POWER} THEN m.mean * c.coverage / 60.0 END,
           m.count, m.bad_count, c.coverage
    FROM {_SPANS} JOIN {SENSORS} s ON s.id = span.sensor_id AND NOT {IS_COUNTER}
    CROSS JOIN LATERAL (
        {minutes_sql("r.sensor_id = span.sensor_id AND r.at >= span.first AND r.at < span.last")}
    ) m
    CROSS JOIN LATERAL (SELECT {minute_coverage("m.count")} AS coverage) c""",
)


def _step(at: str, value: str, at_before: str, before: str) -> str:
    """(kind, energy_kwh) of a step, as energy.counter_step."""
    return f"""
    SELECT k.kind, CASE WHEN k.kind <= {StepKind.WAVER:d} THEN {value} - {before}
                        WHEN k.kind = {StepKind.ROLLOVER:d}
                            THEN s.rollover_kwh - {before} + {value}
                        WHEN k.kind = {StepKind.RESTART:d} THEN {value} END AS energy_kwh
    FROM (
        SELECT {energy.PLAUSIBLE_SHARE} * s.rated_power_kw
               * greatest(extract(epoch FROM {at} - {at_before})::float8, {energy.REFRESH_S})
               / 3600.0 + {energy.COARSE_STEP_KWH} AS most
        OFFSET 0
    ) p CROSS JOIN LATERAL (
        SELECT CASE
            WHEN {before} IS NULL THEN NULL
            WHEN {value} - {before} > p.most THEN {StepKind.JUMP:d}
            WHEN {value} >= {before} THEN {StepKind.GROWTH:d}
            WHEN {before} - {value}
                <= greatest({energy.STEP_BACK_KWH}, {before} * {energy.STEP_BACK_SHARE})
                THEN {StepKind.WAVER:d}
            WHEN {before} <= s.rollover_kwh
                AND s.rollover_kwh - {before} + {value} BETWEEN 0 AND p.most
                THEN {StepKind.ROLLOVER:d}
            WHEN {value} BETWEEN 0 AND p.most THEN {StepKind.RESTART:d}
            ELSE {StepKind.BACKWARD:d}
        END AS kind
        OFFSET 0
    ) k"""


# The two trusted readings before the span come along, so that the first steps have their ends.
# A step whose reading follows an odd one is tried from the reading before that.
COUNTER_MINUTES = _upsert(
    MINUTES,
    f"""
    SELECT s.id, m.start, m.mean, m.minimum, m.maximum, m.energy_kwh,
           m.count, m.bad_count, {minute_coverage("m.count")}
    FROM {_SPANS} JOIN {SENSORS} s ON s.id = span.sensor_id AND {IS_COUNTER}
    CROSS JOIN LATERAL (
        SELECT date_bin('1 minute', at, {ORIGIN}) AS start,
               avg(value) FILTER (WHERE is_kept) AS mean,
               min(value) FILTER (WHERE is_kept) AS minimum,
               max(value) FILTER (WHERE is_kept) AS maximum,
               sum(energy_kwh) FILTER (WHERE is_kept) AS energy_kwh,
               count(*) FILTER (WHERE is_kept)::int AS count,
               count(*) FILTER (WHERE NOT is_kept)::int AS bad_count
        FROM (
            SELECT judged.at, judged.value,
                   CASE WHEN takes_over THEN over_energy_kwh ELSE judged.energy_kwh END
                       AS energy_kwh,
                   is_trusted AND (takes_over OR kind IS NULL OR kind < {StepKind.BACKWARD:d})
                       AS is_kept
            FROM (
                SELECT plain.*, over.energy_kwh AS over_energy_kwh,
                       coalesce(plain.kind_before >= {StepKind.RESTART:d}
                                AND over.kind <= {StepKind.WAVER:d}, false) AS takes_over
                FROM (
                    SELECT ends.*, step.kind, step.energy_kwh,
                           lag(step.kind) OVER (PARTITION BY is_trusted ORDER BY at) AS kind_before
                    FROM (
                        SELECT at, value, is_trusted,
                               lag(at) OVER w AS at_1, lag(value) OVER w AS value_1,
                               lag(at, 2) OVER w AS at_2, lag(value, 2) OVER w AS value_2
                        FROM (
                            SELECT r.at, r.value, r.{TRUSTED} AS is_trusted
                            FROM assets_reading r
                            WHERE r.sensor_id = span.sensor_id
                              AND r.at >= span.first AND r.at < span.last
                            UNION ALL
                            (SELECT r.at, r.value, true FROM assets_reading r
                             WHERE r.sensor_id = span.sensor_id AND r.at < span.first
                               AND r.{TRUSTED}
                             ORDER BY r.at DESC LIMIT 2)
                        ) near
                        WINDOW w AS (PARTITION BY is_trusted ORDER BY at)
                    ) ends
                    CROSS JOIN LATERAL ({_step("ends.at", "ends.value", "at_1", "value_1")}) step
                ) plain
                CROSS JOIN LATERAL ({_step("plain.at", "plain.value", "at_2", "value_2")}) over
            ) judged
            WHERE judged.at >= span.first
        ) steps
        GROUP BY 1
    ) m""",
)

# The steps of the next two trusted readings begin in what was stored: their minutes change too.
COUNTER_FOLLOWERS = f"""
    SELECT span.sensor_id, date_bin('1 minute', f.at, {ORIGIN})
    FROM {_SPANS} JOIN {SENSORS} s ON s.id = span.sensor_id AND {IS_COUNTER}
    CROSS JOIN LATERAL (
        SELECT r.at FROM assets_reading r
        WHERE r.sensor_id = span.sensor_id AND r.at >= span.last AND r.{TRUSTED}
        ORDER BY r.at LIMIT 2
    ) f"""


def _coarser(table: RollupTable, source: RollupTable) -> str:
    slots = slots_sql(
        source.name,
        where="r.sensor_id = span.sensor_id AND r.start >= span.first AND r.start < span.last",
        source_s=f"{source.step_s}.0",
        slot_s=f"{table.step_s}.0",
        origin=ORIGIN,
    )
    return _upsert(table, f"SELECT slot.* FROM {_SPANS} CROSS JOIN LATERAL ({slots}) slot")


COARSER = ((QUARTERS, _coarser(QUARTERS, MINUTES)), (HOURS, _coarser(HOURS, QUARTERS)))
