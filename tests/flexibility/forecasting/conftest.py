"""FlexMeasures' stand-in with forecasts, set up for the island."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.flexibility.choices import SensorRole
from apps.flexibility.models import FlexmeasuresSensor
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision
from tests.contracts.flexmeasures_forecasts import ForecastFake, forecast_fake
from tests.flexibility.conftest import Island
from tests.flexibility.forecasting.scene import NOW


@pytest.fixture
def fake() -> Iterator[ForecastFake]:
    with forecast_fake() as running:
        yield running


@pytest.fixture
def ready(island: Island, server: FlexmeasuresServer) -> Island:
    """Guadeloupe's island, set up there an hour ago."""
    provision(server=server, now=NOW - timedelta(hours=1))
    return island


@pytest.fixture
def price_sensor(ready: Island) -> FlexmeasuresSensor:
    """The sensor of the price there."""
    return FlexmeasuresSensor.objects.get(role=SensorRole.SITE_PRICE)
