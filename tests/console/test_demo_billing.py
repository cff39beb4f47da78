"""The demo has somebody who issues invoices, and accounts for its cards."""

from apps.billing.models import BillingAccount, Issuer, TaxRate
from apps.billing.selectors.accounts import account_of_token
from apps.billing.services.accounts import account_update
from apps.chargers.services import token_register
from apps.console.services.demo_billing import demo_billing_seed
from apps.tenants.models import Operator

CARDS = ("04000001", "04000002", "04000003", "04000004")


def test_the_seed_is_safe_to_repeat_and_keeps_what_a_person_changed(operator_a: Operator) -> None:
    for card in CARDS:
        token_register(id_token=card)
    demo_billing_seed(territory="GP", time_zone="America/Guadeloupe", cards=CARDS)
    account_update(account_id=BillingAccount.objects.get(kind="person").pk, name="Ada L.")

    demo_billing_seed(territory="GP", time_zone="America/Guadeloupe", cards=CARDS)

    assert Issuer.objects.get().siren == "999990104"
    payers = [account_of_token(card) for card in CARDS]
    assert [payer.code if payer else None for payer in payers] == [
        "ada-lenoir", "flotte-alize", "flotte-alize", None,
    ]  # fmt: skip
    assert BillingAccount.objects.get(kind="person").name == "Ada L."
    assert TaxRate.objects.filter(territory="MQ").exists()


def test_both_demo_islands_have_an_issuer(operator_a: Operator) -> None:
    demo_billing_seed(territory="MQ", time_zone="America/Martinique", cards=())

    assert Issuer.objects.get().territory == "MQ"
