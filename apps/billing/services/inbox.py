"""The inbox: why a session is not billed, or its CDR is odd, and what a person does about it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from apps.accounts.models import User
from apps.billing.choices import ExceptionKind, ExceptionState, Resolution
from apps.billing.models import BillingException, Cdr, SessionCorrection
from apps.billing.services.cdrs import cdr_issue
from apps.billing.services.credits import cdr_credit, cdr_reissue, reason_checked
from apps.chargers.services import session_check
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

_DOUBTFUL = (Resolution.BILL_AS_IS, Resolution.BILL_CORRECTED, Resolution.DO_NOT_BILL)
_ISSUED = (
    Resolution.ACCEPT,
    Resolution.DO_NOT_BILL,
    Resolution.REISSUE,
    Resolution.BILL_CORRECTED,
)
ACTIONS: Mapping[ExceptionKind, tuple[Resolution, ...]] = {
    ExceptionKind.NO_TARIFF: (Resolution.RETRY, Resolution.DO_NOT_BILL),
    ExceptionKind.NOT_PRICED: (
        Resolution.RETRY,
        Resolution.BILL_CORRECTED,
        Resolution.DO_NOT_BILL,
    ),
    ExceptionKind.METER_BACKWARDS: _DOUBTFUL,
    ExceptionKind.ENERGY_JUMP: _DOUBTFUL,
    ExceptionKind.CLOCK: _DOUBTFUL,
    ExceptionKind.ZERO_ENERGY: _ISSUED,
    ExceptionKind.OVERLAPPING: _ISSUED,
    ExceptionKind.NEGATIVE_AMOUNT: _ISSUED,
    ExceptionKind.SESSION_CHANGED: _ISSUED,
}
"""What may be done about an exception; a person gives a reason for each."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Figures in place of those that a station told; None leaves the station's."""

    energy_kwh: Decimal | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@transaction.atomic
def exception_resolve(
    *,
    exception_id: int,
    action: Resolution,
    reason: str,
    by: User | None,
    correction: Correction | None = None,
) -> BillingException:
    """Do what a person decided, and keep why and who; all of it or nothing.

    Raises DomainError: billing.exception_unknown, billing.exception_resolved,
    billing.action_not_offered, billing.reason_missing, billing.correction_missing, and what issuing
    or crediting refuses: then the exception stays open.
    """
    reason = reason_checked(reason)
    exception = _locked(exception_id)
    if not exception.is_open:
        raise DomainError("billing.exception_resolved", "Somebody has resolved it already.")
    if action not in ACTIONS[ExceptionKind(exception.kind)]:
        raise DomainError(
            "billing.action_not_offered", f"{action} does not help here.", field="action"
        )
    _do(exception, action, reason, by, correction)
    now = utc_now()
    _resolved(exception, action, reason, by, now)
    if action != Resolution.ACCEPT:
        # What was decided on the session answers its other open questions too.
        for other in _others(exception):
            _resolved(other, action, reason, by, now)
    logger.info("exception resolved exception=%s action=%s", exception.pk, action)
    return exception


@transaction.atomic
def exceptions_accept(*, kind: ExceptionKind, reason: str, by: User | None) -> int:
    """Accept all that is open of a kind, with one reason; how many.

    DomainError `billing.action_not_offered` for a kind that nobody can just accept.
    """
    reason = reason_checked(reason)
    if Resolution.ACCEPT not in ACTIONS[kind]:
        raise DomainError(
            "billing.action_not_offered", f"{kind.label} needs a decision for each.", field="kind"
        )
    found = (
        BillingException.objects.select_for_update(of=("self",))
        .filter(kind=kind, state=ExceptionState.OPEN)
        .order_by("pk")
    )
    now = utc_now()
    for exception in found:
        _resolved(exception, Resolution.ACCEPT, reason, by, now)
    return len(found)


