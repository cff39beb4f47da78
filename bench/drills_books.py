"""Whether FlexMeasures holds every slot mean that was handed to it, and none twice."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2

from apps.simulation.island import operators
from cariflex.common.time import parse_rfc3339

QUARTER_HOUR = timedelta(minutes=15)
# Said twice: a belief with the value of the one before it, by the same source of the same event.
_TWICE = """
SELECT count(*) FROM (
    SELECT b.event_value, lag(b.event_value) OVER (
        PARTITION BY b.sensor_id, b.source_id, b.event_start, b.cumulative_probability
        ORDER BY b.belief_horizon DESC) AS before
    FROM timed_belief b JOIN data_source s ON s.id = b.source_id WHERE s.type = 'user') said
WHERE event_value = before
"""
_SENSORS = """
SELECT s.role, a.site_id, a.device_id, s.sensor_id
FROM {schema}.flexibility_flexmeasuressensor s
JOIN {schema}.flexibility_flexmeasuresasset a ON a.id = s.asset_id
WHERE a.evse_id IS NULL
"""
_HANDED_OVER = """
SELECT payload FROM {schema}.outbox_outboxmessage
WHERE destination = 'flexmeasures' AND kind = 'slot_means' AND state = 'delivered' ORDER BY id
"""
_HELD = """
SELECT DISTINCT ON (sensor_id, event_start) sensor_id, event_start, event_value
FROM timed_belief WHERE sensor_id = ANY(%s) AND event_start >= %s
ORDER BY sensor_id, event_start, belief_horizon
"""
Mean = tuple[int, datetime]


@dataclass(frozen=True)
class Books:
    """Both sides compared."""

    handed_over: int
    missing: int
    different: int
    twice: int


def compare(database_url: str, flexmeasures_url: str) -> Books:
    """Every slot mean that counts as delivered against FlexMeasures' own table."""
    wanted: dict[Mean, float] = {}
    with closing(psycopg2.connect(database_url)) as link, link.cursor() as cursor:
        for operator in operators():
            cursor.execute(_SENSORS.format(schema=operator))
            sensors = {(role, site, device): pk for role, site, device, pk in cursor.fetchall()}
            cursor.execute(_HANDED_OVER.format(schema=operator))
            for (payload,) in cursor.fetchall():
                wanted |= _means(payload, sensors)
    with closing(psycopg2.connect(flexmeasures_url)) as link, link.cursor() as cursor:
        cursor.execute(_TWICE)
        twice = int(cursor.fetchone()[0])
        first = min((start for _, start in wanted), default=datetime.now(UTC))
        cursor.execute(_HELD, (sorted({sensor for sensor, _ in wanted}), first))
        held = {(sensor, start.astimezone(UTC)): value for sensor, start, value in cursor}
    different = sum(key in held and abs(held[key] - wanted[key]) > 1e-3 for key in wanted)
    return Books(len(wanted), len(wanted.keys() - held.keys()), different, twice)


def _means(payload: dict[str, Any], sensors: dict[tuple[str, int, int], int]) -> dict[Mean, float]:
    found: dict[Mean, float] = {}
    for series in payload["series"]:
        sensor = sensors.get((series["role"], series["site_id"], series["device_id"]))
        if sensor is None:
            continue
        start = parse_rfc3339(series.get("start") or payload["start"])
        for number, value in enumerate(series["values"]):
            if value is not None:
                found[sensor, start + number * QUARTER_HOUR] = float(value)
    return found
