"""Messages of a 1.6 station: an hour of charging, from 1,000 Wh on the register to 10,000 Wh."""

from typing import Any

BOOT_16 = {"chargePointVendor": "ACME", "chargePointModel": "Wall 16"}
TAG = "04A2B3C4"
START_AT, STOP_AT = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"


def start(
    *, connector: int = 1, tag: str = TAG, at: str = START_AT, meter_wh: int = 1000, **more: Any
) -> dict[str, Any]:
    """StartTransaction.req."""
    return {
        "connectorId": connector, "idTag": tag, "timestamp": at, "meterStart": meter_wh, **more,
    }  # fmt: skip


def sampled(value: str, **fields: str) -> dict[str, str]:
    """A SampledValue."""
    return {"value": value, **fields}


def values(
    number: int | None, at: str, *samples: dict[str, str], connector: int = 1
) -> dict[str, Any]:
    """MeterValues.req of one instant."""
    payload: dict[str, Any] = {
        "connectorId": connector,
        "meterValue": [{"timestamp": at, "sampledValue": list(samples)}],
    }
    if number is not None:
        payload["transactionId"] = number
    return payload


def power(watts: str) -> dict[str, str]:
    """The power of a car, in W."""
    return sampled(watts, measurand="Power.Active.Import", unit="W")


def stop(number: int, *, at: str = STOP_AT, meter_wh: int = 10_000, **more: Any) -> dict[str, Any]:
    """StopTransaction.req."""
    return {"transactionId": number, "timestamp": at, "meterStop": meter_wh, **more}


def four_values(number: int) -> list[dict[str, Any]]:
    """MeterValues of 12:10, 12:20, 12:40 and 12:50."""
    return [
        values(number, "2026-03-10T12:10:00Z", sampled("2500"), power("9000")),
        values(number, "2026-03-10T12:20:00Z", sampled("4.0005", unit="kWh"), power("11000")),
        values(
            number, "2026-03-10T12:40:00Z", sampled("8000.25", unit="Wh"),
            sampled("55", measurand="SoC", location="EV", unit="Percent"),
        ),
        values(number, "2026-03-10T12:50:00Z", sampled("9000"), power("6000")),
    ]  # fmt: skip
