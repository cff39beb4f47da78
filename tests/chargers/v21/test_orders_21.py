"""Plain orders that only 2.1 has: checked by their schema, their answers understood."""

from typing import Any

import pytest

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command
from apps.chargers.services.commands import command_send
from cariflex.common.errors import DomainError
from tests.chargers.conftest import STATION_ID
from tests.chargers.v21.conftest import answered

TARIFF = {
    "tariffId": "T-1", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.35}]},
}  # fmt: skip
TOKEN = {"idToken": "AA", "type": "Central"}
ORDERS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "SetDefaultTariff",
        {"evseId": 0, "tariff": TARIFF},
        {"status": "Accepted"},
        {"status": "DuplicateTariffId"},
    ),
    ("GetTariffs", {"evseId": 0}, {"status": "Accepted"}, {"status": "NoTariff"}),
    (
        "ClearTariffs",
        {"tariffIds": ["T-1", "T-2"]},
        {"clearTariffsResult": [{"status": "Accepted"}, {"status": "Accepted"}]},
        {"clearTariffsResult": [{"status": "Accepted"}, {"status": "NoTariff"}]},
    ),
    (
        "ChangeTransactionTariff",
        {"transactionId": "TX-1", "tariff": TARIFF},
        {"status": "Accepted"},
        {"status": "TxNotFound"},
    ),
    (
        "RequestBatterySwap",
        {"idToken": TOKEN, "requestId": 1},
        {"status": "Accepted"},
        {"status": "Rejected"},
    ),
    (
        "AFRRSignal",
        {"timestamp": "2026-03-10T12:00:00Z", "signal": -3},
        {"status": "Accepted"},
        {"status": "Rejected"},
    ),
]


def send(action: str, payload: dict[str, Any]) -> Command:
    return command_send(station_id=STATION_ID, action=action, payload=payload)


@pytest.mark.parametrize(
    ("action", "payload", "yes", "no"), ORDERS, ids=[action for action, *_rest in ORDERS]
)
def test_an_order_of_2_1(
    station_21: ChargingStation,
    action: str,
    payload: dict[str, Any],
    yes: dict[str, Any],
    no: dict[str, Any],
) -> None:
    assert answered(send(action, payload), **yes).status == CommandStatus.ACCEPTED
    assert answered(send(action, payload), **no).status == CommandStatus.REJECTED

    with pytest.raises(DomainError) as refused:
        send(action, payload | {"unknown": 1})
    assert refused.value.code == "command.payload_invalid"
    ChargingStation.objects.update(ocpp_version="2.0.1")
    with pytest.raises(DomainError) as refused:
        send(action, payload)
    assert refused.value.code == "command.action_unknown"
    assert Command.objects.count() == 2


def test_a_web_payment_is_told(station_21: ChargingStation) -> None:
    command = answered(send("NotifyWebPaymentStarted", {"evseId": 1, "timeout": 120}))

    assert command.status == CommandStatus.ACCEPTED
