"""Sessions of a partner's customers are told to that partner: start, progress, end."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.ocpi.choices import ObjectKind, SessionUpdates
from apps.ocpi.models import Partner, Party, Published, RoamingSession
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.sessions_out import (
    roamings_of,
    session_content,
    session_costs,
    sessions_due,
)
from apps.ocpi.services.published import Written, published_rows, published_write, shelf_lock
from apps.ocpi.services.push_queue import Push, keeps_all, pushes_add, token_party, whole_object
from cariflex.common.exact_json import exact_loads

PERIODS = "charging_periods"
MOST_TOGETHER = 100


def session_publish(session_id: int, now: datetime) -> bool:
    """Publish a session to the partner whose customer charges; True when that is news.

    Nothing happens for a session of nobody's customer.
    """
    return sessions_publish([session_id], now) > 0


def sessions_publish_due(*, now: datetime) -> int:
    """Publish the sessions whose partners wait for news; gives how many had some."""
    return sessions_publish(sessions_due(now=now), now)


def sessions_publish(session_ids: Collection[int], now: datetime) -> int:
    """Publish what changed of sessions, those of a partner together; gives how many changed."""
    party = owner_of(ObjectKind.SESSIONS) if session_ids else None
    if party is None:
        return 0
    of_partners: dict[int, list[int]] = {}
    for session_id, partner in (
        RoamingSession.objects.filter(session_id__in=session_ids)
        .order_by("partner", "pk")
        .values_list("session_id", "partner")
    ):
        of_partners.setdefault(partner, []).append(session_id)
    return sum(
        _of_partner(party, partner, some, now)
        for partner, keys in of_partners.items()
        for some in _parts(keys)
    )


@transaction.atomic
def _of_partner(party: Party, partner_pk: int, session_ids: Sequence[int], now: datetime) -> int:
    partner = Partner.objects.get(pk=partner_pk)
    shelf = shelf_lock(ObjectKind.SESSIONS, partner)
    roaming = roamings_of(session_ids)  # read behind the lock
    rows = published_rows(shelf, party, [str(one.session_id) for one in roaming])
    costs = session_costs([one.session for one in roaming], now=now)
    due: list[tuple[Published | None, dict[str, Any]]] = []
    for one in roaming:
        row = rows.get(str(one.session_id))
        before = None if row is None else exact_loads(row.content)
        due.append((row, session_content(one, party, before, costs[one.session_id], now=now)))
    written = published_write(shelf, party, due, now=now)
    pushes_add(ObjectKind.SESSIONS, partner, written, _pushes, to=token_party)
    RoamingSession.objects.filter(pk__in=[one.pk for one in roaming]).update(last_pushed_at=now)
    return len(written)


def _parts(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    """Some at a time: the lock of a partner is not held for long."""
    for start in range(0, len(keys), MOST_TOGETHER):
        yield keys[start : start + MOST_TOGETHER]


def _pushes(written: Written, partner: Partner) -> Sequence[Push]:
    """PUT at first; then PATCH of what changed, for whoever takes it (§9.2.2).

    Charging periods in PATCH add to those that the partner has. Where a push may be dropped they
    go with PUT only, so that none is missing for good.
    """
    party, after, before = written.row.party, written.content, written.before
    address = (party.country_code, party.party_id, written.row.object_id)
    put = Push("PUT", address, pick=whole_object)
    if before is None or partner.session_updates == SessionUpdates.PUT:
        return [put]
    old, new = before.get(PERIODS, []), after.get(PERIODS, [])
    added = len(new) - len(old)
    is_taken_back = new[: len(old)] != old
    is_gone = any(name not in after for name in before)
    if is_taken_back or is_gone or (added and not keeps_all(partner)):
        return [put]
    names = [name for name in after if after[name] != before.get(name)]

    def changed(session: dict[str, Any]) -> dict[str, Any]:
        found = {name: session[name] for name in names if name in session}
        if PERIODS in found:
            found[PERIODS] = session[PERIODS][-added:]
        return found

    return [Push("PATCH", address, pick=changed, whole=whole_object)]
