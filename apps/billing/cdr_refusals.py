"""Why CDRs, the inbox and reconciliations refuse, in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CDR_REFUSALS: dict[str, Promise] = {
    "billing.action_not_offered": _("This does not help here."),
    "billing.cdr_credited": _("The CDR is credited already."),
    "billing.cdr_is_credit": _("This CDR is a credit itself."),
    "billing.cdr_not_credited": _("Credit the CDR first."),
    "billing.cdr_replaced": _("Another CDR has taken its place already."),
    "billing.cdr_unknown": _("There is no such CDR."),
    "billing.correction_invalid": _("The energy is 0 or more, and the end comes after the start."),
    "billing.correction_missing": _("Say which figures to bill."),
    "billing.exception_open": _("The exception is open."),
    "billing.exception_resolved": _("Somebody has resolved it already."),
    "billing.exception_unknown": _("There is no such exception."),
    "billing.finding_resolved": _("Somebody has resolved it already."),
    "billing.finding_unknown": _("There is no such finding."),
    "billing.not_priced": _("The tariff cannot be applied to this session."),
    "billing.payment_pending": _("Its payment is being taken: credit it once that is done."),
    "billing.period_invalid": _("A period ends after its start, within 400 days."),
    "billing.reason_missing": _("Say why."),
    "billing.reason_too_long": _("The reason is too long."),
    "billing.run_ended": _("The comparison has ended."),
    "billing.session_in_doubt": _("Somebody has to look at the session first."),
    "billing.session_not_ended": _("The session has not ended."),
    "billing.session_waived": _("The session shall not be billed: open its exception again first."),
    "billing.tariff_missing": _("No tariff was valid when the session started."),
}
