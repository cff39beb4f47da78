"""What stands in a CDR: periods, prices, place, payer, month and what the meter signed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing.choices import AccountKind
from apps.billing.models import (
    AccountToken,
    BillingAccount,
    BillingException,
    Cdr,
    MonthClosing,
    TariffVersion,
)
from apps.billing.services import cdr_issue, cdr_issue_when_complete
from apps.billing.services.reconciliation_prices import price_again
from apps.chargers.models import ChargingStation, IdToken, TokenGroup
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_dumps
from cariflex.common.time import utc_now
from tests.billing.cdrs.scene import at, component, hour_session, sampled, tariff_of, told
from tests.billing.conftest import session_make
from tests.chargers.events import event, meter

QUERIES = 18
"""A CDR of a simple session: locks, tariff, payer, meter, place, month, insert, ad hoc."""


def repriced(cdr: Cdr) -> tuple[Decimal, Decimal]:
    """What a stored CDR costs by its own periods and its sealed tariff."""
    price = price_again(
        tariff_content=exact_dumps(cdr.tariff_content),
        charging_periods=exact_dumps(cdr.charging_periods),
        ended_at=f"{cdr.ended_at:%Y-%m-%dT%H:%M:%SZ}",
        time_zone=cdr.time_zone,
    )
    return price.excl_vat, price.incl_vat


def test_periods_are_cut_where_the_local_price_changes(station: ChargingStation) -> None:
    # 0.20 before nine in the morning of Guadeloupe (13:00 UTC), 0.40 from then on.
    tariff_of("MORNING", [
        {"price_components": [component("ENERGY", "0.20")],
         "restrictions": {"start_time": "06:00", "end_time": "09:00"}},
        {"price_components": [component("ENERGY", "0.40")]},
    ])  # fmt: skip
    session = told(station, [
        event(0, "Started", at(12, 30), id_token="04A2B3C4", evse_id=1,
              meter_values=[meter(at(12, 30), register_wh="1000")]),
        event(1, "Ended", at(13, 30), meter_values=[meter(at(13, 30), register_wh="11000")]),
    ])  # fmt: skip

    cdr = Cdr.objects.get(pk=cdr_issue(session_id=session.pk).pk)

    assert [period["start_date_time"] for period in cdr.charging_periods] == [
        at(12, 30), at(13, 0),
    ]  # fmt: skip
    energies = [period["dimensions"][0] for period in cdr.charging_periods]
    assert [(one["type"], Decimal(one["volume"])) for one in energies] == [
        ("ENERGY", 5), ("ENERGY", 5),
    ]  # fmt: skip
    # 5 kWh x 0.20 + 5 kWh x 0.40 = 3.00; x 1.085 = 3.255
    assert (cdr.total_excl_vat, cdr.total_incl_vat) == (Decimal("3.0000"), Decimal("3.2550"))
    assert (cdr.time_zone, cdr.total_time_h) == ("America/Guadeloupe", 1)
    assert (cdr.price_per_kwh_excl_vat, cdr.vat_percent) == (None, Decimal("8.50"))
    assert [line["price"] for line in cdr.rating["lines"]] == ["0.2", "0.4"]
    assert repriced(cdr) == (cdr.total_excl_vat, cdr.total_incl_vat)


def test_parking_is_when_the_car_asks_for_no_power(station: ChargingStation) -> None:
    tariff_of("TIME", [
        {"price_components": [component("TIME", "2.00"), component("PARKING_TIME", "6.00")]},
    ])  # fmt: skip
    session = told(station, [
        event(0, "Started", at(12), id_token="04A2B3C4", evse_id=1, chargingState="EVConnected",
              meter_values=[meter(at(12), register_wh="0")]),
        event(1, "Updated", at(12, 10), chargingState="Charging"),
        event(2, "Updated", at(12, 20), chargingState="SuspendedEVSE"),
        event(3, "Updated", at(12, 30), chargingState="Charging"),
        event(4, "Updated", at(12, 45), chargingState="SuspendedEV",
              meter_values=[meter(at(12, 45), register_wh="6000")]),
        event(5, "Ended", at(13), meter_values=[meter(at(13), register_wh="6000")]),
    ])  # fmt: skip

    cdr = cdr_issue(session_id=session.pk)

    # 45 minutes in which the car waited, charged or was held back by us; 15 parked.
    assert (cdr.total_time_h, cdr.parking_time_h) == (1, Decimal("0.25"))
    # 0.75 h x 2 + 0.25 h x 6 = 3.00
    assert cdr.total_excl_vat == Decimal("3.0000")
    assert repriced(cdr) == (cdr.total_excl_vat, cdr.total_incl_vat)


@pytest.mark.usefixtures("tariff")
def test_what_the_car_gave_back_stands_apart(station: ChargingStation) -> None:
    export = "Energy.Active.Export.Register"
    session = told(station, [
        event(0, "Started", at(12), id_token="04A2B3C4", evse_id=1, meter_values=[
            meter(at(12), register_wh="1000"),
            {"timestamp": at(12), "sampledValue": [sampled(export, "500", "Wh")]},
        ]),
        event(1, "Ended", at(13), meter_values=[
            meter(at(13), register_wh="9000"),
            {"timestamp": at(13), "sampledValue": [sampled(export, "3750", "Wh")]},
        ]),
    ])  # fmt: skip

    cdr = cdr_issue(session_id=session.pk)

    assert (cdr.charged_kwh, cdr.discharged_kwh, cdr.energy_kwh) == (8, Decimal("3.25"), 8)
    # 8 kWh x 0.3012: nothing is taken off for what went back.
    assert cdr.total_excl_vat == Decimal("2.4096")


@pytest.mark.usefixtures("tariff")
def test_signed_values_are_kept_in_the_cdr(station: ChargingStation) -> None:
    signed = {
        "signedMeterData": "T0NNRnx7fXw=", "signingMethod": "ECDSA", "encodingMethod": "OCMF",
        "publicKey": "MFkw",
    }  # fmt: skip
    value = {**sampled("Energy.Active.Import.Register", "9000", "Wh"), "signedMeterValue": signed,
             "context": "Transaction.End"}  # fmt: skip
    session = told(station, [
        event(0, "Started", at(12), id_token="04A2B3C4", evse_id=1,
              meter_values=[meter(at(12), register_wh="0")]),
        event(1, "Ended", at(13), meter_values=[{"timestamp": at(13), "sampledValue": [value]}]),
    ])  # fmt: skip

    cdr = cdr_issue(session_id=session.pk)

    assert cdr.signed_data == [{
        "at": at(13), "context": "Transaction.End", "encoding_method": "OCMF",
        "signing_method": "ECDSA", "public_key": "MFkw", "signed_data": "T0NNRnx7fXw=",
    }]  # fmt: skip


@pytest.mark.usefixtures("tariff")
def test_the_tariff_is_sealed(station: ChargingStation, tariff: TariffVersion) -> None:
    cdr = Cdr.objects.get(pk=cdr_issue(session_id=session_make(station, "tx-1").pk).pk)

    assert cdr.tariff_content == tariff.content
    assert cdr.tariff_version == tariff
    assert repriced(cdr) == (cdr.total_excl_vat, cdr.total_incl_vat)


@pytest.mark.usefixtures("tariff")
@pytest.mark.parametrize("way", ["token", "group", "nobody"])
def test_who_pays(station: ChargingStation, way: str) -> None:
    own = BillingAccount.objects.create(code="own", name="Own", kind=AccountKind.PERSON)
    fleet = BillingAccount.objects.create(code="fleet", name="Fleet", kind=AccountKind.COMPANY)
    group = TokenGroup.objects.create(group_id="fleet")
    fleet.token_groups.add(group)
    if way != "nobody":
        token = IdToken.objects.create(id_token="04a2b3c4", group=group)
        if way == "token":
            AccountToken.objects.create(account=own, id_token=token)

    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)

    assert cdr.account == {"token": own, "group": fleet, "nobody": None}[way]


@pytest.mark.usefixtures("tariff")
def test_a_cdr_is_booked_in_the_first_open_month(station: ChargingStation) -> None:
    MonthClosing.objects.create(month=date(2026, 3, 1), closed_at=utc_now())

    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)

    assert cdr.billing_month == date(2026, 4, 1)


@pytest.mark.usefixtures("tariff")
def test_the_month_is_that_of_the_local_end(station: ChargingStation) -> None:
    # 02:30 UTC on the first of April is the evening of 31 March on the island.
    session = told(station, [
        event(0, "Started", "2026-04-01T01:00:00Z", id_token="04A2B3C4", evse_id=1,
              meter_values=[meter("2026-04-01T01:00:00Z", register_wh="0")]),
        event(1, "Ended", "2026-04-01T02:30:00Z",
              meter_values=[meter("2026-04-01T02:30:00Z", register_wh="5000")]),
    ], now=datetime(2026, 4, 1, 3, tzinfo=UTC))  # fmt: skip

    assert cdr_issue(session_id=session.pk).billing_month == date(2026, 3, 1)


def test_a_tariff_that_cannot_be_applied_waits_for_a_person(station: ChargingStation) -> None:
    version = tariff_of("BROKEN", [{"price_components": [component("ENERGY", "0.20")]}])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_tariffversion DISABLE TRIGGER USER")
    TariffVersion.objects.filter(pk=version.pk).update(content={"id": "BROKEN"})
    session = session_make(station, "tx-1")

    assert cdr_issue_when_complete(session_id=session.pk, now=utc_now()) is None

    exception = BillingException.objects.get()
    assert (exception.kind, exception.session, exception.is_blocking) == (
        "not_priced", session, True,
    )  # fmt: skip
    with pytest.raises(DomainError) as refused:
        cdr_issue(session_id=session.pk)
    assert refused.value.code == "billing.not_priced"


@pytest.mark.usefixtures("tariff")
def test_issuing_asks_few_questions_however_long_the_session(station: ChargingStation) -> None:
    short = hour_session(station, "short")
    long = told(station, [
        event(0, "Started", at(14), transaction_id="long", id_token="04A2B3C4", evse_id=1,
              meter_values=[meter(at(14), register_wh="0")]),
        *[event(n, "Updated", at(14, n), transaction_id="long",
                meter_values=[meter(at(14, n), register_wh=str(100 * n))]) for n in range(1, 60)],
        event(60, "Ended", at(15), transaction_id="long",
              meter_values=[meter(at(15), register_wh="6000")]),
    ])  # fmt: skip

    counts: list[int] = []
    for session in (short, long):
        with CaptureQueriesContext(connection) as queries:
            cdr_issue(session_id=session.pk)
        # Each statement of an operator is preceded by the path of its schema.
        asked = [sql for query in queries if not (sql := query["sql"]).startswith("SET ")]
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert counts[0] <= QUERIES, "\n".join(sql[:200] for sql in asked)
