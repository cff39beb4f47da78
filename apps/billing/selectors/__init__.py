"""Every read of billing that more than one caller needs."""

from apps.billing.selectors.cdrs import (
    CdrRow,
    CdrsPage,
    CdrTotals,
    SessionShown,
    cdr_csv,
    cdr_of_session,
    cdr_row,
    cdr_totals,
    cdrs_page,
    sessions_shown,
)

__all__ = [
    "CdrRow",
    "CdrTotals",
    "CdrsPage",
    "SessionShown",
    "cdr_csv",
    "cdr_of_session",
    "cdr_row",
    "cdr_totals",
    "cdrs_page",
    "sessions_shown",
]
