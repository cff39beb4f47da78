"""Sessions of a partner's customers are told to that partner: start, progress, end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.ocpi.choices import ObjectKind, SessionUpdates
from apps.ocpi.models import Partner, RoamingSession
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.sessions_out import roaming_of, session_content, sessions_due
from apps.ocpi.services.published import Written, published_rows, published_write, shelf_lock
from apps.ocpi.services.push_queue import Push, keeps_all, pushes_add, whole_object
from cariflex.common.exact_json import exact_loads

PERIODS = "charging_periods"


@transaction.atomic
def session_publish(session_id: int, now: datetime) -> bool:
    """Publish a session to the partner whose customer charges; True when that is news.

    Nothing happens for a session of nobody's customer.
    """
    party = owner_of(ObjectKind.SESSIONS)
    told = RoamingSession.objects.select_related("partner").filter(session_id=session_id).first()
    if party is None or told is None:
        return False
    shelf = shelf_lock(ObjectKind.SESSIONS, told.partner)
    roaming = roaming_of(session_id)  # read behind the lock
    if roaming is None:
        return False
    row = published_rows(shelf, party, [str(session_id)]).get(str(session_id))
    before = None if row is None else exact_loads(row.content)
    content = session_content(roaming, party, before, now=now)
    written = published_write(shelf, party, [(row, content)], now=now)
    token = roaming.token
    pushes_add(
        ObjectKind.SESSIONS,
        roaming.partner,
        written,
        _pushes,
        to=(token["country_code"], token["party_id"]),
    )
    RoamingSession.objects.filter(pk=roaming.pk).update(last_pushed_at=now)
    return bool(written)


def sessions_publish_due(*, now: datetime) -> int:
    """Publish the sessions whose partners wait for news; gives how many had some."""
    return sum(session_publish(session_id, now) for session_id in sessions_due(now=now))


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
