"""Prices, CO2 and weather reach FlexMeasures once, with the moment they were published."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.flexibility.choices import SensorRole
from apps.flexibility.models import FlexmeasuresSensor
from apps.flexibility.services.market_values import market_values_post
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision
from apps.markets.models import SeriesValue
from apps.markets.selectors import price_series
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_deliver_due
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, SLOT, Island, island_make

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ready(priced: None, server: FlexmeasuresServer) -> None:
    provision(server=server, now=NOW)


def price_sensor() -> int:
    return FlexmeasuresSensor.objects.get(role=SensorRole.SITE_PRICE).sensor_id


@pytest.mark.usefixtures("ready")
def test_prices_are_posted_once_with_their_publication(
    island: Island, fake: FlexmeasuresFake
) -> None:
    assert market_values_post(now=NOW) == 1
    assert market_values_post(now=NOW + MINUTE) == 0
    outbox_deliver_due(destination_name="flexmeasures")

    (post,) = fake.posted(price_sensor())
    # A day back and all that is published ahead: from yesterday noon for three days.
    assert len(post["values"]) == 3 * 96
    assert post["start"] == "2026-03-10T12:00:00+00:00"
    assert post["unit"] == "EUR/MWh"
    assert post["prior"] == "2026-03-11T12:05:00+00:00"


@pytest.mark.usefixtures("ready")
def test_revision_is_posted_alone_with_its_own_moment(
    island: Island, fake: FlexmeasuresFake
) -> None:
    market_values_post(now=NOW)
    SeriesValue.objects.create(
        series=price_series(), start=SLOT, value=Decimal(99), published_at=NOW + MINUTE
    )

    assert market_values_post(now=NOW + 2 * MINUTE) == 1
    outbox_deliver_due(destination_name="flexmeasures")

    first, second = fake.posted(price_sensor())
    assert (second["values"], second["prior"]) == ([99.0], "2026-03-11T12:06:00+00:00")
    assert len(first["values"]) == 3 * 96


@pytest.mark.usefixtures("ready")
def test_nothing_is_due_for_series_that_are_not_there(island: Island) -> None:
    market_values_post(now=NOW)

    (message,) = OutboxMessage.objects.filter(kind="market_values")
    assert {series["role"] for series in message.payload["series"]} == {"site_price"}


def test_nothing_before_the_set_up(priced: None) -> None:
    assert market_values_post(now=NOW) == 0


@pytest.mark.usefixtures("ready")
def test_each_operator_posts_its_own(island: Island, operator_b: Operator) -> None:
    with operator_context("martinique"):
        island_make()
        assert market_values_post(now=NOW) == 0
    assert market_values_post(now=NOW) == 1
