"""OCPP 1.6 payloads to internal events, field by field."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.choices import ConnectorStatus
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.v16 import mapping, meters, numbering
from apps.chargers.ocpp.v16.tags import id_tag_type
from apps.chargers.ocpp.validation import schema
from apps.chargers.ocpp.versions import OcppVersion
from tests.chargers.v16.messages import BOOT_16, four_values, sampled, start, stop, values

AT = "2026-03-10T12:00:00Z"
NOW = datetime(2026, 3, 10, 12, 0, 5, tzinfo=UTC)


def sample(value: str, **fields: str) -> Any:
    (read,) = meters.samples([{"timestamp": AT, "sampledValue": [sampled(value, **fields)]}])
    return read


@pytest.mark.parametrize(
    ("value", "fields", "expected", "unit"),
    [
        ("1234.567", {}, "1.234567", "kWh"),
        ("1234", {"unit": "Wh"}, "1.234", "kWh"),
        (" 12.3456 ", {"unit": "kWh"}, "12.3456", "kWh"),
        ("1.5E3", {}, "1.5", "kWh"),
        ("7400", {"measurand": "Power.Active.Import", "unit": "W"}, "7.4", "kW"),
        ("7400", {"measurand": "Power.Active.Import"}, "7.4", "kW"),
        ("-7.4", {"measurand": "Power.Active.Import", "unit": "kW"}, "-7.4", "kW"),
        ("0", {"measurand": "Power.Active.Export"}, "0", "kW"),
        ("16", {"measurand": "Current.Import"}, "16", "A"),
        ("231.2", {"measurand": "Voltage", "unit": "V"}, "231.2", "V"),
        ("41.5", {"measurand": "SoC"}, "41.5", "%"),
        ("41.5", {"measurand": "SoC", "unit": "Percent"}, "41.5", "%"),
        ("31", {"measurand": "Temperature", "unit": "Celcius"}, "31", "Celsius"),
        ("31", {"measurand": "Temperature"}, "31", "Celsius"),
        ("50.01", {"measurand": "Frequency"}, "50.01", "Hertz"),
        ("3", {"measurand": "Energy.Reactive.Import.Register"}, "3", "varh"),
        ("3", {"measurand": "RPM"}, "3", ""),
    ],
)
def test_values_come_in_our_units(
    value: str, fields: dict[str, str], expected: str, unit: str
) -> None:
    read = sample(value, **fields)

    assert (read.value, read.unit) == (Decimal(expected), unit)


@pytest.mark.parametrize(
    "value", ["", "NaN", "Infinity", "-inf", "abc", "1,5", "1_000", "0x10", "1e999", "9" * 5000]
)
def test_a_value_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(PayloadRefused) as refused:
        sample(value)

    assert refused.value.code == "PropertyConstraintViolation"


def test_phase_place_and_context_are_kept() -> None:
    read = sample(
        "230", measurand="Voltage", phase="L1-N", location="Inlet", context="Sample.Clock"
    )

    assert (read.phase, read.location, read.context) == ("L1-N", "Inlet", "Sample.Clock")
    assert not read.counts_for_session


def test_signed_values_are_kept_as_they_are_and_not_read() -> None:
    payload = values(
        7, AT, sampled("1500"),
        sampled("OCMF|{...}|{...}", format="SignedData", context="Transaction.Begin"),
    )  # fmt: skip

    event = mapping.metered(payload, transaction_id="x")

    assert [one.value for one in event.samples] == [Decimal("1.5")]
    assert [(one.signed_data, one.context) for one in event.signed] == [
        ("OCMF|{...}|{...}", "Transaction.Begin")
    ]


def test_a_signed_value_that_no_column_can_keep_is_refused() -> None:
    with pytest.raises(PayloadRefused):
        meters.signed_samples(values(7, AT, sampled("a\x00", format="SignedData"))["meterValue"])


STATUSES = {
    "Available": ConnectorStatus.AVAILABLE,
    "Preparing": ConnectorStatus.OCCUPIED,
    "Charging": ConnectorStatus.OCCUPIED,
    "SuspendedEV": ConnectorStatus.OCCUPIED,
    "SuspendedEVSE": ConnectorStatus.OCCUPIED,
    "Finishing": ConnectorStatus.OCCUPIED,
    "Reserved": ConnectorStatus.RESERVED,
    "Unavailable": ConnectorStatus.UNAVAILABLE,
    "Faulted": ConnectorStatus.FAULTED,
}


def enumeration(action: str, field: str) -> set[str]:
    document = schema(OcppVersion.V16, action, is_request=True)
    return set(document["properties"][field]["enum"])


def test_every_status_of_a_connector_is_one_of_ours() -> None:
    assert set(STATUSES) == enumeration("StatusNotification", "status")
    for status, ours in STATUSES.items():
        report = mapping.connector_report(
            {"connectorId": 2, "errorCode": "NoError", "status": status}, now=NOW
        )
        assert (report.evse_id, report.connector_id, report.status) == (2, 1, ours)
        assert (report.at, report.error_code) == (NOW, "")


def test_connector_0_is_the_station_itself() -> None:
    report = mapping.connector_report(
        {"connectorId": 0, "errorCode": "NoError", "status": "Available", "timestamp": AT}, now=NOW
    )

    assert (report.evse_id, report.connector_id) == (0, 0)
    assert report.at == datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"errorCode": "NoError"}, ""),
        ({"errorCode": "NoError", "vendorErrorCode": "0"}, ""),
        ({"errorCode": "NoError", "vendorErrorCode": "E17"}, "E17"),
        ({"errorCode": "GroundFailure"}, "GroundFailure"),
        ({"errorCode": "OtherError", "vendorErrorCode": "0x12"}, "OtherError/0x12"),
        ({"errorCode": "OtherError", "vendorErrorCode": "y" * 50}, "OtherError/" + "y" * 39),
    ],
)
def test_the_error_code_has_the_vendors_word(fields: dict[str, str], code: str) -> None:
    assert mapping.error_code({"connectorId": 1, "status": "Faulted", **fields}) == code


def test_a_boot_has_the_serial_number_of_the_charge_point_before_that_of_its_box() -> None:
    full = {
        **BOOT_16,
        "chargePointSerialNumber": "CP-1",
        "chargeBoxSerialNumber": "BOX-1",
        "firmwareVersion": "1.2",
    }
    boxed = {**BOOT_16, "chargePointSerialNumber": "", "chargeBoxSerialNumber": "BOX-1"}

    read = mapping.boot(full)

    assert (read.vendor, read.model, read.serial_number, read.firmware) == (
        "ACME", "Wall 16", "CP-1", "1.2",
    )  # fmt: skip
    assert mapping.boot(boxed).serial_number == "BOX-1"


def test_a_start_is_the_first_event_with_its_register() -> None:
    event = mapping.started(start(connector=2, reservationId=9))

    assert (event.seq_no, event.event_type, event.evse_id, event.connector_id) == (
        0, "Started", 2, 1,
    )  # fmt: skip
    assert (event.id_token, event.id_token_type) == ("04A2B3C4", "ISO14443")
    assert event.reservation_id == 9
    assert [(one.value, one.context) for one in event.samples] == [
        (Decimal(1), "Transaction.Begin")
    ]


def test_a_transaction_is_named_by_its_start() -> None:
    named = mapping.started(start()).transaction_id

    assert named.startswith("1-20260310T120000-")
    assert len(named) <= 36
    assert mapping.started(start(at="2026-03-10T08:00:00-04:00")).transaction_id == named
    others = [
        start(connector=2), start(tag="OTHER"), start(at="2026-03-10T12:00:01Z"),
        start(at="2026-03-10T12:00:00.5Z"), start(meter_wh=1001),
    ]  # fmt: skip
    names = {mapping.started(other).transaction_id for other in others}
    assert len(names | {named}) == 6


def test_the_longest_name_fits_its_column() -> None:
    event = mapping.started(start(connector=32_767, tag="x" * 20, meter_wh=10**14))

    assert len(event.transaction_id) <= 36


def test_values_are_numbered_by_time_between_start_and_stop() -> None:
    numbers = [mapping.metered(payload, transaction_id="x").seq_no for payload in four_values(7)]

    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 4
    late = values(7, "2099-12-31T23:59:59.999Z", sampled("1"))
    early = values(7, "1970-01-01T00:00:00Z", sampled("1"))
    assert mapping.metered(early, transaction_id="x").seq_no > numbering.FIRST
    assert mapping.metered(late, transaction_id="x").seq_no < numbering.LAST < 2**63


def test_values_of_one_instant_that_differ_have_different_numbers() -> None:
    one = values(7, AT, sampled("1"))
    other = values(7, AT, sampled("2"))

    assert (
        mapping.metered(one, transaction_id="x").seq_no
        != mapping.metered(other, transaction_id="x").seq_no
    )
    assert (
        mapping.metered(one, transaction_id="x").seq_no
        == mapping.metered(values(7, AT, sampled("1")), transaction_id="x").seq_no
    )


def test_every_reason_of_a_stop_has_a_reason_and_a_trigger() -> None:
    for reason in enumeration("StopTransaction", "reason"):
        event = mapping.stopped(stop(7, reason=reason), transaction_id="x")
        assert event.stopped_reason
        assert event.trigger_reason
    assert mapping.stopped(stop(7), transaction_id="x").stopped_reason == "Local"


def test_a_stop_ends_with_its_own_register_and_leaves_out_what_is_no_number() -> None:
    history = [
        {"timestamp": "2026-03-10T12:00:00Z", "sampledValue": [sampled("1000")]},
        {"timestamp": "yesterday", "sampledValue": [sampled("1")]},
        {"timestamp": "2026-03-10T13:00:00Z", "sampledValue": [sampled("?"), sampled("9999.5")]},
    ]

    event = mapping.stopped(stop(7, transactionData=history), transaction_id="x")

    assert [one.value for one in event.samples] == [
        Decimal(1), Decimal("9.9995"), Decimal(10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("04A2B3C4", "ISO14443"), ("04a2b3c4d5e6f7", "ISO14443"), ("0" * 20, "ISO14443"),
        ("APP-1", "Central"), ("04A2B3C", "Central"), ("", "Central"), ("04A2B3CG", "Central"),
    ],
)  # fmt: skip
def test_a_tag_is_a_card_by_its_look(tag: str, kind: str) -> None:
    assert id_tag_type(tag) == kind
