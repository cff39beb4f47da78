"""Why accounts, invoices, settlements and months refuse, in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.billing.cdr_refusals import CDR_REFUSALS
from cariflex.common.errors import DomainError

REFUSALS: dict[str, Promise] = {
    **CDR_REFUSALS,
    "billing.account_exists": _("Code or OCPI party is taken by another account."),
    "billing.account_incomplete": _("The account lacks something that its invoice must say."),
    "billing.account_kind_fixed": _("An account with invoices keeps its kind."),
    "billing.account_unknown": _("There is no such account."),
    "billing.bic_invalid": _("This is no BIC, or not of the IBAN's country."),
    "billing.country_code_invalid": _("An ISO 3166-1 alpha-2 code, such as FR or GP."),
    "billing.credit_draft_waits": _(
        "A draft of a credit note on this invoice waits: issue or delete it first."
    ),
    "billing.credit_invalid": _("Credit an amount above 0, in whole cents."),
    "billing.credit_nothing_left": _("Nothing is left to credit."),
    "billing.credit_too_high": _("More would be credited than is left of the invoice."),
    "billing.currency_invalid": _("An ISO 4217 code, such as EUR."),
    "billing.currency_unknown": _("Nothing can be billed in this currency."),
    "billing.draft_outdated": _("A CDR on it was credited since: make the draft again."),
    "billing.exchange_rate_invalid": _("A rate is above 0, and not of the euro itself."),
    "billing.exchange_rate_missing": _("No exchange rate to the euro of the last 35 days."),
    "billing.iban_invalid": _("This is no IBAN."),
    "billing.invoice_empty": _("Nothing stands on it."),
    "billing.invoice_issued": _("An issued invoice is never deleted."),
    "billing.invoice_negative": _("An invoice is not below zero."),
    "billing.invoice_not_issued": _("Only an issued invoice is credited."),
    "billing.invoice_unknown": _("There is no such invoice."),
    "billing.issuer_incomplete": _("The issuer lacks something that an invoice must say."),
    "billing.issuer_missing": _("Enter who issues the invoices first."),
    "billing.line_unknown": _("The invoice has no such line."),
    "billing.mandate_incomplete": _("A SEPA mandate has a reference and a day."),
    "billing.month_closed": _("The month is closed."),
    "billing.month_invalid": _("A month looks like 2026-03."),
    "billing.month_not_over": _("The month is not over."),
    "billing.month_not_ready": _("Something is left to do in this month."),
    "billing.party_missing": _("A roaming partner has an OCPI country code and party id."),
    "billing.reason_missing": _("Say why."),
    "billing.sepa_creditor_id_invalid": _("This is no SEPA creditor identifier."),
    "billing.settlement_confirmed": _("Both sides have agreed already."),
    "billing.settlement_invoice_draft": _("Issue the invoices to the partner first."),
    "billing.settlement_ours": _("What they owe us is on an invoice of ours."),
    "billing.settlement_outdated": _("CDRs or invoices came since: make the statement again."),
    "billing.settlement_unknown": _("There is no such settlement."),
    "billing.siren_invalid": _("This is no SIREN: nine digits with a check digit."),
    "billing.siret_invalid": _("This is no SIRET, or not of this SIREN."),
    "billing.tax_mismatch": _("The tariff's rate is none of the territory's on that day."),
    "billing.tax_never_valid": _("The rate would end before it begins."),
    "billing.tax_percent_invalid": _(
        "The standard category has a rate above 0 %, every other has 0 %."
    ),
    "billing.tax_unknown": _("No tax is known for the territory on that day."),
    "billing.territory_invalid": _("Name a territory."),
    "billing.time_zone_invalid": _("This is no IANA time zone."),
    "billing.token_taken": _("Another account pays for this token."),
    "billing.token_unknown": _("There is no such token in the list."),
    "billing.vat_number_invalid": _("This is no VAT number, or not of this company."),
    "billing.vat_number_missing": _("Reverse charge needs the VAT number of the account."),
}

STEPS: dict[str, Promise] = {
    "sessions_without_cdr": _("Sessions without a CDR"),
    "cdrs_nobody_pays": _("CDRs that nobody pays"),
    "cdrs_to_invoice": _("CDRs without an invoice"),
    "credits_to_note": _("Invoices that wait for a credit note"),
    "drafts_to_issue": _("Drafts to issue"),
    "partner_cdrs_to_settle": _("Partners' CDRs without a statement"),
    "settlements_to_confirm": _("Settlements to confirm"),
    "settlements_disputed": _("Settlements in dispute"),
}
"""What is left to do in a month (`selectors.closing.month_steps`)."""


def refusal(refused: DomainError) -> str:
    """Why it was refused; what has no words here is said as the service says it."""
    return str(REFUSALS.get(refused.code, refused.message))
