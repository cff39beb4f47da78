"""A partner's customer charges at our station: whose session it is, and who pays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from apps.billing.models import BillingAccount, TariffVersion
from apps.billing.pricing import TariffPricing
from apps.billing.services import cdr_issue
from apps.billing.services.tariffs import tariff_assign, tariff_create, tariff_version_issue
from apps.chargers.models import ChargingStation, Command, Session
from apps.chargers.ports import PriceAsked
from apps.chargers.services import token_register
from apps.ocpi.models import Partner, PartnerToken, RemoteCommand, RoamingSession, TokenAsk
from apps.ocpi.services.roaming_sessions import (
    roaming_session_begin,
    roaming_session_find,
    roaming_sessions_sweep,
)
from apps.tenants.models import Operator
from tests.billing.cdrs.scene import SINCE, component, hour_session, tariff_of
from tests.billing.conftest import station_make
from tests.ocpi.incoming.objects import token

UID = "ABCD1234"
START = datetime(2026, 3, 10, 12, tzinfo=UTC)
CDR_TOKEN = {
    "country_code": "FR", "party_id": "ABC", "uid": UID, "type": "RFID",
    "contract_id": "FR-ABC-C12345678",
}  # fmt: skip


@pytest.fixture
def station(operator_a: Operator) -> ChargingStation:
    return station_make()


@pytest.fixture
def tariff(operator_a: Operator) -> TariffVersion:
    elements = [{"price_components": [component("ENERGY", "0.30")]}]
    return tariff_of("all", elements)


@pytest.fixture
def partner(operator_a: Operator) -> Partner:
    account = BillingAccount.objects.create(
        code="abc", name="ABC", kind="emsp", party_country_code="FR", party_id="ABC"
    )
    return Partner.objects.create(
        code="abc", name="ABC", state="registered", role="EMSP", version="2.2.1", account=account
    )


@pytest.fixture
def known(partner: Partner) -> PartnerToken:
    return PartnerToken.objects.create(
        partner=partner, country_code="FR", party_id="ABC", object_id=UID, content=token(UID),
        type="RFID", contract_id="FR-ABC-C12345678", whitelist="ALLOWED", last_updated=START,
        received_at=START,
    )  # fmt: skip


def charged(station: ChargingStation, id_token: str = UID) -> Session:
    return hour_session(station, "tx-1", id_token=id_token)


def ask(partner: Partner, **fields: Any) -> TokenAsk:
    return TokenAsk.objects.create(
        **{
            "direction": "out", "partner": partner, "at": START - timedelta(minutes=1),
            "uid": UID, "type": "RFID", "location_id": "CS-001", "outcome": "answered",
            "allowed": "ALLOWED", "authorization_reference": "REF1", **fields,
        }
    )  # fmt: skip


def test_whitelisted_token_makes_a_roaming_session(
    station: ChargingStation, known: PartnerToken
) -> None:
    session = charged(station, "abcd1234")

    first, again = roaming_session_find(session.pk), roaming_session_find(session.pk)

    assert first is not None
    assert first == again
    assert (first.token, first.auth_method) == (CDR_TOKEN, "WHITELIST")
    assert RoamingSession.objects.count() == 1


def test_asked_token_brings_its_reference(station: ChargingStation, known: PartnerToken) -> None:
    ask(known.partner)
    ask(known.partner, authorization_reference="REF2", at=START + timedelta(minutes=30))
    ask(known.partner, authorization_reference="LATER", at=START + timedelta(hours=2))
    ask(known.partner, authorization_reference="NO", allowed="BLOCKED")
    ask(known.partner, authorization_reference="ELSEWHERE", location_id="CS-002")

    roaming = roaming_session_find(charged(station).pk)

    assert roaming is not None
    assert (roaming.auth_method, roaming.authorization_reference) == ("AUTH_REQUEST", "REF2")


def test_own_and_unknown_tokens_are_no_roaming(
    station: ChargingStation, known: PartnerToken
) -> None:
    token_register(id_token=UID.lower())

    assert roaming_session_find(charged(station).pk) is None
    assert roaming_session_find(hour_session(station, "tx-2", id_token="0000").pk) is None
    assert roaming_session_find(10**9) is None


def test_token_that_is_not_valid_needs_a_yes(station: ChargingStation, known: PartnerToken) -> None:
    PartnerToken.objects.update(is_valid=False)
    session = charged(station)

    assert roaming_session_find(session.pk) is None
    ask(known.partner)
    assert roaming_session_find(session.pk) is not None


def test_command_makes_a_roaming_session(station: ChargingStation, partner: Partner) -> None:
    session = charged(station)
    command = Command.objects.create(
        station=station, action="RequestStartTransaction", correlation_id=uuid4(),
        requested_at=START,
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(remote_start_id=command.pk)
    RemoteCommand.objects.create(
        direction="in", partner=partner, kind="START_SESSION", asked_at=START, command=command,
        request={"token": token(UID, type="APP_USER")}, authorization_reference="CMD1",
    )  # fmt: skip

    roaming = roaming_session_find(session.pk)

    assert roaming is not None
    assert (roaming.auth_method, roaming.authorization_reference) == ("COMMAND", "CMD1")
    assert roaming.token == {**CDR_TOKEN, "type": "APP_USER"}


def test_last_word_counts_and_no_reference_takes_none_away(
    station: ChargingStation, partner: Partner
) -> None:
    session = charged(station)
    roaming_session_begin(session.pk, partner, CDR_TOKEN, "AUTH_REQUEST", "REF1")

    roaming = roaming_session_begin(session.pk, partner, CDR_TOKEN, "COMMAND")

    assert (roaming.auth_method, roaming.authorization_reference) == ("COMMAND", "REF1")


def test_cdr_is_for_the_partner(
    station: ChargingStation, known: PartnerToken, tariff: TariffVersion
) -> None:
    ask(known.partner)

    cdr = cdr_issue(session_id=charged(station).pk)

    assert cdr.account == known.partner.account
    assert cdr.auth_method == "AUTH_REQUEST"
    assert RoamingSession.objects.get().session_id == cdr.session_id


def test_price_of_the_partner_holds(
    station: ChargingStation, known: PartnerToken, tariff: TariffVersion
) -> None:
    account = known.partner.account
    assert account is not None
    elements = [{"price_components": [component("ENERGY", "0.20")]}]
    content = {"id": "b2b", "currency": "EUR", "elements": elements}
    draft = tariff_create(code="b2b", name="b2b", now=SINCE, content=content)
    b2b = tariff_version_issue(version_id=draft.pk, now=SINCE, valid_from=SINCE)
    tariff_assign(
        tariff_id=b2b.tariff_id, scope="account", target_id=account.pk, now=SINCE,
        valid_from=SINCE,
    )  # fmt: skip

    assert cdr_issue(session_id=charged(station).pk).total_excl_vat == 2
    assert price_shown(station, UID.lower()) == Decimal("0.20")
    assert price_shown(station, "0000") == Decimal("0.30")
    PartnerToken.objects.update(is_valid=False)
    assert price_shown(station, UID) == Decimal("0.30")


def price_shown(station: ChargingStation, id_token: str) -> Decimal:
    """What the station is told of a kWh for who shows that token."""
    price = TariffPricing().price_at(START, PriceAsked(station.pk, id_token=id_token))
    assert price is not None
    return price.per_kwh_excl_vat


def test_cdr_of_an_own_token_is_for_nobody_else(
    station: ChargingStation, known: PartnerToken, tariff: TariffVersion
) -> None:
    cdr = cdr_issue(session_id=charged(station, "04A2B3C4").pk)

    assert (cdr.account, cdr.auth_method) == (None, "WHITELIST")


def test_sweep_finds_running_sessions(station: ChargingStation, known: PartnerToken) -> None:
    running = charged(station)
    Session.objects.filter(pk=running.pk).update(state="active", ended_at=None)
    running.refresh_from_db()

    assert roaming_sessions_sweep(now=running.updated_at) == [running.pk]
    assert roaming_sessions_sweep(now=running.updated_at) == []