@transaction.atomic
def exception_reopen(*, exception_id: int, reason: str, by: User | None) -> BillingException:
    """Ask again; a session that should not be billed waits for its CDR once more."""
    reason = reason_checked(reason)
    exception = _locked(exception_id)
    if exception.is_open:
        raise DomainError("billing.exception_open", "It is open.")
    waived = BillingException.objects.select_for_update(of=("self",)).filter(
        session_id=exception.session_id, resolution=Resolution.DO_NOT_BILL
    )
    together = [exception, *waived.exclude(pk=exception.pk).order_by("pk")]
    for one in together if exception.resolution == Resolution.DO_NOT_BILL else [exception]:
        one.history = [*one.history, _entry("reopen", reason, by, utc_now())]
        one.state, one.resolution, one.reason = ExceptionState.OPEN, "", ""
        one.resolved_at = one.resolved_by = None
        one.save()
    return exception


def _locked(exception_id: int) -> BillingException:
    exception = (
        BillingException.objects.select_for_update(of=("self",))
        .select_related("cdr", "session")
        .filter(pk=exception_id)
        .first()
    )
    if exception is None:
        raise DomainError("billing.exception_unknown", f"There is no exception {exception_id}.")
    return exception


def _do(
    exception: BillingException,
    action: Resolution,
    reason: str,
    by: User | None,
    correction: Correction | None,
) -> None:
    session_id = exception.session_id
    live = Cdr.objects.live().filter(session_id=session_id).order_by("-revision").first()
    if action == Resolution.ACCEPT:
        return
    if action == Resolution.DO_NOT_BILL:
        if live is not None:
            cdr_credit(cdr_id=live.pk, reason=reason, by=by, reissue=False)
        return
    if action == Resolution.BILL_CORRECTED:
        _correct(exception, correction, reason, by)
    if action in (Resolution.BILL_AS_IS, Resolution.BILL_CORRECTED):
        session_check(session_id=session_id, now=utc_now())
    if live is not None:
        cdr_credit(cdr_id=live.pk, reason=reason, by=by, reissue=True)
        return
    issued = cdr_issue(session_id=session_id)
    if not issued.is_live:
        cdr_reissue(cdr_id=issued.pk, reason=reason, by=by)


def _correct(
    exception: BillingException, correction: Correction | None, reason: str, by: User | None
) -> None:
    given = correction or Correction()
    session = exception.session
    if given == Correction():
        raise DomainError(
            "billing.correction_missing", "Say which figures to bill.", field="energy_kwh"
        )
    if given.energy_kwh is not None and given.energy_kwh < 0:
        raise DomainError(
            "billing.correction_invalid", "The energy is 0 or more.", field="energy_kwh"
        )
    started_at = given.started_at or session.started_at
    ended_at = given.ended_at or session.ended_at
    if ended_at is not None and ended_at < started_at:
        raise DomainError(
            "billing.correction_invalid", "The session ends after its start.", field="ended_at"
        )
    SessionCorrection.objects.create(
        session=session,
        energy_kwh=given.energy_kwh,
        started_at=given.started_at,
        ended_at=given.ended_at,
        reason=reason,
        by=by,
        by_name=by.get_username() if by is not None else "",
    )


def _others(exception: BillingException) -> list[BillingException]:
    return list(
        BillingException.objects.select_for_update(of=("self",))
        .filter(session_id=exception.session_id, state=ExceptionState.OPEN)
        .exclude(pk=exception.pk)
        .order_by("pk")
    )


def _resolved(
    exception: BillingException,
    action: Resolution,
    reason: str,
    by: User | None,
    now: datetime,
) -> None:
    exception.state, exception.resolution = ExceptionState.RESOLVED, action
    exception.reason, exception.resolved_at, exception.resolved_by = reason, now, by
    exception.history = [*exception.history, _entry(action, reason, by, now)]
    exception.save()


def _entry(action: str, reason: str, by: User | None, now: datetime) -> dict[str, str]:
    return {
        "at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "by": by.get_username() if by is not None else "",
        "resolution": str(action),
        "reason": reason,
    }
