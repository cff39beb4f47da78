"""A fake CitrineOS, an account on it, and a station whose socket it holds."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from apps.chargers.choices import BackEnd
from apps.chargers.models import ChargingStation, CitrineAccount
from apps.chargers.services import station_register
from apps.chargers.services.citrineos import account_save
from apps.tenants.models import Operator
from tests.contracts.citrineos_fake import CitrineFake, citrine
from tests.contracts.citrineos_fake.broker import NoBroker, rabbitmq
from tests.contracts.citrineos_fake.server import SECRET

STATION_ID = "CIT-001"
BEGIN = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def fake() -> Iterator[CitrineFake]:
    """CitrineOS without a broker."""
    with citrine() as running:
        yield running


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real RabbitMQ; the tests that need it are skipped, and say so, where there is none."""
    try:
        with rabbitmq(tmp_path_factory.mktemp("broker")) as url:
            yield url
    except NoBroker as missing:
        pytest.skip(str(missing))


def account_of(fake: CitrineFake, *, amqp_url: str = "", tenant_id: int = 1) -> CitrineAccount:
    """The current operator's account on the fake."""
    return account_save(
        CitrineAccount(
            name="island",
            is_active=True,
            tenant_id=tenant_id,
            rest_url=fake.rest_url,
            amqp_url=amqp_url or "amqp://127.0.0.1",
            graphql_url=fake.graphql_url,
            graphql_secret=SECRET,
            callback_url="https://guadeloupe.localhost",
            starts_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )


def station_add(station_id: str = STATION_ID) -> ChargingStation:
    """A station of the current operator that CitrineOS serves."""
    station = station_register(station_id=station_id, rated_power_kw=22.0)
    ChargingStation.objects.filter(pk=station.pk).update(csms=BackEnd.CITRINEOS)
    station.refresh_from_db()
    return station


@pytest.fixture
def account(operator_a: Operator, fake: CitrineFake) -> CitrineAccount:
    """Guadeloupe's account."""
    return account_of(fake)


@pytest.fixture
def station(account: CitrineAccount) -> ChargingStation:
    """CIT-001 of Guadeloupe."""
    return station_add()
