"""Connected stations of each version, and what the CSMS has kept of them."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.chargers.models import StationMessage
from tests.chargers.conformance.client import V16, V21, V201, Checking
from tests.chargers.server import A, Csms, at, eventually


@pytest.fixture(params=[V21, V201, V16], ids=str)
def any_station(csms: Csms, request: Any) -> Checking:
    """CS-001 of Guadeloupe, booted, in each version."""
    return Checking(csms, request.param).boot()


@pytest.fixture
def station(csms: Csms) -> Checking:
    """CS-001 of Guadeloupe, booted, OCPP 2.0.1."""
    return Checking(csms, V201).boot()


@pytest.fixture
def station_21(csms: Csms) -> Checking:
    """CS-001 of Guadeloupe, booted, OCPP 2.1."""
    return Checking(csms, V21).boot()


@pytest.fixture
def kept() -> Callable[..., StationMessage]:
    """The frame in the message log that fits; waits until it is written."""

    def find(**wanted: Any) -> StationMessage:
        def read() -> StationMessage | None:
            return StationMessage.objects.filter(**wanted).order_by("-pk").first()

        found = eventually(lambda: at(A, read))
        assert found is not None
        return found

    return find
