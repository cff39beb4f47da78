"""Signed meter values of 2.x are kept as the meter made them; an end may repeat its history."""

from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.models import ChargingStation, Session, SignedMeterValue
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.sessions import fold
from apps.chargers.ocpp.v201 import mapping
from tests.chargers.events import event, meter
from tests.chargers.test_sessions import apply

AT, END = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"


def signed(text: str) -> dict[str, Any]:
    values = meter(AT, register_wh="1000")
    values["sampledValue"][0]["signedMeterValue"] = {
        "signedMeterData": text, "signingMethod": "ECDSA-secp256r1-SHA256",
        "encodingMethod": "OCMF", "publicKey": "AAAA",
    }  # fmt: skip
    return event(0, "Started", AT, evse_id=1, meter_values=[values])


def test_a_signed_value_is_kept_once_with_its_method(station: ChargingStation) -> None:
    for _ in range(2):
        apply(station, signed("OCMF|{}|{}"))

    kept = SignedMeterValue.objects.get()
    assert (kept.signed_data, kept.encoding_method, kept.signing_method, kept.public_key) == (
        "OCMF|{}|{}", "OCMF", "ECDSA-secp256r1-SHA256", "AAAA",
    )  # fmt: skip
    assert (kept.session, kept.seq_no) == (Session.objects.get(), 0)
    assert Session.objects.get().meter_values.get().value == Decimal(1)


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800"])
def test_a_signed_value_that_no_column_can_keep_is_refused(text: str) -> None:
    with pytest.raises(PayloadRefused):
        mapping.transaction_event(signed(text))


def ended(*values: dict[str, Any]) -> Any:
    events = [
        event(0, "Started", AT, meter_values=[meter(AT, register_wh="1000")]),
        event(1, "Updated", AT, meter_values=[meter(AT, register_wh="9000")]),
        event(2, "Ended", END, meter_values=list(values)),
    ]
    return fold(mapping.transaction_event(payload) for payload in events)


def test_the_history_in_an_end_is_no_meter_that_falls() -> None:
    state = ended(
        meter(AT, register_wh="1000"),
        meter("2026-03-10T12:30:00Z", register_wh="5000"),
        meter(END, register_wh="10000"),
    )

    assert not state.meter_went_backwards
    assert state.energy_kwh == Decimal(9)


def test_a_last_value_below_those_before_is_a_meter_that_falls() -> None:
    assert ended(meter(END, register_wh="8999")).meter_went_backwards
    # Whole Wh beside fractions of them.
    assert not ended(meter(END, register_wh="8999.5")).meter_went_backwards
