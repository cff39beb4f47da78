"""Charge detail records: one for each finished session, written once."""

import logging
from datetime import datetime, timedelta
from typing import cast

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q, QuerySet
from redis.exceptions import RedisError

from apps.billing.events import CdrIssued
from apps.billing.models import Cdr, TariffVersion
from apps.billing.rating.flat import rate_energy
from apps.billing.selectors.tariff_contents import flat_of
from apps.billing.selectors.tariffs import tariff_for
from apps.billing.services.ad_hoc import ad_hoc_settle_cdr
from apps.chargers.choices import SessionState
from apps.chargers.models import Session
from apps.chargers.ocpp.plausibility import EARLIEST_START
from apps.tenants.context import current_operator, current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.ids import new_id
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

# How long the bill of a session waits for events that were numbered but have not come yet.
MISSING_EVENTS_GRACE = timedelta(minutes=10)
# One sweep issues so many CDRs, and looks at so many sessions, some at a time.
SWEEP_LIMIT, SWEEP_LOOKS, SWEEP_PAGE = 500, 5000, 500
PLACE_KEPT_S = 3600
_PLACE_KEY = "billing.cdrs_sweep.place"
Place = tuple[datetime, int]
"""(end, row) of the session that the last sweep looked at last."""


@transaction.atomic
def cdr_issue(*, session_id: int) -> Cdr:
    """The session's CDR, issued now if there is none; safe to call twice at once.

    DomainError when the session has not ended, is doubtful and nobody has looked at it, or no
    tariff was valid when it started.
    """
    # The row lock holds back late events until the energy read here is in the CDR.
    session = (
        Session.objects.select_related("station", "evse")
        .select_for_update(of=("self",))
        .filter(pk=session_id)
        .first()
    )
    if session is None or session.ended_at is None:
        raise DomainError("billing.session_not_ended", f"Session {session_id} has not ended.")
    issued = Cdr.objects.filter(session=session).first()
    if issued is not None:
        return issued
    if not session.may_be_billed:
        raise DomainError(
            "billing.session_in_doubt",
            f"Session {session_id} needs a check first: {', '.join(session.doubts)}.",
        )
    tariff = _tariff_of(session)
    cdr = _cdr_of(session, session.ended_at, tariff, now=utc_now())
    Cdr.objects.bulk_create([cdr], ignore_conflicts=True)
    issued = Cdr.objects.get(session=session)
    if issued.pk == cdr.pk:
        ad_hoc_settle_cdr(cdr=issued, session=session)
        publish(CdrIssued(current_schema(), issued.pk, session.pk))
        logger.info("cdr issued session=%s cdr=%s", session.pk, issued.reference)
    return issued


def cdr_issue_when_complete(*, session_id: int, now: datetime) -> Cdr | None:
    """Issue the CDR unless events are still missing and may come, or the session is doubtful.

    The sweep does it later: once they came or did not, and once somebody has looked at it.
    """
    session = Session.objects.select_related("station").get(pk=session_id)
    if session.ended_at is None or not session.may_be_billed:
        return None
    if not session.has_all_events and session.updated_at > now - MISSING_EVENTS_GRACE:
        return None
    return cdr_issue(session_id=session_id)


def cdrs_sweep(*, now: datetime) -> int:
    """Issue the CDRs of ended sessions that have none, whatever was lost on the way; how many.

    Each sweep goes on where the last one ended, so that sessions that are held back, however many,
    never keep the others waiting.
    """
    issued = tried = seen = 0
    refused: dict[str, int] = {}
    place = _sweep_place()
    while tried < SWEEP_LIMIT and seen < SWEEP_LOOKS:
        sessions = list(_waiting(now, after=place)[:SWEEP_PAGE])
        for session in sessions:
            seen += 1
            # The database has an end for each session that ended.
            place = cast(datetime, session.ended_at), session.pk
            if not session.may_be_billed:
                refused["billing.session_in_doubt"] = refused.get("billing.session_in_doubt", 0) + 1
                continue
            tried += 1
            try:
                cdr_issue(session_id=session.pk)
                issued += 1
            except DomainError as err:
                refused[err.code] = refused.get(err.code, 0) + 1
            if tried == SWEEP_LIMIT:
                break
        else:
            if len(sessions) < SWEEP_PAGE:
                place = None
                break
    _sweep_place_keep(place)
    for code, count in refused.items():
        logger.warning("cdrs not issued reason=%s count=%s", code, count)
    return issued


