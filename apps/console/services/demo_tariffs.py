"""Tariffs of the demo beside the flat one: by the clock with a fee for parking, and by a market."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.billing.choices import AssignmentScope
from apps.billing.models import BillingAccount, Tariff
from apps.billing.services.tariffs import (
    FormulaGiven,
    tariff_assign,
    tariff_create,
    tariff_version_issue,
)
from apps.chargers.models import ChargingStation
from apps.markets.selectors import price_series
from cariflex.common.time import utc_now

VAT = Decimal("8.5")
FLEET = "flotte-alize"
"""The account of the demo whose cards follow the market."""
FLAT, DAY_AND_NIGHT, MARKET = "STANDARD", "DAY-NIGHT", "MARKET"


def demo_tariffs_seed(*, valid_from: datetime) -> None:
    """Make each tariff that is not there yet; what a person changed since stays.

    Day and night holds at the operator's last station, the market's prices for the cards of a
    fleet; who has no contract pays the flat price everywhere.
    """
    now = utc_now()
    flat = Tariff.objects.filter(code=FLAT).first()
    if flat is not None and not flat.assignments.filter(is_ad_hoc=True).exists():
        tariff_assign(
            tariff_id=flat.pk,
            scope=AssignmentScope.OPERATOR,
            is_ad_hoc=True,
            valid_from=valid_from,
            is_backdated=True,
            now=now,
        )
    if not Tariff.objects.filter(code=DAY_AND_NIGHT).exists():
        _day_and_night(valid_from, now)
    series = price_series()
    if series is not None and not Tariff.objects.filter(code=MARKET).exists():
        formula = FormulaGiven(
            series_id=series.pk,
            factor=Decimal("1.2"),
            adder_per_kwh=Decimal("0.12"),
            floor_per_kwh=Decimal("0.15"),
            cap_per_kwh=Decimal("0.45"),
        )
        elements = [{"price_components": [_component("ENERGY", "0.35")]}]
        fleet = BillingAccount.objects.filter(code=FLEET).first()
        _issued(
            MARKET,
            "Market",
            elements,
            now,
            now,
            None if fleet is None else (AssignmentScope.ACCOUNT, fleet.pk),
            formula,
        )


def _day_and_night(valid_from: datetime, now: datetime) -> None:
    elements: list[dict[str, Any]] = [
        {
            "price_components": [_component("ENERGY", "0.42")],
            "restrictions": {
                "start_time": "07:00",
                "end_time": "21:00",
                "day_of_week": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"],
            },
        },
        {"price_components": [_component("ENERGY", "0.28")]},
        {
            "price_components": [_component("PARKING_TIME", "3.00", step=60)],
            "restrictions": {"start_time": "08:00", "end_time": "20:00"},
        },
    ]
    station = ChargingStation.objects.order_by("station_id").last()
    where = None if station is None else (AssignmentScope.STATION, station.pk)
    _issued(DAY_AND_NIGHT, "Day and night", elements, valid_from, now, where, None)


def _issued(
    code: str,
    name: str,
    elements: list[dict[str, Any]],
    valid_from: datetime,
    now: datetime,
    where: tuple[AssignmentScope, int] | None,
    formula: FormulaGiven | None,
) -> None:
    content = {"id": code, "currency": "EUR", "elements": elements}
    draft = tariff_create(code=code, name=name, content=content, formula=formula, now=now)
    tariff_version_issue(version_id=draft.pk, valid_from=valid_from, now=now, is_backdated=True)
    if where is not None:
        tariff_assign(
            tariff_id=draft.tariff_id,
            scope=where[0],
            target_id=where[1],
            valid_from=valid_from,
            is_backdated=True,
            now=now,
        )


def _component(kind: str, price: str, *, step: int = 1) -> dict[str, Any]:
    return {"type": kind, "price": Decimal(price), "vat": VAT, "step_size": step}
