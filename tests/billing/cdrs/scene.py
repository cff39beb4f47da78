"""Sessions of any shape, and tariffs that price time, for tests of CDRs."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from apps.accounts.models import User
from apps.accounts.services import user_ensure
from apps.billing.models import TariffVersion
from apps.billing.services.tariffs import tariff_assign, tariff_create, tariff_version_issue
from apps.chargers.models import ChargingStation, Session
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import session_event_apply
from tests.chargers.events import Number, dumps, event, meter

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)


def told(
    station: ChargingStation, payloads: list[dict[str, Any]], *, now: datetime = NOW
) -> Session:
    """The session of TransactionEvents, as a station sends them."""
    for payload in payloads:
        text = dumps(payload)
        session = session_event_apply(
            station_pk=station.pk,
            event=mapping.transaction_event(mapping.loads(text)),
            payload_text=text,
            now=now,
        )
    return session


def at(hour: int, minute: int = 0) -> str:
    """A time on 10 March 2026, UTC: eight in the morning in Guadeloupe is 12."""
    return f"2026-03-10T{hour:02d}:{minute:02d}:00Z"


def hour_session(
    station: ChargingStation,
    transaction_id: str,
    *,
    start: int = 12,
    energy_wh: str = "10000",
    id_token: str = "04A2B3C4",
) -> Session:
    """One hour from a full hour on, charged evenly."""
    half = str(Decimal(energy_wh) / 2)
    return told(station, [
        event(0, "Started", at(start), transaction_id=transaction_id, id_token=id_token, evse_id=1,
              meter_values=[meter(at(start), register_wh="0")]),
        event(1, "Updated", at(start, 30), transaction_id=transaction_id,
              meter_values=[meter(at(start, 30), register_wh=half)]),
        event(2, "Ended", at(start + 1), transaction_id=transaction_id,
              meter_values=[meter(at(start + 1), register_wh=energy_wh)]),
    ])  # fmt: skip


def sampled(measurand: str, value: str, unit: str, **more: str) -> dict[str, Any]:
    """One sampled value of any measurand."""
    return {
        "value": Number(value), "measurand": measurand, "unitOfMeasure": {"unit": unit}, **more,
    }  # fmt: skip


def tariff_of(code: str, elements: list[dict[str, Any]], **more: Any) -> TariffVersion:
    """An issued tariff for the whole operator since 2020."""
    content = {"id": code, "currency": "EUR", "elements": elements, **more}
    draft = tariff_create(code=code, name=code, now=SINCE, content=content)
    version = tariff_version_issue(version_id=draft.pk, now=SINCE, valid_from=SINCE)
    tariff_assign(tariff_id=version.tariff_id, scope="operator", now=SINCE, valid_from=SINCE)
    return version


def component(kind: str, price: str, vat: str = "8.5", step_size: int = 1) -> dict[str, Any]:
    """A price component."""
    return {"type": kind, "price": Decimal(price), "vat": Decimal(vat), "step_size": step_size}


def clerk() -> User:
    """Somebody who decides."""
    return user_ensure(username="colette", password="x", is_superuser=True)
