"""What the inbox and comparisons found, in the reader's language.

The rows keep a sentence in English for logs and the API; here it is told from the rows themselves.
"""

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.billing.cdr_refusals import CDR_REFUSALS
from apps.billing.choices import ExceptionKind
from apps.billing.models import BillingException, ReconciliationFinding

FINDING_WORDS: dict[str, Promise] = {
    "CDRs that count": _("CDRs that count"),
    "CDR and session": _("CDR and session"),
    "Start or end of CDR and session": _("Start or end of CDR and session"),
    "CDR and meter": _("CDR and meter"),
    "Its session has not ended": _("Its session has not ended"),
}
_REFUSALS = {
    ExceptionKind.NO_TARIFF: "billing.tariff_missing",
    ExceptionKind.NOT_PRICED: "billing.not_priced",
}


def exception_words(one: BillingException) -> str:
    """Why somebody should look; `one` comes with its session's station and its CDR."""
    cdr, session = one.cdr, one.session
    if one.kind in ExceptionKind.doubts():
        return _t("At %(power)s kW the station gives no more, or its clock and meter disagree.") % {
            "power": number_format(session.station.rated_power_kw)
        }
    if one.kind in _REFUSALS:
        return str(CDR_REFUSALS[_REFUSALS[ExceptionKind(one.kind)]])
    if one.kind == ExceptionKind.SESSION_CHANGED and cdr is not None:
        return _t("Billed %(energy)s kWh.") % {"energy": number_format(cdr.energy_kwh.normalize())}
    if one.kind == ExceptionKind.OVERLAPPING:
        return _t("The same EVSE, the same time.")
    if cdr is not None:
        return _t("Billed %(amount)s %(currency)s.") % {
            "amount": number_format(cdr.gross_rounded, 2),
            "currency": cdr.currency,
        }
    return one.detail


def finding_words(one: ReconciliationFinding) -> str:
    """What was compared; names and amounts of others stand as they are."""
    return str(FINDING_WORDS.get(one.detail, one.detail))
