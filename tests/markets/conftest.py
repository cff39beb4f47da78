from collections.abc import Iterator

import pytest

from apps.markets.models import FeedAccess
from apps.markets.services.sources import market_source_configure
from apps.tenants.models import Operator
from tests.contracts.entsoe_fake import TOKEN, EntsoeFake, entsoe_fake

FR = "10YFR-RTE------C"


@pytest.fixture
def entsoe() -> Iterator[EntsoeFake]:
    with entsoe_fake() as fake:
        yield fake


@pytest.fixture
def source(operator_a: Operator, entsoe: EntsoeFake) -> FeedAccess:
    """Guadeloupe takes French prices from the fake."""
    return market_source_configure(area=FR, token=TOKEN, base_url=entsoe.url)
