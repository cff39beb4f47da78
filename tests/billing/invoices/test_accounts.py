"""Issuer and accounts: numbers with right check digits only, and whose a token is."""

from datetime import date
from typing import Any

import pytest

from apps.billing.models import BillingAccount, Issuer
from apps.billing.party_checks import party_clean
from apps.billing.selectors.accounts import account_of_party, account_of_token, books_time_zone
from apps.billing.services.accounts import (
    account_add,
    account_token_add,
    account_token_remove,
    account_update,
    issuer_save,
)
from apps.billing.services.drafts import invoice_draft_make
from apps.chargers.models import TokenGroup
from apps.chargers.services import token_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.invoices.rows import (
    MARCH,
    OTHER_SIREN,
    SIREN,
    account_make,
    cdr_make,
    partner_make,
)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"siren": "552 100 554"}, {"siren": SIREN}),
        ({"siret": "732 829 320 00074"}, {"siret": "73282932000074"}),
        ({"vat_number": "fr 96 552100554"}, {"vat_number": "FR96552100554"}),
        ({"vat_number": "DE 136695976"}, {"vat_number": "DE136695976"}),
        ({"vat_number": "DM-12345"}, {"vat_number": "DM12345"}),
        (
            {"iban": "fr76 3000 6000 0112 3456 7890 189"},
            {"iban": "FR7630006000011234567890189"},
        ),
        ({"bic": "agrifrpp"}, {"bic": "AGRIFRPP"}),
        ({"sepa_creditor_id": "FR72 ZZZ 123456"}, {"sepa_creditor_id": "FR72ZZZ123456"}),
        ({"country_code": "gp", "currency": "xcd"}, {"country_code": "GP", "currency": "XCD"}),
        ({"siren": "", "iban": ""}, {"siren": "", "iban": ""}),
    ],
)
def test_numbers_are_put_into_one_form(fields: dict[str, str], stored: dict[str, str]) -> None:
    assert party_clean(fields) == stored


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"siren": "552100555"}, "siren"),
        ({"siren": "abc"}, "siren"),
        ({"siret": "73282932000075"}, "siret"),
        ({"siren": SIREN, "siret": "73282932000074"}, "siret"),
        ({"vat_number": "FR00552100554"}, "vat_number"),
        ({"vat_number": "DE123"}, "vat_number"),
        ({"vat_number": "=1+1"}, "vat_number"),
        ({"siren": OTHER_SIREN, "vat_number": "FR96552100554"}, "vat_number"),
        ({"iban": "FR7630006000011234567890188"}, "iban"),
        ({"iban": "GP7630006000011234567890189"}, "iban"),
        ({"bic": "AGRI"}, "bic"),
        ({"iban": "FR7630006000011234567890189", "bic": "DEUTDEFF"}, "bic"),
        ({"sepa_creditor_id": "FR71ZZZ123456"}, "sepa_creditor_id"),
        ({"sepa_creditor_id": "x"}, "sepa_creditor_id"),
        ({"country_code": "France"}, "country_code"),
        ({"currency": "EURO"}, "currency"),
        ({"time_zone": "Gosier"}, "time_zone"),
    ],
)
def test_a_wrong_number_is_refused_by_name(fields: dict[str, str], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        party_clean(fields)

    assert refused.value.field == field


def test_the_issuer_is_one_row_that_changes(issuer: Issuer) -> None:
    changed = issuer_save(time_zone="America/Martinique")

    assert (changed.pk, changed.name) == (issuer.pk, "Charge Gosier SAS")
    assert Issuer.objects.count() == 1
    assert books_time_zone() == "America/Martinique"
    with pytest.raises(DomainError) as refused:
        # The VAT number that is there contains another SIREN.
        issuer_save(siren=OTHER_SIREN)
    assert refused.value.field == "vat_number"
    with pytest.raises(DomainError, match="no such field"):
        issuer_save(slogan="x")


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"code": "acme"}, "billing.account_exists"),
    ({"code": "not a slug"}, "billing.code_invalid"),
    ({"kind": "alien"}, "billing.kind_invalid"),
    ({"name": ""}, "billing.name_missing"),
    ({"currency": "KWD"}, "billing.currency_unknown"),
    ({"kind": "emsp"}, "billing.party_missing"),
    ({"tax_treatment": "reverse_charge"}, "billing.vat_number_missing"),
    ({"sepa_mandate_id": "M-1"}, "billing.mandate_incomplete"),
    ({"email": "nobody"}, "billing.email_invalid"),
)


def test_an_account_that_cannot_be_billed_is_refused(account: BillingAccount) -> None:
    for wrong, code in REFUSED:
        with pytest.raises(DomainError) as refused:
            account_make(**{"code": "other", **wrong})
        assert refused.value.code == code

    assert BillingAccount.objects.count() == 1


def test_a_partner_has_one_account_of_a_kind(issuer: Issuer) -> None:
    partner = partner_make()
    partner_make("as-cpo", kind="cpo")

    assert account_of_party("nl", "rbv", "emsp") == partner
    with pytest.raises(DomainError, match="such a one already"):
        partner_make("twice")


def test_an_account_changes_but_not_its_kind_once_it_is_billed(account: BillingAccount) -> None:
    account_update(
        account_id=account.pk, kind="person", sepa_mandate_id="M-1",
        sepa_mandate_signed_on=date(2026, 1, 1),
    )  # fmt: skip
    cdr_make(account, "10")
    invoice_draft_make(month=MARCH)

    with pytest.raises(DomainError) as refused:
        account_update(account_id=account.pk, kind="company")
    assert refused.value.code == "billing.account_kind_fixed"
    with pytest.raises(DomainError, match="no such account"):
        account_update(account_id=0, name="x")


def test_a_token_goes_before_its_group(account: BillingAccount) -> None:
    group = TokenGroup.objects.create(group_id="fleet")
    token_register(id_token="04A2B3C4", group=group)
    token_register(id_token="04000000", group=group)
    other = account_add(
        code="other", kind="person", name="Ada", token_groups=[group], country_code="FR"
    )
    paid = account_token_add(account_id=account.pk, id_token="04a2b3c4")

    assert account_of_token("04A2B3C4") == account
    assert account_of_token("04000000") == other
    assert account_of_token("unknown") is None
    assert account_token_add(account_id=account.pk, id_token="04A2B3C4") == paid
    with pytest.raises(DomainError) as refused:
        account_token_add(account_id=other.pk, id_token="04A2B3C4")
    assert refused.value.code == "billing.token_taken"
    with pytest.raises(DomainError, match="no such token"):
        account_token_add(account_id=account.pk, id_token="nobody")

    account_token_remove(account_id=account.pk, account_token_id=paid.pk)
    assert account_of_token("04A2B3C4") == other
    with pytest.raises(DomainError):
        account_token_remove(account_id=account.pk, account_token_id=paid.pk)


def test_accounts_are_of_their_own_operator(account: BillingAccount, operator_b: Operator) -> None:
    with operator_context("martinique"):
        with pytest.raises(DomainError, match="no such account"):
            account_update(account_id=account.pk, name="Stolen")
        assert not Issuer.objects.exists()

    account.refresh_from_db()
    assert account.name == "Acme SARL"
