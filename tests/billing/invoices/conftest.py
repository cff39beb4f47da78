"""An issuer and an account of Guadeloupe."""

import pytest

from apps.billing.models import BillingAccount, Issuer
from apps.tenants.models import Operator
from tests.billing.invoices.rows import account_make, issuer_make


@pytest.fixture
def issuer(operator_a: Operator) -> Issuer:
    return issuer_make()


@pytest.fixture
def account(issuer: Issuer) -> BillingAccount:
    return account_make()
