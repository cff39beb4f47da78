"""Partners' copies of our CDRs, and partners' CDRs for our customers."""

from apps.billing.models import PartnerCdr
from apps.billing.services.reconciliation_pages import (
    ENERGY_TOLERANCE_KWH,
    PAGE_ROWS,
    Page,
    Scope,
    findings_insert,
    key_read,
    keys_after,
    page_of_keys,
)

_KEYS = """
SELECT id, ended_at FROM billing_partnercdr
WHERE ended_at >= %(start)s AND ended_at < %(end)s
  AND (%(after_at)s::timestamptz IS NULL
       OR (ended_at, id) > (%(after_at)s::timestamptz, %(after)s::bigint))
ORDER BY ended_at, id LIMIT %(limit)s
"""
# A copy names its CDR, or is called like it (ids compare without case, OCPI CiString).
_COPIES = """
FROM billing_partnercdr p
LEFT JOIN LATERAL (
    SELECT id, session_id, credit, currency, total_excl_vat, energy_kwh
    FROM billing_cdr WHERE id = p.cdr_id
    UNION ALL
    SELECT id, session_id, credit, currency, total_excl_vat, energy_kwh
    FROM billing_cdr
    WHERE p.cdr_id IS NULL AND upper(reference) = upper(p.partner_reference)
    LIMIT 1
) c ON true
WHERE p.id = ANY(%(ids)s) AND p.kind = 'copy'
"""
_ORPHANS = _COPIES + " AND c.id IS NULL"
# Partners keep four decimals, or round to cents: both are ours. The sign of a credit is told apart.
_OTHER_NET = "abs({0}) <> abs({1}) AND abs({0}) <> round(abs({1}), 2)"
_DIFFERENT = (
    _COPIES
    + f"""
  AND c.id IS NOT NULL AND (
    p.currency <> c.currency OR p.is_credit <> c.credit
    OR ({_OTHER_NET.format("p.net", "c.total_excl_vat")})
    OR abs(p.energy_kwh - c.energy_kwh) > {ENERGY_TOLERANCE_KWH})
"""
)
_RECEIVED = f"""
FROM billing_partnercdr p
WHERE p.id = ANY(%(ids)s) AND p.kind = 'received' AND p.our_net IS NOT NULL
  AND ({_OTHER_NET.format("p.net", "p.our_net")})
"""  # noqa: S608 - our own constants
# Only of partners that send copies, and only as far as those reach.
_WITHOUT_COPY = """
FROM billing_cdr c
JOIN (
    SELECT account_id, max(ended_at) AS reach, max(received_at) AS received
    FROM billing_partnercdr
    WHERE kind = 'copy' AND ended_at >= %(start)s AND ended_at < %(end)s
    GROUP BY account_id
) a ON a.account_id = c.account_id AND c.ended_at <= a.reach AND c.issued_at < a.received
WHERE c.ended_at >= %(start)s AND c.ended_at < %(end)s
  AND NOT EXISTS (
    SELECT 1 FROM billing_partnercdr p WHERE p.kind = 'copy' AND p.cdr_id = c.id)
  AND NOT EXISTS (
    SELECT 1 FROM billing_partnercdr p
    WHERE p.kind = 'copy' AND p.cdr_id IS NULL
      AND upper(p.partner_reference) = upper(c.reference))
"""


def copies_count(scope: Scope) -> int:
    """How many partners' CDRs a run compares."""
    return PartnerCdr.objects.filter(ended_at__gte=scope.start, ended_at__lt=scope.end).count()


def copies_page(scope: Scope, place: str) -> Page:
    """Copies of no CDR of ours, copies and received CDRs that say other; at the end: none."""
    key = key_read(place, scope)
    period = {"start": scope.start, "end": scope.end}
    keys = keys_after(
        _KEYS,
        {
            **period,
            "start": key[0] if key else scope.start,
            "after_at": key[0] if key else None,
            "after": key[1] if key else None,
            "limit": PAGE_ROWS,
        },
    )
    named = {"ids": [row for row, _at in keys]}
    findings_insert(
        scope, rows=_ORPHANS, named=named, kind="'orphan_copy'", subject="'copy:' || p.id",
        copy="p.id", found="p.net", unit="p.currency", detail="p.partner_reference",
    )  # fmt: skip
    findings_insert(
        scope, rows=_DIFFERENT, named=named, kind="'copy_differs'", subject="'copy:' || p.id",
        session="c.session_id", cdr="c.id", copy="p.id", expected="c.total_excl_vat",
        found="p.net", unit="p.currency",
        detail="trim_scale(p.energy_kwh) || ' kWh there, ' || trim_scale(c.energy_kwh)"
        " || ' kWh here'",
    )  # fmt: skip
    findings_insert(
        scope, rows=_RECEIVED, named=named, kind="'received_differs'",
        subject="'copy:' || p.id", copy="p.id", expected="p.our_net", found="p.net",
        unit="p.currency", detail="p.partner_reference",
    )  # fmt: skip
    page = page_of_keys(keys)
    if page.is_last:
        findings_insert(
            scope, rows=_WITHOUT_COPY, named=period, kind="'missing_copy'",
            subject="'cdr:' || c.id", session="c.session_id", cdr="c.id",
            expected="c.total_excl_vat", unit="c.currency", detail="c.reference",
        )  # fmt: skip
    return page
