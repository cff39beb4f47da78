"""Our tariffs are told to partners when they are issued, change or are withdrawn."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import Partner, Published
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.tariffs_out import tariffs_now
from apps.ocpi.services.published import (
    Written,
    published_rows,
    published_write,
    refused_log,
    shelf_lock,
)
from apps.ocpi.services.push_queue import Push, pushes_add, whole_object
from cariflex.common.exact_json import exact_loads
from cariflex.common.time import format_rfc3339, parse_rfc3339


def tariff_publish(tariff_id: int, now: datetime) -> bool:
    """Publish a tariff; True when partners are told something."""
    return tariffs_publish(now=now, tariff_ids=[tariff_id]) > 0


@transaction.atomic
def tariffs_publish(*, now: datetime, tariff_ids: Collection[int] | None = None) -> int:
    """Publish what changed of the tariffs, of all when none are named; gives how many changed.

    One that holds no more is withdrawn: partners delete it, and in lists its `end_date_time` has
    passed, since CDRs go on to name it.
    """
    party = owner_of(ObjectKind.TARIFFS)
    if party is None:
        return 0
    shelf = shelf_lock(ObjectKind.TARIFFS, None)
    tariffs = tariffs_now(party=party, now=now, tariff_ids=tariff_ids)
    rows = published_rows(shelf, party, [tariff.object_id for tariff in tariffs])
    due: list[tuple[Published | None, dict[str, Any]]] = []
    for tariff in tariffs:
        row = rows.get(tariff.object_id.upper())
        if tariff.problem is not None:
            refused_log(ObjectKind.TARIFFS, tariff.object_id, tariff.problem)
        elif tariff.content is not None:
            due.append((row, tariff.content))
        elif row is not None:
            due.append((row, _withdrawn(row, now)))
    written = published_write(shelf, party, due, now=now)
    withdrawn = {tariff.object_id.upper() for tariff in tariffs if not tariff.content}

    def pushes(one: Written, _partner: Partner) -> list[Push]:
        address = (party.country_code, party.party_id, one.row.object_id)
        if one.row.object_id.upper() in withdrawn:
            return [Push("DELETE", address)]
        return [Push("PUT", address, pick=whole_object)]

    pushes_add(ObjectKind.TARIFFS, None, written, pushes)
    return len(written)


def _withdrawn(row: Published, now: datetime) -> dict[str, Any]:
    content: dict[str, Any] = exact_loads(row.content)
    end = content.get("end_date_time")
    if end is not None and parse_rfc3339(end) <= now:
        return content
    return {**content, "end_date_time": format_rfc3339(now)}
