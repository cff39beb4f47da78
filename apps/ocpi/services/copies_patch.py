"""Copies of partners' objects: what changed of them, and parts of locations.

A PATCH replaces the fields that it names (2.2.1 transport §4.1.3.3); lists are replaced whole,
except the EVSEs of a location and the connectors of an EVSE, which are merged by their ids, and the
charging periods of a session, which are added (§9.2.2.3).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import Partner
from apps.ocpi.objects.fields import date_time_read
from apps.ocpi.services.copies import (
    UNKNOWN,
    Copied,
    ObjectKey,
    copy_locked,
    copy_write,
)
from cariflex.common.errors import DomainError

Content = dict[str, Any]
_STALE = Copied(is_new=False, is_stale=True)
_CHANGED = Copied(is_new=False, is_stale=False)


@transaction.atomic
def copy_patch(
    *, partner: Partner, kind: str, key: ObjectKey, changes: Mapping[str, Any], now: datetime
) -> Copied:
    """Change what is given of an object; older changes than what is known change nothing.

    Charging periods of an older one are still put in their place. DomainError `ocpi.copy_unknown`;
    WireError when the result is no whole object.
    """
    row = copy_locked(partner, kind, key)
    content: Content = dict(row.content)
    if _at(changes) < row.last_updated:
        if kind != ObjectKind.SESSIONS or not changes.get("charging_periods"):
            return _STALE
        changes = {"charging_periods": changes["charging_periods"]}
    _merge(content, changes, _LISTS.get(kind, {}))
    copy_write(row, kind, content, now)
    return _CHANGED


@transaction.atomic
def evse_put(*, partner: Partner, key: ObjectKey, evse: Mapping[str, Any], now: datetime) -> Copied:
    """Take a whole EVSE of a known location; the location is as new as its EVSE."""
    return _part_put(partner, key, (("evses", "uid", str(evse["uid"])),), evse, now)


@transaction.atomic
def connector_put(
    *, partner: Partner, key: ObjectKey, evse_uid: str, connector: Mapping[str, Any], now: datetime
) -> Copied:
    """Take a whole connector of a known EVSE."""
    path = (("evses", "uid", evse_uid), ("connectors", "id", str(connector["id"])))
    return _part_put(partner, key, path, connector, now)


@transaction.atomic
def evse_patch(
    *, partner: Partner, key: ObjectKey, evse_uid: str, changes: Mapping[str, Any], now: datetime
) -> Copied:
    """Change what is given of an EVSE; DomainError `ocpi.copy_unknown` when there is none."""
    return _part_patch(partner, key, (("evses", "uid", evse_uid),), changes, now)


@transaction.atomic
def connector_patch(
    *,
    partner: Partner,
    key: ObjectKey,
    evse_uid: str,
    connector_id: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> Copied:
    """Change what is given of a connector."""
    path = (("evses", "uid", evse_uid), ("connectors", "id", connector_id))
    return _part_patch(partner, key, path, changes, now)


Step = tuple[str, str, str]
"""(list, name of the id in it, the id)."""


def part_find(content: Mapping[str, Any], path: Iterable[Step]) -> Content | None:
    """A part of a location: an EVSE, or a connector of one."""
    part: Mapping[str, Any] | None = content
    for listed, name, wanted in path:
        if part is None:
            return None
        part = next(
            (one for one in part.get(listed) or () if one[name].upper() == wanted.upper()), None
        )
    return None if part is None else dict(part)


def _part_put(
    partner: Partner, key: ObjectKey, path: tuple[Step, ...], part: Mapping[str, Any], now: datetime
) -> Copied:
    row = copy_locked(partner, ObjectKind.LOCATIONS, key)
    known = part_find(row.content, path)
    if known is None and len(path) > 1 and part_find(row.content, path[:-1]) is None:
        raise DomainError(UNKNOWN, f"{path[0][2]} is not known here.")
    if known is not None and _at(part) < _at(known):
        return _STALE
    content = _with_part(row.content, path, dict(part), _at(part))
    copy_write(row, ObjectKind.LOCATIONS, content, now)
    return Copied(is_new=known is None, is_stale=False)


def _part_patch(
    partner: Partner,
    key: ObjectKey,
    path: tuple[Step, ...],
    changes: Mapping[str, Any],
    now: datetime,
) -> Copied:
    row = copy_locked(partner, ObjectKind.LOCATIONS, key)
    known = part_find(row.content, path)
    if known is None:
        raise DomainError(UNKNOWN, f"{path[-1][2]} is not known here.")
    if _at(changes) < _at(known):
        return _STALE
    _merge(known, changes, {"connectors": _by_id("id")})
    content = _with_part(row.content, path, known, _at(changes))
    copy_write(row, ObjectKind.LOCATIONS, content, now)
    return _CHANGED


def _with_part(
    whole: Mapping[str, Any], path: tuple[Step, ...], part: Content, at: datetime
) -> Content:
    """The object with one part replaced or added; it is at least as new as that part."""
    listed, name, wanted = path[0]
    inner = part
    if len(path) > 1:
        inner = _with_part(part_find(whole, path[:1]) or {}, path[1:], part, at)
    parts = [dict(one) for one in whole.get(listed) or ()]
    place = next(
        (nth for nth, one in enumerate(parts) if one[name].upper() == wanted.upper()), None
    )
    if place is None:
        parts.append(inner)
    else:
        parts[place] = inner
    content = {**whole, listed: parts}
    if at > _at(whole):
        content["last_updated"] = part["last_updated"]
    return content


ListMerge = Callable[[list[Content], list[Content]], list[Content]]


def _merge(content: Content, changes: Mapping[str, Any], lists: Mapping[str, ListMerge]) -> None:
    for name, value in changes.items():
        if value is None:
            content.pop(name, None)
        elif name in lists:
            content[name] = lists[name](content.get(name) or [], value)
        else:
            content[name] = value


def _by_id(name: str) -> ListMerge:
    def merged(known: list[Content], given: list[Content]) -> list[Content]:
        fresh = {one[name].upper(): one for one in given}
        kept = [_newer(one, fresh.pop(one[name].upper(), one)) for one in known]
        return [*kept, *fresh.values()]

    return merged


def _newer(known: Content, given: Content) -> Content:
    return known if _at(given) < _at(known) else given


def _periods_added(known: list[Content], given: list[Content]) -> list[Content]:
    """In the order of their start; one that came before is not taken twice."""
    return sorted(
        [*known, *(one for one in given if one not in known)],
        key=lambda one: date_time_read(one["start_date_time"]),
    )


_LISTS: Mapping[str, Mapping[str, ListMerge]] = {
    ObjectKind.LOCATIONS: {"evses": _by_id("uid")},
    ObjectKind.SESSIONS: {"charging_periods": _periods_added},
}


def _at(content: Mapping[str, Any]) -> datetime:
    return date_time_read(content["last_updated"])
