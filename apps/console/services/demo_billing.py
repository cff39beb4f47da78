"""The demo's invoices: who issues them, and some accounts that its cards belong to.

Companies and numbers are made up: the SIREN have right check digits and are not given out.
"""

from collections.abc import Sequence
from typing import Any

from apps.billing.models import BillingAccount, Issuer
from apps.billing.services.accounts import account_add, account_token_add, issuer_save
from apps.billing.services.reminders import reminder_levels_load
from apps.billing.services.taxes import taxes_load

# The example of the IBAN registry for France, and of the EPC for a creditor.
_BANK = {"iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"}
_CREDITOR_ID = "FR72ZZZ123456"
_ISSUERS: dict[str, dict[str, Any]] = {
    "GP": {
        "name": "Cariflex Démo Guadeloupe SAS", "street": "1 quai de la Démonstration",
        "postal_code": "97110", "city": "Pointe-à-Pitre", "siren": "999990104",
        "vat_number": "FR11999990104",
    },
    "MQ": {
        "name": "Cariflex Démo Martinique SAS", "street": "2 rue de la Démonstration",
        "postal_code": "97200", "city": "Fort-de-France", "siren": "999990203",
        "vat_number": "FR17999990203",
    },
}  # fmt: skip
_FLEET: dict[str, Any] = {
    "code": "flotte-alize", "kind": "company", "name": "Flotte Alizé SARL",
    "street": "5 rue des Cocotiers", "siren": "999990302", "vat_number": "FR23999990302",
    "email": "compta@flotte-alize.example",
}  # fmt: skip
_PERSON: dict[str, Any] = {
    "code": "ada-lenoir", "kind": "person", "name": "Ada Lenoir",
    "street": "7 allée des Flamboyants", "email": "ada@lenoir.example",
}  # fmt: skip
_PARTNER: dict[str, Any] = {
    "code": "nl-rbv", "kind": "emsp", "name": "Roaming Demo BV", "country_code": "NL",
    "street": "Voorbeeldstraat 9", "postal_code": "1000 AA", "city": "Amsterdam",
    "party_country_code": "NL", "party_id": "RBV", "tax_treatment": "outside", "language": "en",
    "hub_fee_percent": "1.50",
}  # fmt: skip


def demo_billing_seed(*, territory: str, time_zone: str, cards: Sequence[str]) -> None:
    """Issuer and accounts of one demo operator; what a person changed since stays.

    The first card is a person's, the next two a company's, all others have no account.
    """
    taxes_load()
    reminder_levels_load()
    home = _ISSUERS.get(territory)
    if home is None:
        return
    place = {
        "country_code": "FR", "territory": territory, "postal_code": home["postal_code"],
        "city": home["city"],
    }  # fmt: skip
    if not Issuer.objects.exists():
        issuer_save(
            **home, **_BANK, country_code="FR", territory=territory, time_zone=time_zone,
            legal_form="SAS", share_capital="10 000 €", sepa_creditor_id=_CREDITOR_ID,
            email="factures@cariflex.example",
        )  # fmt: skip
    for fields, tokens in (
        ({**place, **_PERSON}, cards[:1]), ({**place, **_FLEET}, cards[1:3]), (_PARTNER, ()),
    ):  # fmt: skip
        if BillingAccount.objects.filter(code=fields["code"]).exists():
            continue
        account = account_add(**fields)
        for id_token in tokens:
            account_token_add(account_id=account.pk, id_token=id_token)
