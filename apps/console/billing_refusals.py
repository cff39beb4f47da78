"""Why billing refused something, in the reader's words, by the stable code of the error."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

BILLING_WORDS: dict[str, str | Promise] = {
    "billing.account_incomplete": _("The account's address is not complete."),
    "billing.account_unknown": _("There is no such account."),
    "billing.action_not_offered": _("This does not help here."),
    "billing.amount_invalid": _("An amount is above 0."),
    "billing.cdr_credited": _("This CDR was credited already."),
    "billing.cdr_is_credit": _("A credit is not credited itself."),
    "billing.cdr_unknown": _("There is no such CDR."),
    "billing.correction_invalid": _("The corrected figures cannot be."),
    "billing.correction_missing": _("Say which figures to bill."),
    "billing.credit_draft_waits": _(
        "A draft of a credit note on this invoice waits: issue it or throw it away first."
    ),
    "billing.credit_invalid": _("This amount cannot be credited."),
    "billing.credit_nothing_left": _("Nothing is left to credit on this invoice."),
    "billing.credit_too_high": _("More would be credited than is left of the invoice."),
    "billing.draft_outdated": _(
        "CDRs came or were credited since the draft was made: make the drafts again."
    ),
    "billing.exchange_rate_missing": _(
        "No exchange rate for the books is known for that day: enter one in the back office."
    ),
    "billing.exception_open": _("This exception is open."),
    "billing.exception_resolved": _("Somebody has decided this already."),
    "billing.exception_unknown": _("There is no such exception."),
    "billing.invoice_empty": _("Nothing stands on this draft."),
    "billing.invoice_issued": _("An issued paper is never changed or thrown away."),
    "billing.invoice_negative": _("The draft comes to less than nothing."),
    "billing.invoice_not_issued": _("Only an issued invoice is credited."),
    "billing.invoice_unknown": _("There is no such paper."),
    "billing.issuer_incomplete": _(
        "Name, address, tax territory or registrations of the issuer are missing."
    ),
    "billing.issuer_missing": _("Enter who issues the invoices in the back office first."),
    "billing.month_closed": _("This month is closed."),
    "billing.month_invalid": _("A month looks like 2026-03."),
    "billing.month_not_over": _("This month is not over yet."),
    "billing.month_not_ready": _("Something is left to do before this month can be closed."),
    "billing.payment_pending": _("The payment on the spot is not finished yet: try again soon."),
    "billing.reason_missing": _("Say why: the reason is kept."),
    "billing.session_in_doubt": _("Somebody must look at this session before it is billed."),
    "billing.settlement_confirmed": _("Both sides have agreed on this settlement already."),
    "billing.settlement_invoice_draft": _(
        "The invoice to the partner is still a draft: issue it first."
    ),
    "billing.settlement_ours": _("What they owe us is on an invoice of ours."),
    "billing.settlement_outdated": _(
        "CDRs or invoices came since the settlement was made: make it anew."
    ),
    "billing.settlement_unknown": _("There is no such settlement."),
    "billing.tariff_missing": _("No tariff applies to this session."),
    "billing.tax_mismatch": _("The tariff's tax is not the one of the territory on that day."),
    "billing.tax_unknown": _("No tax is known for the territory on that day."),
    "billing.vat_number_missing": _("The account's VAT number is missing."),
}
