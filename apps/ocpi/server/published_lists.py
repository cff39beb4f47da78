"""Sender lists of our objects: what all five modules answer alike (2.2.1 §4.1.4)."""

import re

from apps.ocpi.choices import ObjectKind
from apps.ocpi.selectors.audience import may_see
from apps.ocpi.selectors.published import published_page
from apps.ocpi.server.calls import PARAMETERS, Answer, Call, OcpiError, not_found
from apps.ocpi.server.paging import AFTER, page_answer, page_asked

_POSITION = re.compile(r"[0-9]{1,18}")


def list_answer(call: Call, kind: ObjectKind) -> Answer:
    """A page of what the partner may see of a kind; nothing for whom it is not meant.

    The stored JSON texts are put together as they are.
    """
    if call.segments:
        raise not_found()
    asked = page_asked(call)
    if not may_see(call.partner, kind):
        return page_answer(call, [], 0, None)
    if asked.after is not None and not _POSITION.fullmatch(asked.after):
        raise OcpiError(PARAMETERS, f"{AFTER}: must be as the Link said")
    page = published_page(
        partner=call.partner,
        kind=kind,
        version=call.version,
        date_from=asked.date_from,
        date_to=asked.date_to,
        offset=asked.offset,
        after=None if asked.after is None else int(asked.after),
        limit=asked.limit,
    )
    is_filtered = asked.date_from is not None or asked.date_to is not None
    following = str(page.last_position) if is_filtered and page.last_position else None
    return page_answer(call, page.texts, page.total, following)
