"""Our objects as partners see them: written under a lock, with the pushes that follow from it.

Whoever publishes takes the lock of (kind, audience) first and reads the truth after it: so two
workers that publish the same thing leave the newer truth, and positions have no gap.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models.functions import Upper

from apps.ocpi import wire
from apps.ocpi.choices import ObjectKind, OcpiVersion
from apps.ocpi.models import Partner, Party, Published, PublishedCount
from apps.ocpi.objects.errors import WireError
from apps.ocpi.selectors.published import WIRE_KINDS, in_version, published_text
from cariflex.common.exact_json import exact_loads
from cariflex.common.time import format_rfc3339

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The published objects of one kind that the same partners may see, locked for writing."""

    kind: ObjectKind
    audience: Partner | None
    count: PublishedCount


@dataclass(slots=True)
class Written:
    """An object that is new or has changed. `before` is None for a new one; 2.3.0 shape."""

    row: Published
    before: dict[str, Any] | None
    content: dict[str, Any]
    _texts: dict[str, str] = field(default_factory=dict)

    def text(self, version: str) -> str:
        """The object's JSON in a version."""
        return self._texts.setdefault(version, published_text(self.row, version))


def shelf_lock(kind: ObjectKind, audience: Partner | None) -> Shelf:
    """Hold the objects of a kind and audience until the transaction ends."""
    rows = PublishedCount.objects.filter(kind=kind, audience=audience).select_for_update(
        no_key=True
    )
    count = rows.first()
    if count is None:
        PublishedCount.objects.bulk_create(
            [PublishedCount(kind=kind, audience=audience)], ignore_conflicts=True
        )
        count = rows.get()
    return Shelf(kind, audience, count)


def published_rows(
    shelf: Shelf, party: Party, object_ids: Collection[str] | None = None
) -> dict[str, Published]:
    """What is published of a party, by the id in capitals; all of it when no ids are given."""
    rows = Published.objects.filter(kind=shelf.kind, audience=shelf.audience, party=party)
    if object_ids is not None:
        rows = rows.annotate(capitals=Upper("object_id")).filter(
            capitals__in=[one.upper() for one in object_ids]
        )
    return {row.object_id.upper(): row for row in rows}


def published_write(
    shelf: Shelf,
    party: Party,
    contents: Sequence[tuple[Published | None, dict[str, Any]]],
    *,
    now: datetime,
) -> list[Written]:
    """Store objects beside the rows that they had; those that did not change are left out.

    `last_updated` of a content is set here, to `now`, when anything else in it changed: contents
    come with the one they had, or without. What is no such object by the standard's rules is left
    as it was, and logged.
    """
    written = []
    for row, content in contents:
        before = None if row is None else exact_loads(row.content)
        stamp = format_rfc3339(now) if before is None else before["last_updated"]
        try:
            text = _text(shelf.kind, {**content, "last_updated": stamp})
        except WireError as err:
            refused_log(shelf.kind, str(content.get("id", content.get("uid"))), err)
            continue
        if row is not None and text == row.content:
            continue
        after = exact_loads(text) | {"last_updated": format_rfc3339(now)}
        written.append(_write(shelf, party, row, before, after, now))
    new = [one.row for one in written if one.row.pk is None]
    old = [one.row for one in written if one.row.pk is not None]
    if new:
        Published.objects.bulk_create(new, batch_size=500)
        shelf.count.save(update_fields=["last_position"])
    if old:
        Published.objects.bulk_update(
            old, ["content", "content_2_2_1", "last_updated"], batch_size=500
        )
    return written


def last_updated_on(shelf: Shelf) -> datetime | None:
    """When the object with the last position was updated; None when there is none."""
    rows = Published.objects.filter(kind=shelf.kind, audience=shelf.audience)
    return (
        rows.filter(position=shelf.count.last_position)
        .values_list("last_updated", flat=True)
        .first()
    )


def refused_log(kind: ObjectKind, object_id: str, problem: WireError) -> None:
    """Say why an object is not published."""
    logger.error("not published kind=%s id=%s problem=%s", kind.value, object_id, problem)


def without_last_updated(content: Mapping[str, Any]) -> dict[str, Any]:
    """What counts when two contents are compared."""
    return {name: value for name, value in content.items() if name != "last_updated"}


def normal(kind: ObjectKind, content: dict[str, Any]) -> dict[str, Any]:
    """A content in the form in which it is stored; WireError for what is no such object."""
    found: dict[str, Any] = exact_loads(_text(kind, content))
    return found


def _text(kind: ObjectKind, content: dict[str, Any]) -> str:
    return wire.encode(wire.inside_of(WIRE_KINDS[kind], content)).decode()


def _write(
    shelf: Shelf,
    party: Party,
    row: Published | None,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    now: datetime,
) -> Written:
    if row is None:
        shelf.count.last_position += 1
        row = Published(
            kind=shelf.kind,
            audience=shelf.audience,
            party=party,
            object_id=after["uid" if shelf.kind == ObjectKind.TOKENS else "id"],
            position=shelf.count.last_position,
            created_at=now,
        )
    row.content = _text(shelf.kind, after)
    row.content_2_2_1 = in_version(shelf.kind, after, OcpiVersion.V2_2_1)
    row.last_updated = now
    return Written(row, before, after)
