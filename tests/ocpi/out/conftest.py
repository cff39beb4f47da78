"""An operator that is a charge point operator, and a partner that wants everything."""

import pytest

from apps.chargers.models import ChargingStation
from apps.ocpi.models import Partner, Party
from apps.tenants.models import Operator
from tests.ocpi.out import world


@pytest.fixture
def party(operator_a: Operator) -> Party:
    """FR*CFG of Guadeloupe."""
    return world.party_make()


@pytest.fixture
def station(party: Party) -> ChargingStation:
    """CS-001 with two sockets and a tariff."""
    world.tariff_everywhere()
    return world.station_make()


@pytest.fixture
def partner(party: Party) -> Partner:
    """An eMSP that wants everything pushed; its platform does not answer."""
    return world.partner_without_http("emsp", pushed_kinds=world.EVERYTHING)