def _waiting(now: datetime, *, after: Place | None) -> QuerySet[Session]:
    """Ended sessions without a CDR whose events are complete or late for good, oldest end first."""
    # As Session.has_all_events: a 1.6 session has no numbers that could be missing.
    complete = Q(events_count=F("last_seq_no") - F("first_seq_no") + 1) | Q(
        is_numbered=False, first_seq_no=0
    )
    waiting = Session.objects.select_related("station").filter(
        complete | Q(updated_at__lte=now - MISSING_EVENTS_GRACE),
        # Most doubts show here already: they are not even looked at.
        Q(meter_went_backwards=False, started_at__gte=EARLIEST_START) | Q(checked_at__isnull=False),
        state=SessionState.ENDED,
        cdr__isnull=True,
    )
    if after is not None:
        ended_at, pk = after
        waiting = waiting.filter(Q(ended_at__gt=ended_at) | Q(ended_at=ended_at, pk__gt=pk))
    return waiting.order_by("ended_at", "pk")


def _sweep_place() -> Place | None:
    try:
        place: Place | None = cache.get(_PLACE_KEY)
    except (RedisError, OSError) as err:
        # From the beginning then: a sweep that repeats itself harms nothing.
        logger.warning("billing.cache_away error=%s", err)
        return None
    return place


def _sweep_place_keep(place: Place | None) -> None:
    try:
        cache.set(_PLACE_KEY, place, PLACE_KEPT_S) if place else cache.delete(_PLACE_KEY)
    except (RedisError, OSError) as err:
        logger.warning("billing.cache_away error=%s", err)


def _tariff_of(session: Session) -> TariffVersion:
    tariff = tariff_for(session)
    if tariff is None:
        raise DomainError("billing.tariff_missing", f"No tariff is valid at {session.started_at}.")
    return tariff


def _cdr_of(session: Session, ended_at: datetime, version: TariffVersion, *, now: datetime) -> Cdr:
    flat = flat_of(version)
    line = rate_energy(energy_kwh=session.energy_kwh, tariff=flat)
    cdr_id = new_id()
    return Cdr(
        id=cdr_id,
        reference=_reference(session, str(cdr_id)),
        session=session,
        station_id=session.station.station_id,
        station_name=session.station.name,
        commune=session.station.commune,
        evse_id=session.evse.evse_id if session.evse else None,
        transaction_id=session.transaction_id,
        id_token=session.id_token,
        id_token_type=session.id_token_type,
        started_at=session.started_at,
        ended_at=ended_at,
        start_meter_kwh=session.start_meter_kwh,
        end_meter_kwh=session.meter_kwh,
        energy_kwh=session.energy_kwh,
        tariff_version=version,
        tariff_name=version.tariff.name,
        price_per_kwh_excl_vat=flat.price_per_kwh_excl_vat,
        vat_percent=flat.vat_percent,
        currency=version.currency,
        total_excl_vat=line.excl_vat.amount,
        vat=line.vat.amount,
        total_incl_vat=line.incl_vat.amount,
        explanation=line.explanation,
        issued_at=now,
    )


def _reference(session: Session, cdr_id: str) -> str:
    """`GP-CFG-20260310-1a2b3c4d`: party, day of the start, first part of the CDR's own id."""
    operator = current_operator()
    party = "-".join(part for part in (operator.country_code, operator.party_id) if part)
    return f"{party}-{session.started_at:%Y%m%d}-{cdr_id[:8]}".lstrip("-")
