"""Every write to tariffs and CDRs."""

from apps.billing.services.cdr_sweep import cdrs_sweep
from apps.billing.services.cdrs import cdr_issue, cdr_issue_when_complete
from apps.billing.services.tariffs import tariff_register

__all__ = ["cdr_issue", "cdr_issue_when_complete", "cdrs_sweep", "tariff_register"]
