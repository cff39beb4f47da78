"""A station in each of two operators, under the same identity."""

from collections.abc import Iterator

import pytest
import uvicorn

from apps.chargers.models import ChargingStation
from apps.chargers.services import station_register, token_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.chargers.server import Csms, serving

STATION_ID = "CS-001"
PASSWORD_A, PASSWORD_B = "guadeloupe-secret-000001", "martinique-secret-000002"
TOKEN = "04A2B3C4"


@pytest.fixture
def station(operator_a: Operator) -> ChargingStation:
    """CS-001 of Guadeloupe."""
    return station_register(
        station_id=STATION_ID, password=PASSWORD_A, name="Marina", rated_power_kw=22.0
    )


@pytest.fixture(scope="session")
def csms_server(django_db_setup: None) -> Iterator[uvicorn.Server]:
    """One real server for all tests: starting it costs more than most of them."""
    with serving() as server:
        yield server


@pytest.fixture
def csms(live_operators: tuple[Operator, Operator], csms_server: uvicorn.Server) -> Iterator[Csms]:
    """The server; CS-001 and the token exist at both operators, apart."""
    for operator, password in zip(live_operators, (PASSWORD_A, PASSWORD_B), strict=True):
        with operator_context(operator.schema_name):
            station_register(station_id=STATION_ID, password=password, rated_power_kw=22.0)
            token_register(id_token=TOKEN)
    csms = Csms(csms_server)
    yield csms
    csms.close()
