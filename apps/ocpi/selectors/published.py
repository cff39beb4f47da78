"""Reads of what is published: pages that are as fast at the end of a list as at its beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Upper

from apps.ocpi import wire
from apps.ocpi.choices import ObjectKind, OcpiVersion
from apps.ocpi.models import Partner, Published, PublishedCount
from cariflex.common.exact_json import exact_loads

WIRE_KINDS = {
    ObjectKind.LOCATIONS: "Location",
    ObjectKind.SESSIONS: "Session",
    ObjectKind.CDRS: "Cdr",
    ObjectKind.TARIFFS: "Tariff",
    ObjectKind.TOKENS: "Token",
}
_OF_ONE = frozenset({ObjectKind.SESSIONS, ObjectKind.CDRS})


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """JSON texts of a page in order of creation; `total`: how many the filter lets through."""

    texts: list[bytes]
    total: int
    last_position: int | None


def audience_of(partner: Partner, kind: ObjectKind) -> Partner | None:
    """Whose objects a partner sees: its own of sessions and CDRs, everybody's of the others."""
    return partner if kind in _OF_ONE else None


def published_page(
    *,
    partner: Partner,
    kind: ObjectKind,
    version: str,
    date_from: datetime | None = None,
    date_to: datetime | None = None,
    offset: int = 0,
    after: int | None = None,
    limit: int,
) -> PublishedPage:
    """The objects from `offset` on, last updated in [date_from, date_to). At most four queries.

    Positions have no gap: without dates an offset is a position. With dates `after`, the position
    of the last object of the page before, spares the walk to the offset.
    """
    audience = audience_of(partner, kind)
    if date_from is None and date_to is None:
        total = (
            PublishedCount.objects.filter(kind=kind, audience=audience)
            .values_list("last_position", flat=True)
            .first()
            or 0
        )
        return _page(_rows(kind, audience, position__gt=offset), version, limit, total)
    if kind == ObjectKind.CDRS:
        first, end = _stretch(kind, audience, date_from, date_to)
        begin = first + offset if after is None else max(after + 1, first)
        rows = _rows(kind, audience, position__gte=begin, position__lt=end)
        return _page(rows, version, limit, max(end - first, 0))
    changed = _rows(kind, audience)
    if date_from is not None:
        changed = changed.filter(last_updated__gte=date_from)
    if date_to is not None:
        changed = changed.filter(last_updated__lt=date_to)
    found = changed.order_by().aggregate(total=Count("pk"), first=Min("position"))
    total, first = found["total"], found["first"] or 0
    if after is not None:
        return _page(changed.filter(position__gt=max(after, first - 1)), version, limit, total)
    return _page(changed.filter(position__gte=first)[offset:], version, limit, total)


def _stretch(
    kind: ObjectKind,
    audience: Partner | None,
    date_from: datetime | None,
    date_to: datetime | None,
) -> tuple[int, int]:
    """Positions [first, end) of what was last updated within the dates, in two steps of an index.

    Only of what never changes: there a later position was never updated earlier.
    """

    def position_from(at: datetime | None, default: int) -> int:
        if at is None:
            return default
        rows = _rows(kind, audience, last_updated__gte=at).order_by("last_updated", "position")
        found = rows.values_list("position", flat=True).first()
        return behind_last if found is None else found

    last = PublishedCount.objects.filter(kind=kind, audience=audience)
    behind_last = (last.values_list("last_position", flat=True).first() or 0) + 1
    return position_from(date_from, 1), position_from(date_to, behind_last)


def published_one(
    *, partner: Partner, kind: ObjectKind, object_id: str, party: tuple[str, str] | None = None
) -> Published | None:
    """An object that a partner may see, by its id without case; `party`: whose it is."""
    rows = (
        Published.objects.filter(kind=kind, audience=audience_of(partner, kind))
        .annotate(capitals=Upper("object_id"))
        .filter(capitals=object_id.upper())
    )
    if party is not None:
        rows = rows.filter(party__country_code__iexact=party[0], party__party_id__iexact=party[1])
    return rows.order_by("position").first()


def published_text(row: Published, version: str) -> str:
    """The JSON of an object in a version; two of them are stored, the third is made."""
    if version == OcpiVersion.V2_3_0:
        return row.content
    if version == OcpiVersion.V2_2_1:
        return row.content_2_2_1
    return _texts_made([row], version)[0].decode()


def in_version(
    kind: ObjectKind,
    content: dict[str, Any],
    version: str,
    *,
    locations: dict[str, Any] | None = None,
) -> str:
    """The JSON in a version of an object in the shape of 2.3.0.

    `locations`: those that sessions refer to, by id in capitals: 2.1.1 writes them out.
    """
    struct = wire.inside_of(WIRE_KINDS[kind], content)
    owner = (content["country_code"], content["party_id"])
    token = content.get("cdr_token") or {}
    context = wire.Context(
        owner=owner,
        emsp=(token["country_code"], token["party_id"]) if token else None,
        location=(locations or {}).get(str(content.get("location_id", "")).upper()),
    )
    return wire.encode(wire.from_inside(version, struct, context=context)).decode()


def _rows(kind: ObjectKind, audience: Partner | None, **filters: Any) -> "QuerySet[Published]":
    of_audience = Q(audience__isnull=True) if audience is None else Q(audience=audience)
    return Published.objects.filter(of_audience, kind=kind, **filters).order_by("position")


def _page(rows: "QuerySet[Published]", version: str, limit: int, total: int) -> PublishedPage:
    column = "content" if version == OcpiVersion.V2_3_0 else "content_2_2_1"
    if version in (OcpiVersion.V2_3_0, OcpiVersion.V2_2_1):
        found = list(rows.values_list("position", column)[:limit])
        texts = [text.encode() for _position, text in found]
        return PublishedPage(texts, total, found[-1][0] if found else None)
    whole = list(rows[:limit])
    last = whole[-1].position if whole else None
    return PublishedPage(_texts_made(whole, version), total, last)


def _texts_made(rows: Sequence[Published], version: str) -> list[bytes]:
    contents = [(ObjectKind(row.kind), exact_loads(row.content)) for row in rows]
    wanted = {
        content["location_id"].upper() for _kind, content in contents if "location_id" in content
    }
    locations = {}
    if wanted:
        found = (
            Published.objects.filter(kind=ObjectKind.LOCATIONS, audience__isnull=True)
            .annotate(capitals=Upper("object_id"))
            .filter(capitals__in=wanted)
        )
        locations = {
            row.object_id.upper(): wire.inside_of("Location", exact_loads(row.content))
            for row in found
        }
    return [
        in_version(kind, content, version, locations=locations).encode()
        for kind, content in contents
    ]
