"""Prices before and during a session: at a place, for a token, by the minute, by the clock."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.billing.models import TariffVersion
from apps.billing.pricing import TariffPricing
from apps.billing.services.tariffs import tariff_assign
from apps.chargers.models import ChargingStation, Evse, IdToken, MeterValue, Session, TokenGroup
from apps.chargers.ports import PriceAsked
from apps.chargers.selectors.ad_hoc import price_note, price_told
from apps.chargers.services import token_register
from apps.chargers.services.cost_display import price_text
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.money import Money
from tests.billing.tariffs.conftest import NOW, element, tariff_make

HOUR = timedelta(hours=1)
DAY = element("0.40", start_time="08:00", end_time="20:00")


def assigned(code: str, *elements: dict[str, Any], **where: Any) -> TariffVersion:
    version = tariff_make(code, *elements)
    where = {"scope": "operator", "valid_from": NOW - 24 * HOUR, "is_backdated": True} | where
    tariff_assign(tariff_id=version.tariff_id, now=NOW, **where)
    return version


def running(station: ChargingStation, *values: tuple[int, str]) -> Session:
    """A session since NOW whose register stood so (minutes, kWh) after its start."""
    first, last = Decimal(values[0][1]), Decimal(values[-1][1])
    session = Session.objects.create(
        station=station, evse=Evse.objects.get(station=station, evse_id=1), connector_id=1,
        transaction_id="tx-1", started_at=NOW, start_meter_kwh=first, meter_kwh=last,
        energy_kwh=last - first,
    )  # fmt: skip
    for number, (minutes, kwh) in enumerate(values):
        MeterValue.objects.create(
            station=station, session=session, seq_no=number, unit="kWh", value=Decimal(kwh),
            at=NOW + timedelta(minutes=minutes), measurand="Energy.Active.Import.Register",
        )  # fmt: skip
    return session


@pytest.fixture
def pricing(monkeypatch: pytest.MonkeyPatch) -> TariffPricing:
    """Two hours after NOW."""
    monkeypatch.setattr("apps.billing.pricing.utc_now", lambda: NOW + 2 * HOUR)
    return TariffPricing()


def test_the_price_by_kwh_minute_session_and_parking(station: ChargingStation) -> None:
    assigned(
        "ALL", DAY, element("0.20"), element("6", kind="TIME"), element("1.50", kind="FLAT"),
        element("3", kind="PARKING_TIME"),
    )  # fmt: skip

    told = TariffPricing().price_at(NOW, PriceAsked(station.pk))
    night = TariffPricing().price_at(NOW - 2 * HOUR, PriceAsked(station.pk))

    assert told is not None
    assert night is not None
    # 08:00 in Guadeloupe; with 8.5 % on top.
    assert (told.per_kwh_excl_vat, told.per_kwh_incl_vat) == (Decimal("0.40"), Decimal("0.4340"))
    assert night.per_kwh_excl_vat == Decimal("0.20")
    assert told.per_minute_incl_vat == Decimal("0.1085")
    assert told.parking_per_minute_incl_vat == Decimal("0.05425")
    assert told.per_session_incl_vat == Decimal("1.6275")
    assert (told.vat_percent, told.is_variable) == (Decimal("8.5"), True)
    assert price_text(told, "en") == (
        "0.4340 EUR/kWh + 0.1085 EUR/min + 1.6275 EUR per session + 0.0543 EUR/min parked incl. VAT"
    )


def test_the_price_hangs_on_place_token_and_power(station: ChargingStation) -> None:
    assigned("WHOLE", element("0.50", min_power=22), element("0.30"))
    assigned("GUEST", element("0.70"), is_ad_hoc=True)
    group = TokenGroup.objects.create(group_id="STAFF")
    IdToken.objects.filter(pk=token_register(id_token="CARD-1").pk).update(group=group)
    assigned("STAFF", element("0.10"), scope="token_group", target_id=group.pk)

    def price(asked: PriceAsked | None) -> Decimal | None:
        told = TariffPricing().price_at(NOW, asked)
        return told and told.per_kwh_excl_vat

    assert price(PriceAsked(station.pk, id_token="card-1")) == Decimal("0.10")
    assert price(PriceAsked(station.pk, id_token="CARD-2")) == Decimal("0.50"), "22 kW here"
    assert price(PriceAsked(station.pk)) == Decimal("0.70")
    assert price(None) == Decimal("0.70")


def test_a_running_session_costs_what_its_cdr_would_say(
    station: ChargingStation, pricing: TariffPricing
) -> None:
    # 08:00 to 10:00 in Guadeloupe: an hour at 0.40, an hour at 0.20.
    assigned("CLOCK", element("0.40", start_time="08:00", end_time="09:00"), element("0.20"),
             element("1", kind="FLAT"))  # fmt: skip
    session = running(station, (0, "100"), (60, "110"), (120, "118"))

    costs = pricing.costs_of([session.pk])

    # (10 x 0.40 + 8 x 0.20 + 1) x 1.085 = 7.161
    assert costs == {session.pk: Money(Decimal("7.16"), "EUR")}


def test_time_is_counted_until_now(station: ChargingStation, pricing: TariffPricing) -> None:
    assigned("TIME", element("2", kind="TIME", vat="0"))
    session = running(station, (0, "100"), (60, "105"))

    assert pricing.costs_of([session.pk]) == {session.pk: Money(Decimal("4.00"), "EUR")}


def test_what_was_told_is_kept_whole_and_counts(
    station: ChargingStation, pricing: TariffPricing
) -> None:
    assigned("TOLD", element("0.30", vat="0"), element("2", kind="FLAT", vat="0"))
    told = pricing.price_at(NOW, PriceAsked(station.pk))
    assert told is not None
    evse = Evse.objects.get(station=station, evse_id=1)
    charge = evse.ad_hoc_charges.create(
        key_hash="x", id_token="AH01", currency="EUR", provider="test", created_at=NOW,
        price_per_kwh_excl_vat=told.per_kwh_excl_vat, vat_percent=0, authorised_amount=30,
        price_terms=price_note(told),
    )  # fmt: skip
    assigned("DEARER", element("9"), valid_from=NOW - HOUR)
    session = running(station, (0, "0"), (60, "10"))
    charge.refresh_from_db()

    again = price_told(charge)

    assert again == told
    assert pricing.cost_at(again, session.pk) == Money(Decimal("5.00"), "EUR")
    charge.price_terms = {}
    assert pricing.cost_at(price_told(charge), session.pk) == Money(Decimal("3.00"), "EUR")


def test_no_tariff_no_price(
    station: ChargingStation, pricing: TariffPricing, operator_b: Operator
) -> None:
    session = running(station, (0, "0"), (60, "10"))
    assert pricing.price_at(NOW, PriceAsked(station.pk)) is None
    assert pricing.costs_of([session.pk]) == {}
    assert pricing.costs_of([]) == {}
    assigned("HERE", element("1"))

    with operator_context("martinique"):
        assert pricing.price_at(datetime(2026, 3, 10, 13, tzinfo=UTC)) is None
        assert pricing.costs_of([session.pk]) == {}
