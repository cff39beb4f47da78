"""Every write to tariffs: drafts, issuing, assignments, import, prices that follow a market."""

from apps.billing.services.tariffs.assignments import tariff_assign, tariff_assignment_end
from apps.billing.services.tariffs.dynamic import dynamic_prices_fix
from apps.billing.services.tariffs.exchange import Imported, tariff_import
from apps.billing.services.tariffs.flat import tariff_register
from apps.billing.services.tariffs.versions import (
    FormulaGiven,
    tariff_archive,
    tariff_change,
    tariff_create,
    tariff_draft_discard,
    tariff_draft_open,
    tariff_draft_save,
    tariff_version_issue,
)

__all__ = [
    "FormulaGiven",
    "Imported",
    "dynamic_prices_fix",
    "tariff_archive",
    "tariff_assign",
    "tariff_assignment_end",
    "tariff_change",
    "tariff_create",
    "tariff_draft_discard",
    "tariff_draft_open",
    "tariff_draft_save",
    "tariff_import",
    "tariff_register",
    "tariff_version_issue",
]
