"""What is issued stays as it is in the back office too."""

from decimal import Decimal

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.models import Cdr, TariffVersion
from apps.billing.services import cdr_issue
from apps.chargers.models import ChargingStation
from tests.billing.conftest import session_make

CDRS = "/admin/billing/cdr/"


@pytest.fixture
def cdr(tariff: TariffVersion, station: ChargingStation) -> Cdr:
    return cdr_issue(session_id=session_make(station, "one").pk)


def client_of(role: Role) -> Client:
    client = Client(headers={"host": "guadeloupe.localhost"})
    client.force_login(user_ensure(username=role.name.lower(), password="x", role=role))
    return client


@pytest.mark.parametrize("role", [Role.BILLING, Role.OPERATOR_ADMIN])
def test_a_cdr_is_read_only_in_the_admin(cdr: Cdr, role: Role) -> None:
    client = client_of(role)
    row = f"{CDRS}{cdr.pk}/"

    assert client.get(row + "change/").status_code == 200
    assert client.post(row + "change/", {"reference": "x"}).status_code == 403
    assert client.post(row + "delete/", {"post": "yes"}).status_code == 403
    assert client.get(CDRS + "add/").status_code == 403


def test_a_tariff_that_rated_a_cdr_keeps_its_price(cdr: Cdr, tariff: TariffVersion) -> None:
    client = client_of(Role.BILLING)
    form = {"name": "Renamed", "type": "REGULAR", "note": "", "content": "{}"}

    answer = client.post(f"/admin/billing/tariff/{tariff.tariff_id}/change/", form)

    assert answer.status_code == 302
    tariff.refresh_from_db()
    assert tariff.tariff.name == "Renamed"
    assert tariff.content["elements"][0]["price_components"][0]["price"] == Decimal("0.3012")
