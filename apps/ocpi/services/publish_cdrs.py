"""CDRs of a partner's customers are told to that partner, once each; credits are CDRs too."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import Partner
from apps.ocpi.objects.errors import WireError
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.cdrs_out import cdr_content, cdr_with_session, cdrs_unpublished
from apps.ocpi.services.published import (
    Written,
    last_updated_on,
    published_rows,
    published_write,
    refused_log,
    shelf_lock,
)
from apps.ocpi.services.push_queue import Push, pushes_add, token_party

# How long a CDR may stay unpublished, its roaming session coming late, and still be found.
LOOK_BACK = timedelta(days=40)
MOST_AT_ONCE = 500


@transaction.atomic
def cdr_publish(cdr_id: UUID, now: datetime) -> bool:
    """Publish a CDR to the partner whose customer charged; True the first time.

    An issued CDR never changes (2.2.1 §10.2.1): whatever is asked later, it stays as published.
    Raises WireError when it is no CDR in the standard's sense.
    """
    party = owner_of(ObjectKind.CDRS)
    found = cdr_with_session(cdr_id)
    if party is None or found is None:
        return False
    cdr, roaming = found
    shelf = shelf_lock(ObjectKind.CDRS, roaming.partner)
    if published_rows(shelf, party, [cdr.reference]):
        return False
    content = cdr_content(cdr, roaming, party)
    # Lists by date rely on it: what has a later position was not updated earlier.
    now = max(now, last_updated_on(shelf) or now)
    written = published_write(shelf, party, [(None, content)], now=now)
    pushes_add(ObjectKind.CDRS, roaming.partner, written, _pushes, to=token_party)
    return bool(written)


def cdrs_publish_missed(*, now: datetime) -> int:
    """Publish CDRs that were not, oldest first; gives how many were."""
    count = 0
    for cdr_id in cdrs_unpublished(issued_since=now - LOOK_BACK, most=MOST_AT_ONCE):
        try:
            count += cdr_publish(cdr_id, now)
        except WireError as err:
            refused_log(ObjectKind.CDRS, str(cdr_id), err)
    return count


def _pushes(_written: Written, _partner: Partner) -> list[Push]:
    return [Push("POST", ())]
