"""Fixtures of the roaming tests."""

from collections.abc import Iterator

import pytest

from apps.tenants.models import Operator
from tests.ocpi.server import Site, ocpi_serving


@pytest.fixture
def site(live_operators: tuple[Operator, Operator]) -> Iterator[Site]:
    """Cariflex's HTTP side on a real port, both operators with real commits.

    A server for each test: its end waits for what a test has begun, so that nothing of it is
    written into the next one's tables.
    """
    with ocpi_serving() as served:
        yield served
