"""Tariffs as people write them, a place to charge, and a market."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.assets.models import Site
from apps.billing.models import TariffVersion
from apps.billing.services.tariffs import tariff_create, tariff_version_issue
from apps.chargers.models import ChargingStation
from apps.chargers.services import station_register
from apps.markets.models import Series, SeriesValue
from apps.tenants.models import Operator

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
"""Tuesday, 08:00 in Guadeloupe."""


def element(price: str, *, kind: str = "ENERGY", vat: str = "8.5", **when: Any) -> dict[str, Any]:
    """A tariff element of one price, with its restrictions."""
    component = {"type": kind, "price": Decimal(price), "vat": Decimal(vat), "step_size": 1}
    made: dict[str, Any] = {"price_components": [component]}
    return made | ({"restrictions": when} if when else {})


def content(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An OCPI tariff object."""
    return {"id": "X", "currency": "EUR", "elements": list(elements), **more}


def tariff_make(
    code: str, *elements: dict[str, Any], since: datetime = NOW - timedelta(days=30), **more: Any
) -> TariffVersion:
    """An issued version of a new tariff."""
    made = tariff_create(
        code=code, name=code.title(), content=content(*elements), now=since, **more
    )
    return tariff_version_issue(version_id=made.pk, now=since)


@pytest.fixture
def station(operator_a: Operator) -> ChargingStation:
    """CS-001 of the site Marina, 22 kW, two EVSEs with a connector each."""
    made = station_register(
        station_id="CS-001", name="Marina", rated_power_kw=22.0, evses=2, connector_type="cType2"
    )
    made.site = Site.objects.create(code="marina", name="Marina", time_zone="America/Guadeloupe")
    made.save()
    return made


@pytest.fixture
def series(operator_a: Operator) -> Series:
    return Series.objects.create(area="10YFR-RTE------C")


@pytest.fixture
def publish(series: Series) -> Callable[..., None]:
    """`publish(start, "100", "200")`: market prices (EUR/MWh) of quarter hours that follow."""

    def published(start: datetime, *prices: str, at: datetime = NOW) -> None:
        SeriesValue.objects.bulk_create(
            SeriesValue(
                series=series, start=start + nth * timedelta(minutes=15), value=Decimal(price),
                published_at=at,
            )
            for nth, price in enumerate(prices)
        )  # fmt: skip

    return published
