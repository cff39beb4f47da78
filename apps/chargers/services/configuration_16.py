"""What 1.6 stations answer about their configuration: kept in the device model."""

from typing import Any

from apps.chargers.models import Command
from apps.chargers.ocpp.v16.configuration import key_set, keys_got
from apps.chargers.services import command_answers
from apps.chargers.services.device_model import variables_store
from cariflex.common.time import utc_now


def _got(command: Command, answer: dict[str, Any]) -> None:
    variables_store(
        station_pk=command.station_id,
        values=keys_got(answer),
        told_at=command.answered_at or utc_now(),
    )


def _set(command: Command, answer: dict[str, Any]) -> None:
    variables_store(
        station_pk=command.station_id,
        values=key_set(command.payload, answer),
        told_at=command.answered_at or utc_now(),
    )


command_answers.register("GetConfiguration", _got)
command_answers.register("ChangeConfiguration", _set)
