"""When partners' lists are read: every few hours, each at its own time (2.2.1 transport §4.1.4).

The standard asks for hours, not minutes, with splay: not all partners at the full hour.
"""

import logging
import zlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db.models import Q

from apps.ocpi.choices import InterfaceRole, ObjectKind, PartnerState, PullMode, PullState
from apps.ocpi.models import Partner, PartnerEndpoint, Pull
from apps.ocpi.services.pulls import pull_start
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

CHANGES_EVERY = timedelta(hours=4)
ALL_EVERY = timedelta(days=7)
AGAIN_AFTER = timedelta(hours=1)
"""After a pull that failed."""
SPLAY = timedelta(minutes=30)
KEPT_FOR = timedelta(days=90)
_ALL_AGAIN = frozenset({ObjectKind.LOCATIONS, ObjectKind.TARIFFS, ObjectKind.TOKENS})
"""Lists of things that may vanish; sessions and CDRs only ever become more."""


def pulls_begin(
    *, partner: Partner, mode: str, now: datetime, kinds: Collection[str] = ()
) -> list[Pull]:
    """Begin to read all lists that a partner serves, or those named."""
    served = PartnerEndpoint.objects.filter(
        partner=partner, role=InterfaceRole.SENDER, identifier__in=kinds or ObjectKind.values
    )
    names = sorted(set(served.values_list("identifier", flat=True)))
    return [pull_start(partner=partner, kind=kind, mode=mode, now=now) for kind in names]


def pulls_due(*, now: datetime) -> list[int]:
    """Begin the pulls whose time has come; the keys of all that want to be worked on now.

    Those that lost their worker, or have waited long enough, are among them.
    """
    served = PartnerEndpoint.objects.filter(
        partner__state=PartnerState.REGISTERED,
        role=InterfaceRole.SENDER,
        identifier__in=ObjectKind.values,
    ).select_related("partner")
    last = _last_pulls(Q())
    last_full = _last_pulls(Q(mode=PullMode.FULL, state=PullState.DONE))
    for row in served.order_by("partner_id", "identifier"):
        key = (row.partner_id, row.identifier)
        mode = _mode_due(row.identifier, last.get(key), last_full.get(key), _splay(row), now)
        if mode is None:
            continue
        try:
            pull_start(partner=row.partner, kind=row.identifier, mode=mode, now=now)
        except DomainError as err:
            logger.warning("pull not begun partner=%s why=%s", row.partner.code, err)
    return list(
        Pull.objects.filter(state=PullState.RUNNING)
        .exclude(locked_until__gt=now)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def pulls_prune(*, now: datetime) -> int:
    """Forget old pulls, but the last ones of each list."""
    kept = {pull.pk for pull in _last_pulls(Q()).values()}
    kept |= {pull.pk for pull in _last_pulls(Q(state=PullState.DONE)).values()}
    kept |= {pull.pk for pull in _last_pulls(Q(mode=PullMode.FULL, state=PullState.DONE)).values()}
    old = Pull.objects.filter(started_at__lt=now - KEPT_FOR).exclude(pk__in=kept)
    return old.exclude(state=PullState.RUNNING).delete()[0]


def _last_pulls(which: Q) -> Mapping[tuple[int, str], Pull]:
    rows = (
        Pull.objects.filter(which)
        .order_by("partner_id", "kind", "-started_at")
        .distinct("partner_id", "kind")
    )
    return {(row.partner_id, row.kind): row for row in rows}


def _mode_due(
    kind: str, last: Pull | None, last_full: Pull | None, splay: timedelta, now: datetime
) -> PullMode | None:
    if last is None:
        return PullMode.FULL
    if last.state == PullState.RUNNING:
        return None
    every = AGAIN_AFTER if last.state == PullState.FAILED else CHANGES_EVERY
    if now < last.started_at + every + splay:
        return None
    is_old = last_full is None or now >= last_full.started_at + ALL_EVERY
    return PullMode.FULL if is_old and ObjectKind(kind) in _ALL_AGAIN else PullMode.DELTA


def _splay(row: PartnerEndpoint) -> timedelta:
    """The same for a list every time, another for each."""
    name = f"{current_schema()}/{row.partner.code}/{row.identifier}"
    return SPLAY * (zlib.crc32(name.encode()) % 1000) / 1000
