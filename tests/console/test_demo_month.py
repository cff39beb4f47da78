"""A past month of the demo: sessions as stations tell them, and what becomes of them."""

from datetime import date

import pytest

from apps.billing.models import BillingException, Cdr, PartnerCdr
from apps.billing.services.inbox_watch import exceptions_refresh
from apps.chargers.models import Session
from apps.chargers.services import token_register
from apps.console.services.demo_billing import demo_billing_seed
from apps.console.services.demo_month import EMPTY, SESSIONS, demo_month_make
from apps.simulation.island import load_island
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.billing.conftest import station_make, tariff_make


def test_a_month_is_made_once(operator_a: Operator, operator_b: Operator) -> None:
    tariff_make()
    station_make()
    cards = [car.id_token for car in load_island("guadeloupe").cars]
    for card in cards[:3]:
        token_register(id_token=card)
    demo_billing_seed(territory="GP", time_zone="America/Guadeloupe", cards=cards)

    first = demo_month_make(operator="guadeloupe", month=date(2026, 3, 1))
    again = demo_month_make(operator="guadeloupe", month=date(2026, 3, 1))

    assert first.sessions == again.sessions == SESSIONS == Session.objects.count()
    assert Cdr.objects.count() == first.cdrs == SESSIONS - 1
    assert set(Cdr.objects.values_list("billing_month", flat=True)) == {date(2026, 3, 1)}
    assert Cdr.objects.filter(account__isnull=False).count() >= 3
    assert Cdr.objects.get(transaction_id=f"demo-202603-{EMPTY:03d}").energy_kwh == 0
    assert PartnerCdr.objects.count() == first.partner_cdrs
    exceptions_refresh(now=utc_now())
    kinds = set(BillingException.objects.values_list("kind", flat=True))
    assert {"zero_energy", "meter_backwards"} <= kinds
    with operator_context("martinique"):
        assert not Session.objects.exists()


def test_a_month_that_runs_is_refused(operator_a: Operator) -> None:
    with pytest.raises(DomainError, match="not over"):
        demo_month_make(operator="guadeloupe", month=date(2999, 1, 1))
