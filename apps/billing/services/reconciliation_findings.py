"""What a person did about a finding."""

import logging

from django.db import connection, transaction

from apps.accounts.models import User
from apps.billing.choices import ExceptionState, FindingKind, Resolution
from apps.billing.models import ReconciliationFinding
from apps.billing.services.cdrs import cdr_issue
from apps.billing.services.credits import cdr_credit, reason_checked
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

_ANEW = (Resolution.REISSUE, Resolution.DO_NOT_BILL, Resolution.ACCEPT)
ACTIONS: dict[FindingKind, tuple[Resolution, ...]] = {
    FindingKind.MISSING_CDR: (Resolution.RETRY, Resolution.ACCEPT),
    FindingKind.DUPLICATE_CDR: (Resolution.DO_NOT_BILL, Resolution.ACCEPT),
    FindingKind.ORPHAN_CDR: (Resolution.DO_NOT_BILL, Resolution.ACCEPT),
    FindingKind.ENERGY_OVER: _ANEW,
    FindingKind.ENERGY_UNDER: _ANEW,
    FindingKind.TIMES_DIFFER: _ANEW,
    FindingKind.PRICE_DRIFT: _ANEW,
    FindingKind.CREDIT_DIFFERS: (Resolution.ACCEPT,),
    FindingKind.MISSING_COPY: (Resolution.ACCEPT,),
    FindingKind.ORPHAN_COPY: (Resolution.ACCEPT,),
    FindingKind.COPY_DIFFERS: (Resolution.ACCEPT, Resolution.REISSUE, Resolution.DO_NOT_BILL),
    FindingKind.RECEIVED_DIFFERS: (Resolution.ACCEPT,),
}
"""What may be done about a finding: DO_NOT_BILL credits its CDR, REISSUE also issues another."""

_CARRY = """
UPDATE billing_reconciliationfinding f SET
    state = p.state, resolution = p.resolution, reason = p.reason, resolved_at = p.resolved_at,
    resolved_by_id = p.resolved_by_id
FROM (
    SELECT DISTINCT ON (o.kind, o.subject) o.* FROM billing_reconciliationfinding o
    JOIN billing_reconciliationfinding n ON n.run_id = %s AND n.kind = o.kind
        AND n.subject = o.subject
    WHERE o.run_id < n.run_id AND o.resolution = 'accept'
    ORDER BY o.kind, o.subject, o.id DESC
) p
WHERE f.run_id = %s AND f.kind = p.kind AND f.subject = p.subject AND f.state = 'open'
  AND f.expected IS NOT DISTINCT FROM p.expected AND f.found IS NOT DISTINCT FROM p.found
"""


@transaction.atomic
def finding_resolve(
    *, finding_id: int, action: Resolution, reason: str, by: User | None
) -> ReconciliationFinding:
    """Do what a person decided, and keep why and who; all of it or nothing.

    Raises DomainError: billing.finding_unknown, billing.finding_resolved,
    billing.action_not_offered, billing.reason_missing, and what issuing or crediting refuses.
    """
    reason = reason_checked(reason)
    finding = (
        ReconciliationFinding.objects.select_for_update(of=("self",)).filter(pk=finding_id).first()
    )
    if finding is None:
        raise DomainError("billing.finding_unknown", f"There is no finding {finding_id}.")
    if not finding.is_open:
        raise DomainError("billing.finding_resolved", "Somebody has resolved it already.")
    if action not in ACTIONS[FindingKind(finding.kind)]:
        raise DomainError(
            "billing.action_not_offered", f"{action} does not help here.", field="action"
        )
    if action == Resolution.RETRY and finding.session_id is not None:
        cdr_issue(session_id=finding.session_id)
    elif action in (Resolution.REISSUE, Resolution.DO_NOT_BILL) and finding.cdr_id is not None:
        is_anew = action == Resolution.REISSUE
        cdr_credit(cdr_id=finding.cdr_id, reason=reason, by=by, reissue=is_anew)
    finding.state, finding.resolution, finding.reason = ExceptionState.RESOLVED, action, reason
    finding.resolved_at, finding.resolved_by = utc_now(), by
    finding.save()
    logger.info("finding resolved finding=%s action=%s", finding.pk, action)
    return finding


def accepted_carry(*, run_id: int) -> None:
    """What was accepted in an earlier run, with the same figures, is not asked again."""
    with connection.cursor() as cursor:
        cursor.execute(_CARRY, [run_id, run_id])
