"""Uptime, plug-in success and time to recover, of every connector and station over a period."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from apps.chargers.choices import ChargingState
from apps.chargers.models import Connector, Session
from apps.chargers.ocpp.availability import (
    OnlineSince,
    Outages,
    PlugIns,
    StatusSince,
    Stay,
    Uptime,
    outages,
    plug_ins,
    uptime,
)
from cariflex.common.time import Interval

# How long after the period a plug-in or an outage that began in it may still end.
OUTCOME_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Performance:
    """What a connector did in a period; `evse_id` and `connector_id` 0 are the whole station."""

    station_id: str
    evse_id: int
    connector_id: int
    uptime: Uptime
    outages: Outages
    plug_ins: PlugIns


def month_of(day: date, time_zone: str) -> Interval:
    """The calendar month of a day, at the place."""
    zone = ZoneInfo(time_zone)
    first = datetime(day.year, day.month, 1, tzinfo=zone)
    following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=zone)
    return Interval(first, following)


def connectors_performance(
    *,
    period: Interval,
    now: datetime,
    station_id: str | None = None,
    station_ids: Collection[str] | None = None,
) -> list[Performance]:
    """Every connector by station, EVSE and number; nothing is told of the time after `now`.

    Four queries.
    """
    period = Interval(min(period.start, now), min(period.end, now))
    until = min(period.end + OUTCOME_WITHIN, now)
    connectors = Connector.objects.select_related("evse__station").order_by(
        "evse__station__station_id", "evse__evse_id", "connector_id"
    )
    if station_id is not None:
        connectors = connectors.filter(evse__station__station_id=station_id)
    if station_ids is not None:
        connectors = connectors.filter(evse__station__station_id__in=station_ids)
    rows = list(connectors)
    statuses = _statuses([row.pk for row in rows], period.start, until)
    connections = _connections(sorted({row.evse.station_id for row in rows}), period.start, until)
    stays = _stays({row.evse_id for row in rows}, period.start, until)
    performances = []
    for row in rows:
        told, online = statuses[row.pk], connections[row.evse.station_id]
        at_connector = stays[row.evse_id, None] + stays[row.evse_id, row.connector_id]
        performances.append(
            Performance(
                station_id=row.evse.station.station_id,
                evse_id=row.evse.evse_id,
                connector_id=row.connector_id,
                uptime=uptime(period, told, online),
                outages=outages(period, told, online, until=until),
                plug_ins=plug_ins(period, told, at_connector, until=until),
            )
        )
    return performances


def stations_performance(connectors: Iterable[Performance]) -> list[Performance]:
    """One line for each station: the times and counts of its connectors together."""
    stations: dict[str, Performance] = {}
    for one in connectors:
        sum_ = stations.get(one.station_id) or Performance(
            one.station_id, 0, 0, Uptime(), Outages(), PlugIns()
        )
        stations[one.station_id] = Performance(
            one.station_id,
            0,
            0,
            sum_.uptime + one.uptime,
            sum_.outages + one.outages,
            sum_.plug_ins + one.plug_ins,
        )
    return list(stations.values())


def _statuses(
    connector_pks: list[int], start: datetime, end: datetime
) -> defaultdict[int, list[StatusSince]]:
    found: defaultdict[int, list[StatusSince]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_STATUSES, {"ids": connector_pks, "start": start, "end": end})
        for connector_pk, at, status in cursor.fetchall():
            found[connector_pk].append(StatusSince(at, status))
    return found


def _connections(
    station_pks: list[int], start: datetime, end: datetime
) -> defaultdict[int, list[OnlineSince]]:
    found: defaultdict[int, list[OnlineSince]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS, {"ids": station_pks, "start": start, "end": end})
        for station_pk, at, is_online in cursor.fetchall():
            found[station_pk].append(OnlineSince(at, is_online))
    return found


def _stays(
    evse_pks: set[int], start: datetime, end: datetime
) -> defaultdict[tuple[int, int | None], list[Stay]]:
    """By EVSE and connector; None where the station did not tell which."""
    found: defaultdict[tuple[int, int | None], list[Stay]] = defaultdict(list)
    sessions = Session.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=start), evse_id__in=evse_pks, started_at__lt=end
    )
    for evse_pk, number, started_at, ended_at, energy_kwh, state in sessions.values_list(
        "evse_id", "connector_id", "started_at", "ended_at", "energy_kwh", "charging_state"
    ):
        has_charged = energy_kwh > 0 or state == ChargingState.CHARGING
        found[evse_pk, number].append(Stay(started_at, ended_at, has_charged))
    return found


# The changes of a stretch of time with the last one before it, by connector or station.
_STATUSES = """
SELECT of.id, h.at, h.status FROM unnest(%(ids)s::bigint[]) AS of(id)
CROSS JOIN LATERAL (
    (SELECT at, id, status FROM chargers_connectorstatuschange
     WHERE connector_id = of.id AND at < %(start)s ORDER BY at DESC, id DESC LIMIT 1)
    UNION ALL
    SELECT at, id, status FROM chargers_connectorstatuschange
    WHERE connector_id = of.id AND at >= %(start)s AND at < %(end)s
) AS h
ORDER BY of.id, h.at, h.id
"""
_CONNECTIONS = """
SELECT of.id, h.at, h.is_online FROM unnest(%(ids)s::bigint[]) AS of(id)
CROSS JOIN LATERAL (
    (SELECT at, id, is_online FROM chargers_connectionchange
     WHERE station_id = of.id AND at < %(start)s ORDER BY at DESC, id DESC LIMIT 1)
    UNION ALL
    SELECT at, id, is_online FROM chargers_connectionchange
    WHERE station_id = of.id AND at >= %(start)s AND at < %(end)s
) AS h
ORDER BY of.id, h.at, h.id
"""
