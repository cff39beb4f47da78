"""Configuration keys as variables of the component `Configuration` (1.6 §5.3, §5.8)."""

from collections.abc import Mapping
from typing import Any

from apps.chargers.ocpp.device_model import VariableValue
from apps.chargers.ocpp.v16.keys import CONFIGURATION
from apps.chargers.ocpp.values import printable, storable

Payload = Mapping[str, Any]


def keys_got(answer: Payload) -> tuple[VariableValue, ...]:
    """GetConfiguration.conf: each key that the station knows; one without a value is empty."""
    return tuple(
        VariableValue(
            component=CONFIGURATION,
            variable=printable(told["key"], "key"),
            value=storable(told.get("value", ""), "value"),
            mutability="ReadOnly" if told["readonly"] else "ReadWrite",
        )
        for told in answer.get("configurationKey") or ()
    )


def key_set(request: Payload, answer: Payload) -> tuple[VariableValue, ...]:
    """ChangeConfiguration.conf: the value asked for, once it is in force."""
    if answer["status"] != "Accepted":
        return ()
    return (VariableValue(CONFIGURATION, request["key"], request["value"]),)
