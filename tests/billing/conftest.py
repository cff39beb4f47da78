"""A tariff, and sessions that ended."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.billing.models import TariffVersion
from apps.billing.services import tariff_register
from apps.chargers.models import ChargingStation, Session
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import session_event_apply, station_register
from apps.tenants.models import Operator
from tests.chargers.events import dumps, event, meter

START, END = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"
NOW = datetime(2026, 3, 10, 13, 0, 1, tzinfo=UTC)
SessionMaker = Callable[..., Session]


def tariff_make() -> TariffVersion:
    """0.3012 EUR/kWh and 8.5 % VAT since 2020."""
    return tariff_register(
        name="Standard",
        price_per_kwh_excl_vat=Decimal("0.3012"),
        vat_percent=Decimal("8.5"),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )


def session_make(
    station: ChargingStation,
    transaction_id: str,
    *,
    energy_wh: str = "9000.55",
    id_token: str = "04A2B3C4",
    numbers: tuple[int, ...] = (0, 1),
    ended: bool = True,
) -> Session:
    """A session of an hour whose register went from 0 to `energy_wh`."""
    payloads = [
        event(
            numbers[0], "Started", START, transaction_id=transaction_id, id_token=id_token,
            evse_id=1, meter_values=[meter(START, register_wh="0")],
        ),
        event(
            numbers[-1], "Ended", END, transaction_id=transaction_id,
            meter_values=[meter(END, register_wh=energy_wh)],
        ),
    ]  # fmt: skip
    for payload in payloads[: 2 if ended else 1]:
        text = dumps(payload)
        session = session_event_apply(
            station_pk=station.pk,
            event=mapping.transaction_event(mapping.loads(text)),
            payload_text=text,
            now=NOW,
        )
    return session


def station_make() -> ChargingStation:
    """CS-001 on the marina."""
    return station_register(
        station_id="CS-001", name="Marina", commune="Le Gosier", rated_power_kw=22.0
    )


@pytest.fixture
def tariff(operator_a: Operator) -> TariffVersion:
    return tariff_make()


@pytest.fixture
def station(operator_a: Operator) -> ChargingStation:
    return station_make()
