"""Fixtures of the roaming tests."""

from collections.abc import Iterator

import pytest

from apps.tenants.models import Operator
from tests.ocpi.server import Site, ocpi_serving


@pytest.fixture(scope="session")
def ocpi_server(django_db_setup: None) -> Iterator[Site]:
    """One server for all tests: starting and stopping it costs more than most of them."""
    with ocpi_serving() as served:
        yield served


@pytest.fixture
def site(live_operators: tuple[Operator, Operator], ocpi_server: Site) -> Site:
    """Cariflex's HTTP side on a real port, both operators with real commits."""
    return ocpi_server
