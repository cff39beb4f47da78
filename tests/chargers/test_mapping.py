"""OCPP 2.0.1 payloads to internal events: units, signs, digits, refusals."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.v201 import mapping
from tests.chargers.events import dumps, event, meter

AT = "2026-03-10T12:00:00Z"


def samples(**sampled: Any) -> Any:
    return mapping.meter_samples([{"timestamp": AT, "sampledValue": [sampled]}])[0]


@pytest.mark.parametrize(
    ("value", "unit_of_measure", "measurand", "expected", "unit"),
    [
        ("1234.567", {}, None, "1.234567", "kWh"),
        ("1234.567", {"unit": "Wh"}, None, "1.234567", "kWh"),
        ("12.3456", {"unit": "kWh"}, None, "12.3456", "kWh"),
        ("12.3", {"unit": "Wh", "multiplier": 3}, None, "12.3", "kWh"),
        ("7400", {"unit": "W"}, "Power.Active.Import", "7.4", "kW"),
        ("7400", {}, "Power.Active.Import", "7.4", "kW"),
        ("-7.4", {"unit": "kW"}, "Power.Active.Import", "-7.4", "kW"),
        ("0", {"unit": "W"}, "Power.Active.Import", "0", "kW"),
        ("41.5", {}, "SoC", "41.5", "%"),
        ("41.5", {"unit": "Percent"}, "SoC", "41.5", "%"),
        ("231.2", {"unit": "V"}, "Voltage", "231.2", "V"),
    ],
)
def test_values_come_in_kwh_and_kw(
    value: str, unit_of_measure: dict[str, Any], measurand: str | None, expected: str, unit: str
) -> None:
    sampled: dict[str, Any] = {"value": mapping.loads(value), "unitOfMeasure": unit_of_measure}
    if measurand:
        sampled["measurand"] = measurand

    sample = samples(**sampled)

    assert (sample.value, sample.unit) == (Decimal(expected), unit)


def test_the_register_keeps_digits_that_a_float_would_lose() -> None:
    payload = mapping.loads(
        dumps(event(0, "Updated", AT, meter_values=[meter(AT, register_wh="98765432101.123456")]))
    )

    (sample,) = mapping.transaction_event(payload).samples

    assert sample.value == Decimal("98765432.101123456")


def test_samples_come_by_time() -> None:
    read = mapping.meter_samples(
        [
            {"timestamp": "2026-03-10T12:01:00Z", "sampledValue": [{"value": 2}]},
            {"timestamp": "2026-03-10T12:00:00Z", "sampledValue": [{"value": 1}]},
        ]
    )

    assert [sample.value * 1000 for sample in read] == [1, 2]


def test_only_the_outlet_counts_for_energy_and_any_place_for_soc() -> None:
    assert samples(value=1).counts_for_session
    assert not samples(value=1, location="Inlet").counts_for_session
    assert not samples(value=1, phase="L1").counts_for_session
    assert samples(value=1, measurand="SoC", location="EV").counts_for_session


def test_a_time_with_an_offset_is_utc() -> None:
    read = mapping.transaction_event(event(0, "Started", "2026-03-10T08:00:00-04:00"))

    assert read.at == datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"timestamp": "yesterday"}, "FormatViolation"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "FormatViolation"),
        ({"timestamp": "1969-12-31T23:59:59Z"}, "PropertyConstraintViolation"),
        ({"seqNo": -1}, "PropertyConstraintViolation"),
        ({"seqNo": 2**70}, "PropertyConstraintViolation"),
        ({"transactionInfo": {"transactionId": "  "}}, "PropertyConstraintViolation"),
        ({"transactionInfo": {"transactionId": "a\x00b"}}, "FormatViolation"),
        ({"idToken": {"idToken": "\ud800", "type": "Local"}}, "FormatViolation"),
        ({"evse": {"id": 99_999}}, "PropertyConstraintViolation"),
        ({"evse": {"id": -1}}, "PropertyConstraintViolation"),
        (
            {"meterValue": [{"timestamp": AT, "sampledValue": [{"value": Decimal("1e999999")}]}]},
            "PropertyConstraintViolation",
        ),
        (
            {"meterValue": [{"timestamp": AT, "sampledValue": [{"value": 10**18}]}]},
            "PropertyConstraintViolation",
        ),
    ],
)
def test_values_that_no_rule_can_use_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(PayloadRefused) as refused:
        mapping.transaction_event({**event(0, "Started", AT), **change})

    assert refused.value.code == code
