"""Charge detail records: one for each finished session, written once."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.billing.choices import Resolution
from apps.billing.events import CdrIssued
from apps.billing.models import BillingException, Cdr, SessionCorrection
from apps.billing.ports import session_settle
from apps.billing.services.ad_hoc import ad_hoc_settle_cdr
from apps.billing.services.cdr_making import cdr_make
from apps.billing.services.inbox_watch import (
    exceptions_open,
    held_by_doubts,
    held_by_refusal,
    session_changed_open,
)
from apps.billing.services.month_lock import bookings_hold
from apps.chargers.models import Session
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

# How long the bill of a session waits for events that were numbered but have not come yet.
MISSING_EVENTS_GRACE = timedelta(minutes=10)
WAIVED = "billing.session_waived"


@dataclass(frozen=True, slots=True)
class LockedSession:
    """A locked session with what people said of it."""

    session: Session
    is_waived: bool
    is_corrected: bool


@transaction.atomic
def cdr_issue(*, session_id: int) -> Cdr:
    """The session's CDR, issued now if there never was one; safe to call twice at once.

    A session whose CDR was credited keeps that one: `credits.cdr_reissue` makes another. Raises
    DomainError when the session has not ended, is doubtful and nobody has looked at it, or shall
    not be billed, and when no tariff was valid when it started or it cannot be applied.
    """
    bookings_hold()
    locked = session_lock(session_id)
    if locked is None or locked.session.ended_at is None:
        raise DomainError("billing.session_not_ended", f"Session {session_id} has not ended.")
    session = locked.session
    issued = Cdr.objects.filter(session=session, credit=False).order_by("-revision").first()
    if issued is not None:
        return issued
    if locked.is_waived:
        raise DomainError(WAIVED, f"Session {session_id} shall not be billed.")
    if not session.may_be_billed:
        raise DomainError(
            "billing.session_in_doubt",
            f"Session {session_id} needs a check first: {', '.join(session.doubts)}.",
        )
    payer = session_settle(session_id)
    cdr = cdr_make(
        session=session,
        correction=correction_of(locked),
        now=utc_now(),
        payers={} if payer is None else {session_id: payer},
    )
    cdr_store(cdr, session)
    ad_hoc_settle_cdr(cdr=cdr, session=session)
    return cdr


def session_lock(session_id: int) -> LockedSession | None:
    """The session with station, site and EVSE; late events wait until what is read is in a CDR."""
    own = BillingException.objects.filter(session=OuterRef("pk"))
    session = (
        Session.objects.select_related("station__site", "evse")
        .annotate(
            is_waived=Exists(own.filter(resolution=Resolution.DO_NOT_BILL)),
            is_corrected=Exists(SessionCorrection.objects.filter(session=OuterRef("pk"))),
        )
        .select_for_update(of=("self",))
        .filter(pk=session_id)
        .first()
    )
    if session is None:
        return None
    return LockedSession(session, session.is_waived, session.is_corrected)


def correction_of(locked: LockedSession) -> SessionCorrection | None:
    """The figures that a person put in place of the station's."""
    if not locked.is_corrected:
        return None
    return SessionCorrection.objects.filter(session=locked.session).order_by("-pk").first()


def cdr_store(cdr: Cdr, session: Session) -> None:
    """Write a CDR and tell of it."""
    cdr.save(force_insert=True)
    publish(CdrIssued(current_schema(), cdr.pk, session.pk))
    logger.info("cdr issued session=%s cdr=%s", session.pk, cdr.reference)


def cdr_issue_when_complete(*, session_id: int, now: datetime) -> Cdr | None:
    """Issue the CDR unless events are still missing and may come, or it waits for a person.

    What waits for a person, or changed after its CDR, is put into the inbox. The sweep issues the
    CDR later: once events came or did not, and once somebody has looked at it.
    """
    session = Session.objects.select_related("station").get(pk=session_id)
    if session.ended_at is None:
        return None
    issued = Cdr.objects.filter(session=session, credit=False).order_by("-revision").first()
    if issued is not None:
        session_changed_open(session, issued, now=now)
        return issued
    if not session.may_be_billed:
        exceptions_open(held_by_doubts(session), now=now)
        return None
    if not session.has_all_events and session.updated_at > now - MISSING_EVENTS_GRACE:
        return None
    try:
        return cdr_issue(session_id=session_id)
    except DomainError as refusal:
        if refusal.code == WAIVED:
            return None
        held = held_by_refusal(session_id, refusal)
        if not held:
            raise
        exceptions_open(held, now=now)
        return None
