"""Our stations are told to partners as locations; a change is told as narrowly as it is."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import Partner, Published
from apps.ocpi.objects.errors import WireError
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.locations_out import StationNow, stations_now
from apps.ocpi.services.published import (
    Written,
    normal,
    published_rows,
    published_write,
    refused_log,
    shelf_lock,
    without_last_updated,
)
from apps.ocpi.services.push_queue import Pick, Push, pushes_add, whole_object
from cariflex.common.exact_json import exact_loads
from cariflex.common.time import format_rfc3339

REMOVED = "REMOVED"
_STATUS, _TARIFFS = ("status", "last_updated"), ("tariff_ids", "last_updated")


def location_publish(station_pk: int, now: datetime) -> bool:
    """Publish a station; True when partners are told something."""
    return locations_publish(now=now, station_pks=[station_pk]) > 0


@transaction.atomic
def locations_publish(*, now: datetime, station_pks: Collection[int] | None = None) -> int:
    """Publish what changed of the stations, of all when none are named; gives how many changed.

    A station that was never published stays unknown to partners while its details say so. One
    that was is told with `publish` false: sessions refer to it (2.2.1 §8.1).
    """
    party = owner_of(ObjectKind.LOCATIONS)
    if party is None:
        return 0
    shelf = shelf_lock(ObjectKind.LOCATIONS, None)
    stations = stations_now(party=party, now=now, station_pks=station_pks)
    ids = None if station_pks is None else [station.object_id for station in stations]
    rows = published_rows(shelf, party, ids)
    contents = [
        (rows.get(station.object_id.upper()), station)
        for station in stations
        if station.is_published or station.object_id.upper() in rows
    ]
    due: list[tuple[Published | None, dict[str, Any]]] = []
    for row, station in contents:
        try:
            due.append((row, _stamped(station, row, now)))
        except WireError as err:
            refused_log(ObjectKind.LOCATIONS, station.object_id, err)
    if station_pks is None:
        known = {station.object_id.upper() for station in stations}
        due += [(row, _gone(row, now)) for name, row in rows.items() if name not in known]
    written = published_write(shelf, party, due, now=now)
    pushes_add(ObjectKind.LOCATIONS, None, written, _pushes)
    return len(written)


def _stamped(station: StationNow, row: Published | None, now: datetime) -> dict[str, Any]:
    """The location with `last_updated` of its parts: as it was where a part did not change.

    An EVSE that is there no more stays with the status REMOVED.
    """
    stamp = format_rfc3339(now)
    # Stamped all over, so that it is compared in the form in which it is stored.
    content = normal(ObjectKind.LOCATIONS, _all_stamped(station.content, stamp))
    old = {} if row is None else exact_loads(row.content)
    before = _by(old.get("evses", ()), "uid")
    now_there = content.get("evses", ())
    evses = [_evse_stamped(evse, before.get(evse["uid"].upper()), stamp) for evse in now_there]
    names = {evse["uid"].upper() for evse in evses}
    evses += [_removed(evse, stamp) for name, evse in before.items() if name not in names]
    return {**content, "evses": evses}


def _all_stamped(content: Mapping[str, Any], stamp: str) -> dict[str, Any]:
    evses = [
        {
            **evse,
            "connectors": [{**one, "last_updated": stamp} for one in evse["connectors"]],
            "last_updated": stamp,
        }
        for evse in content["evses"]
    ]
    return {**content, "evses": evses, "last_updated": stamp}


def _evse_stamped(
    evse: dict[str, Any], before: Mapping[str, Any] | None, stamp: str
) -> dict[str, Any]:
    known = _by([] if before is None else before["connectors"], "id")
    connectors = []
    for connector in evse["connectors"]:
        old = known.get(connector["id"].upper())
        is_same = old is not None and _same(connector, old)
        last = old["last_updated"] if old is not None and is_same else stamp
        connectors.append({**connector, "last_updated": last})
    stamped = {**evse, "connectors": connectors}
    # A part that changed shows in its own stamp: parents are as new as their parts (§8.2.2.2).
    is_same = before is not None and _same(stamped, before)
    last = before["last_updated"] if before is not None and is_same else stamp
    return {**stamped, "last_updated": last}


def _removed(evse: dict[str, Any], stamp: str) -> dict[str, Any]:
    if evse["status"] == REMOVED:
        return evse
    return {**evse, "status": REMOVED, "last_updated": stamp}


def _gone(row: Published, now: datetime) -> dict[str, Any]:
    """The location of a station that is no more: all its EVSEs are removed."""
    content: dict[str, Any] = exact_loads(row.content)
    evses = [_removed(evse, format_rfc3339(now)) for evse in content.get("evses", ())]
    return {**content, "evses": evses, "publish": False} if evses else content


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return without_last_updated(one) == without_last_updated(other)


def _by(parts: Sequence[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {part[name].upper(): part for part in parts}


def _pushes(written: Written, _partner: Partner) -> list[Push]:
    """Requests that tell a change: PATCH of a status, PUT of what changed otherwise (§8.2.2)."""
    party, content, before = written.row.party, written.content, written.before
    address = (party.country_code, party.party_id, content["id"])
    if before is None or _own(content) != _own(before):
        return [Push("PUT", address, pick=whole_object)]
    known = _by(before.get("evses", ()), "uid")
    pushes: list[Push] = []
    for evse in content.get("evses", ()):
        old = known.get(evse["uid"].upper())
        if old != evse:
            pushes += _evse_pushes(address, evse, old)
    # One request for the location costs a partner less than one for each of many parts.
    return pushes if len(pushes) <= _most_parts(content) else [Push("PUT", address, whole_object)]


def _most_parts(content: Mapping[str, Any]) -> int:
    return max(2, len(content.get("evses", ())))


def _evse_pushes(
    address: tuple[str, ...], evse: Mapping[str, Any], old: Mapping[str, Any] | None
) -> list[Push]:
    uid = evse["uid"]
    here = (*address, uid)
    if old is None:
        return [Push("PUT", here, pick=_evse_of(uid))]
    changed = _changed(evse, old)
    if changed == {"status"}:
        return [Push("PATCH", here, pick=_fields(_evse_of(uid), _STATUS), whole=_evse_of(uid))]
    connectors = _by(old["connectors"], "id")
    moved = [one for one in evse["connectors"] if connectors.get(one["id"].upper()) != one]
    if changed == {"connectors"} and all(
        _changed(one, connectors.get(one["id"].upper(), {})) == {"tariff_ids"} for one in moved
    ):
        return [
            Push(
                "PATCH",
                (*here, one["id"]),
                pick=_fields(_connector_of(uid, one["id"]), _TARIFFS),
                whole=_connector_of(uid, one["id"]),
            )
            for one in moved
        ]
    return [Push("PUT", here, pick=_evse_of(uid))]


def _changed(new: Mapping[str, Any], old: Mapping[str, Any]) -> set[str]:
    return {name for name in {*new, *old} - {"last_updated"} if new.get(name) != old.get(name)}


def _own(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a location has beside its EVSEs."""
    return {name: value for name, value in content.items() if name not in ("evses", "last_updated")}


def _evse_of(uid: str) -> Pick:
    def pick(location: dict[str, Any]) -> Any:
        return next(evse for evse in location["evses"] if evse["uid"] == uid)

    return pick


def _connector_of(uid: str, connector_id: str) -> Pick:
    def pick(location: dict[str, Any]) -> Any:
        return next(
            one for one in _evse_of(uid)(location)["connectors"] if one["id"] == connector_id
        )

    return pick


def _fields(part: Pick, names: Sequence[str]) -> Pick:
    def pick(location: dict[str, Any]) -> Any:
        found = part(location)
        # What is gone is told as gone: a field that is left out of a PATCH stays (§4.1.4.2).
        return {name: found.get(name, [] if name == "tariff_ids" else None) for name in names}

    return pick
