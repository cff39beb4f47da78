"""A station of OCPP 2.1 without a socket: orders end as the test lets it answer."""

from typing import Any

import pytest

from apps.chargers.choices import CommandStatus, ConnectionState, RegistrationStatus
from apps.chargers.models import ChargingStation, Command, DeviceVariable, Evse, Session
from apps.chargers.ocpp.actions import is_accepted
from apps.chargers.services import command_claim, command_finish
from cariflex.common.time import utc_now


@pytest.fixture
def station_21(station: ChargingStation) -> ChargingStation:
    """CS-001 of Guadeloupe, online, with two EVSEs."""
    station.ocpp_version = "2.1"
    station.connection_state = ConnectionState.ONLINE
    station.registration_status = RegistrationStatus.ACCEPTED
    station.save()
    for evse_id in (1, 2):
        Evse.objects.get_or_create(station=station, evse_id=evse_id)
    return station


@pytest.fixture
def session(station_21: ChargingStation) -> Session:
    """TX-1 at EVSE 1."""
    return Session.objects.create(
        station=station_21,
        evse=Evse.objects.get(station=station_21, evse_id=1),
        transaction_id="TX-1",
        started_at=utc_now(),
    )


def tell(
    station: ChargingStation, component: str, variable: str, value: str, evse: int = 0
) -> None:
    """The station reports a variable."""
    DeviceVariable.objects.update_or_create(
        station=station,
        component=component,
        variable=variable,
        evse_number=evse,
        defaults={"value": value, "reported_at": utc_now()},
    )


def answered(command: Command | None, **answer: Any) -> Command:
    """The order, sent and answered by the station."""
    assert command is not None
    assert command.status == CommandStatus.QUEUED, command.error
    command_claim(command_id=command.pk, station_pk=command.station_id, now=utc_now())
    status = (
        CommandStatus.ACCEPTED if is_accepted(command.action, answer) else CommandStatus.REJECTED
    )
    command_finish(command_id=command.pk, status=status, answer=answer, now=utc_now())
    command.refresh_from_db()
    return command
