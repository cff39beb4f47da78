"""A stay without a contract: offered, paid, started, stopped, settled, or released."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.billing.services import cdr_issue, tariff_register
from apps.chargers.choices import AdHocEnd, AdHocState, CommandStatus, PaymentState
from apps.chargers.models import (
    AdHocCharge,
    ChargingStation,
    Command,
    Connector,
    IdToken,
    Session,
    TestPayment,
)
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import PaymentAsked, PaymentOpened, TokenQuestion
from apps.chargers.selectors.ad_hoc import evse_offer, key_hash
from apps.chargers.services import (
    command_claim,
    command_finish,
    connection_open,
    token_authorize,
)
from apps.chargers.services.ad_hoc import (
    ad_hoc_confirm,
    ad_hoc_open,
    ad_hoc_refund,
    ad_hoc_settings_save,
    ad_hoc_stop,
    ad_hoc_watch,
)
from apps.chargers.services.ad_hoc.charges import Opened
from apps.chargers.services.ad_hoc.payments import DESTINATION
from apps.chargers.services.ad_hoc.rehearsal import TestProvider, payment_rehearse
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_deliver_due
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError, ExternalError
from tests.chargers.events import event, meter
from tests.chargers.test_sessions import apply

NOW = datetime(2026, 3, 10, 11, 59, tzinfo=UTC)
START, LATER, END = "2026-03-10T12:00:00Z", "2026-03-10T12:30:00Z", "2026-03-10T13:00:00Z"


def offer_make(amount: str = "30.00") -> None:
    """0.35 EUR/kWh and 8.5 % VAT, paid at the test provider."""
    tariff_register(
        name="Standard",
        price_per_kwh_excl_vat=Decimal("0.35"),
        vat_percent=Decimal("8.5"),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )
    ad_hoc_settings_save(provider="test", authorised_amount=Decimal(amount))


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    connection_open(station_pk=station.pk, channel="x", now=NOW, version=OcppVersion.V201)
    offer_make()
    return station


def opened(now: datetime = NOW) -> Opened:
    return ad_hoc_open(
        station_id="CS-001", evse_id=1, language="en", return_url=lambda key: f"/r/{key}", now=now
    )


def pay(stay: Opened, *, is_paid: bool = True) -> AdHocCharge:
    payment_rehearse(reference=stay.charge.provider_reference, is_paid=is_paid)
    return ad_hoc_confirm(charge_id=stay.charge.pk, now=NOW)


def answer(command: Command | None, status: str = "Accepted") -> None:
    assert command is not None
    command_claim(command_id=command.pk, station_pk=command.station_id, now=NOW)
    accepted = status == "Accepted"
    command_finish(
        command_id=command.pk,
        status=CommandStatus.ACCEPTED if accepted else CommandStatus.REJECTED,
        answer={"status": status},
        now=NOW,
    )


def drive(station: ChargingStation, charge: AdHocCharge, *, wh: str, ended: bool = True) -> Session:
    """The session that the station began for the stay; its register went from 0 to `wh`."""
    told: list[dict[str, Any]] = [
        event(
            0, "Started", START, trigger="RemoteStart", id_token=charge.id_token, evse_id=1,
            remoteStartId=charge.command_id, meter_values=[meter(START, register_wh="0")],
        ),
        event(
            1, "Updated", LATER, chargingState="Charging",
            meter_values=[meter(LATER, register_wh=wh, power_w="11000")],
        ),
    ]  # fmt: skip
    if ended:
        told.append(event(2, "Ended", END, trigger="RemoteStop"))
    for payload in told:
        session = apply(station, payload)
    return session


def delivered() -> list[tuple[str, str]]:
    """Everything that waits goes to the provider: what, and how much."""
    outbox_deliver_due(destination_name=DESTINATION)
    messages = OutboxMessage.objects.filter(destination=DESTINATION, state="delivered")
    return [(one.kind, one.payload["amount"]) for one in messages.order_by("pk")]


def test_a_stay_from_the_price_to_the_money(online: ChargingStation) -> None:
    offer = evse_offer(station_id="CS-001", evse_id=1, now=NOW)
    assert offer is not None
    assert offer.price is not None
    assert offer.price.per_kwh_incl_vat == Decimal("0.37975")  # 0.35 x 1.085
    assert (offer.state, offer.can_pay, offer.is_test) == ("free", True, True)

    stay = opened()
    assert Command.objects.count() == 0, "nothing starts before the payment"
    assert stay.charge.key_hash == key_hash(stay.key) != stay.key
    charge = pay(stay)
    command = charge.command
    assert command is not None
    assert command.action == "RequestStartTransaction"
    assert command.payload["evseId"] == 1
    assert command.payload["idToken"] == {"idToken": charge.id_token, "type": "Central"}
    assert not IdToken.objects.get(id_token=charge.id_token).is_in_local_lists
    question = TokenQuestion(charge.id_token, "Central", "CS-001", NOW)
    assert token_authorize(question).status == "Accepted"
    answer(command)
    session = drive(online, charge, wh="9000.55", ended=False)
    ad_hoc_watch(now=NOW)
    charge.refresh_from_db()
    assert (charge.state, charge.session_id) == (AdHocState.CHARGING, session.pk)
    assert offer_state() == "busy"

    stop = ad_hoc_stop(charge_id=charge.pk, now=NOW)
    assert stop is not None
    assert (stop.action, stop.payload) == ("RequestStopTransaction", {"transactionId": "tx-1"})
    drive(online, charge, wh="9000.55")
    cdr = cdr_issue(session_id=session.pk)
    assert cdr_issue(session_id=session.pk).pk == cdr.pk

    # 9.001 kWh (steps of 1 Wh) x 0.35 x 1.085 = 3.41813: 3.4181 on the CDR, 3.42 from the card
    assert delivered() == [("capture", "3.42")]
    charge.refresh_from_db()
    assert (charge.state, charge.captured_amount) == (AdHocState.PAID, Decimal("3.42"))
    assert charge.cdr_reference == cdr.reference
    assert token_authorize(question).status == "Unknown", "the token was good for this stay only"
    assert TestPayment.objects.get().captured_amount == Decimal("3.42")

    ad_hoc_refund(charge_id=charge.pk)
    with pytest.raises(DomainError):
        ad_hoc_refund(charge_id=charge.pk)
    assert delivered()[1:] == [("refund", "3.42")]
    charge.refresh_from_db()
    assert charge.state == AdHocState.REFUNDED
    assert TestPayment.objects.get().state == PaymentState.REFUNDED


def offer_state() -> str:
    offer = evse_offer(station_id="CS-001", evse_id=1, now=NOW)
    assert offer is not None
    return offer.state


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (AdHocEnd.REFUSED, PaymentState.REFUSED),
        (AdHocEnd.EXPIRED, PaymentState.VOIDED),
        (AdHocEnd.STATION, PaymentState.VOIDED),
        (AdHocEnd.NO_CAR, PaymentState.VOIDED),
        (AdHocEnd.CANCELLED, PaymentState.VOIDED),
        (AdHocEnd.NO_ENERGY, PaymentState.VOIDED),
        (AdHocEnd.BUSY, PaymentState.VOIDED),
    ],
)
def test_what_does_not_charge_is_released(
    online: ChargingStation, end: AdHocEnd, state: PaymentState
) -> None:
    stay = opened()
    if end == AdHocEnd.BUSY:
        other = opened()
        pay(other)
        pay(stay)
    elif end == AdHocEnd.EXPIRED:
        ad_hoc_watch(now=NOW + timedelta(minutes=14))
        ad_hoc_watch(now=NOW + timedelta(minutes=15))
    else:
        charge = pay(stay, is_paid=end != AdHocEnd.REFUSED)
        if end == AdHocEnd.STATION:
            answer(charge.command, "Rejected")
        elif end == AdHocEnd.NO_CAR:
            answer(charge.command)
            ad_hoc_watch(now=NOW + timedelta(minutes=9, seconds=59))
            assert AdHocCharge.objects.get(pk=charge.pk).state == AdHocState.STARTING
            ad_hoc_watch(now=NOW + timedelta(minutes=10))
        elif end == AdHocEnd.CANCELLED:
            assert ad_hoc_stop(charge_id=charge.pk, now=NOW) is None
        elif end == AdHocEnd.NO_ENERGY:
            answer(charge.command)
            cdr_issue(session_id=drive(online, charge, wh="0").pk)

    charge = AdHocCharge.objects.get(pk=stay.charge.pk)
    assert (charge.state, charge.end_reason) == (AdHocState.RELEASED, end)
    assert charge.captured_amount == 0
    assert not IdToken.objects.filter(id_token=charge.id_token).exists()
    assert delivered() == [("void", "0")]
    assert TestPayment.objects.get(reference=charge.provider_reference).state == state


def test_no_more_than_was_authorised_is_taken_and_the_station_is_stopped_before(
    online: ChargingStation,
) -> None:
    ad_hoc_settings_save(provider="test", authorised_amount=Decimal("2.00"))
    charge = pay(opened())
    answer(charge.command)
    # 5 kWh are 1.90 EUR; 11 kW for 30 s more are 0.03 EUR.
    drive(online, charge, wh="5000", ended=False)
    for _ in range(2):
        ad_hoc_watch(now=NOW)
    assert Command.objects.filter(action="RequestStopTransaction").count() == 0
    # 5.2 kWh are 1.97 EUR.
    apply(online, event(2, "Updated", END, meter_values=[meter(END, register_wh="5200")]))
    for seconds in (0, 59, 60):
        ad_hoc_watch(now=NOW + timedelta(seconds=seconds))
    assert Command.objects.filter(action="RequestStopTransaction").count() == 2

    apply(
        online,
        event(3, "Ended", END, meter_values=[meter(END, register_wh="9000")], trigger="RemoteStop"),
    )
    cdr = cdr_issue(session_id=Session.objects.get().pk)

    assert cdr.total_incl_vat == Decimal("3.4178"), "9.000 kWh x 0.35 x 1.085, 4 decimals"
    assert delivered() == [("capture", "2.00")]
    assert AdHocCharge.objects.get().captured_amount == Decimal("2.00")


def test_a_tariff_that_rises_after_the_telling_makes_nothing_dearer(
    online: ChargingStation,
) -> None:
    charge = pay(opened())
    answer(charge.command)
    tariff_register(
        name="Dear",
        price_per_kwh_excl_vat=Decimal("1"),
        vat_percent=Decimal("8.5"),
        valid_from=NOW + timedelta(seconds=30),
    )

    cdr = cdr_issue(session_id=drive(online, charge, wh="9000.55").pk)

    assert cdr.total_incl_vat == Decimal("9.7661"), "9.001 kWh (steps of 1 Wh) x 1.085"
    assert delivered() == [("capture", "3.42")]


def test_a_session_that_begins_after_the_release_is_stopped_and_not_paid(
    online: ChargingStation,
) -> None:
    charge = pay(opened())
    answer(charge.command)
    ad_hoc_stop(charge_id=charge.pk, now=NOW)

    session = drive(online, charge, wh="100", ended=False)
    for _ in range(2):
        ad_hoc_watch(now=NOW)

    stop = Command.objects.get(action="RequestStopTransaction")
    assert stop.reason == "Started after its payment was released"
    drive(online, charge, wh="100")
    cdr_issue(session_id=session.pk)
    assert delivered() == [("void", "0")]
    charge.refresh_from_db()
    assert (charge.state, charge.session_id) == (AdHocState.RELEASED, session.pk)


def test_who_does_not_come_back_from_the_payment_charges_all_the_same(
    online: ChargingStation,
) -> None:
    stay = opened()
    payment_rehearse(reference=stay.charge.provider_reference, is_paid=True)

    ad_hoc_watch(now=NOW + timedelta(seconds=31))

    stay.charge.refresh_from_db()
    assert stay.charge.state == AdHocState.STARTING


def test_nothing_is_opened_where_one_cannot_charge(online: ChargingStation) -> None:
    def code() -> str:
        with pytest.raises(DomainError) as refused:
            opened()
        return refused.value.code

    for status in ("Faulted", "Unavailable", "Reserved"):
        Connector.objects.update(status=status)
        assert code() == "ad_hoc.evse_not_free"
    Connector.objects.update(status="Available")
    ChargingStation.objects.update(connection_state="offline")
    assert code() == "ad_hoc.evse_not_free"
    ChargingStation.objects.update(connection_state="online")
    for _ in range(5):
        opened()
    assert code() == "ad_hoc.too_many"
    assert opened(now=NOW + timedelta(minutes=15)).charge.state == AdHocState.PAYING
    ad_hoc_settings_save(provider="", authorised_amount=Decimal("30"))
    assert code() == "ad_hoc.off"
    with pytest.raises(DomainError):
        ad_hoc_settings_save(provider="nobody", authorised_amount=Decimal("30"))


def test_a_provider_that_is_away_releases_the_stay(
    online: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_self: TestProvider, _asked: PaymentAsked) -> PaymentOpened:
        raise ExternalError("payments", "away", retryable=True)

    monkeypatch.setattr(TestProvider, "open", away)

    with pytest.raises(ExternalError):
        opened()

    charge = AdHocCharge.objects.get()
    assert (charge.state, charge.end_reason) == (AdHocState.RELEASED, AdHocEnd.PROVIDER)
    assert not OutboxMessage.objects.exists()


def test_a_capture_that_comes_twice_takes_once(online: ChargingStation) -> None:
    charge = pay(opened())
    answer(charge.command)
    cdr_issue(session_id=drive(online, charge, wh="9000.55").pk)
    delivered()

    OutboxMessage.objects.update(state="waiting", locked_until=None)
    assert delivered() == [("capture", "3.42")]
    assert TestPayment.objects.get().captured_amount == Decimal("3.42")


def test_stays_of_two_operators_live_apart(online: ChargingStation, operator_b: Operator) -> None:
    stay = opened()

    with operator_context("martinique"):
        assert evse_offer(station_id="CS-001", evse_id=1, now=NOW) is None
        assert not AdHocCharge.objects.filter(key_hash=stay.charge.key_hash).exists()
        with pytest.raises(ExternalError):
            TestProvider().state(stay.charge.provider_reference)
