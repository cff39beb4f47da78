"""The pages of people without a contract: no log-in, a pace, and two operators apart."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.services import cdr_issue
from apps.chargers.choices import AdHocState
from apps.chargers.models import AdHocCharge, ChargingStation, Command, Connector
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import PaymentAsked, PaymentOpened
from apps.chargers.services import connection_open, station_register
from apps.chargers.services.ad_hoc import ad_hoc_settings_save
from apps.chargers.services.ad_hoc.rehearsal import TestProvider
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import ExternalError
from cariflex.common.time import utc_now
from tests.chargers.test_ad_hoc import answer, delivered, drive, offer_make

PAGE = "/charge/CS-001/1/"
HOSTS = {"guadeloupe": "guadeloupe.localhost", "martinique": "martinique.localhost"}


@pytest.fixture(autouse=True)
def _nobody_was_here(operator_a: Operator) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    now = utc_now()
    connection_open(station_pk=station.pk, channel="x", now=now, version=OcppVersion.V201)
    offer_make()
    return station


def person(schema: str = "guadeloupe", language: str = "en") -> Client:
    return Client(headers={"host": HOSTS[schema], "accept-language": language})


def words(content: bytes) -> str:
    text = re.sub(r"<[^>]+>", " ", content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def test_a_person_pays_charges_stops_and_gets_a_receipt(online: ChargingStation) -> None:
    visitor = person()
    Connector.objects.update(type="cType2")
    page = visitor.get(PAGE)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    shown = words(page.content)
    for told in (
        "Guadeloupe", "Marina", "0.3798 €/kWh", "per minute none", "per session none", "8.5 %",
        "Free", "Connector Type 2 ", "30.00 €", "no money moves", "Pay and start charging",
    ):  # fmt: skip
        assert told in shown, told

    to_payment = visitor.post(f"{PAGE}start").headers["Location"]
    assert "Test payment" in words(visitor.get(to_payment).content)
    back = visitor.post(to_payment, {"choice": "pay"}).headers["Location"]
    stay = visitor.get(back).headers["Location"]
    charge = AdHocCharge.objects.get()
    assert charge.state == AdHocState.STARTING
    assert "Plug in your car now" in words(visitor.get(stay).content)
    answer(charge.command)
    session = drive(online, charge, wh="9000.55", ended=False)
    part = visitor.get(stay, headers={"X-Fragment": "stay"})
    assert b"<html" not in part.content
    assert 'data-step="charging"' in part.content.decode()
    running = words(part.content)
    assert "3.42 € Cost so far, incl. VAT" in running
    assert "9.00 kWh" in running
    assert "11.0 kW" in running

    assert visitor.get(f"{stay}stop").status_code == 405
    assert visitor.post(f"{stay}stop").headers["Location"] == stay
    assert Command.objects.filter(action="RequestStopTransaction").count() == 1
    drive(online, charge, wh="9000.55")
    assert "final amount is being worked out" in words(visitor.get(stay).content)
    cdr = cdr_issue(session_id=session.pk)
    delivered()

    receipt = visitor.get(stay).content.decode()
    assert 'data-final="true"' in receipt
    shown = words(receipt.encode())
    for told in ("Receipt", "3.42 €", "Total excl. VAT 3.15 €", "0.27 €", cdr.reference, "Paid"):
        assert told in shown, told
    assert charge.id_token not in receipt


def test_the_page_speaks_the_visitors_language(online: ChargingStation) -> None:
    for language in ("fr", "en", "es"):
        page = person(language=language).get(PAGE)
        assert f'<html lang="{language}"' in page.content.decode()


def test_a_refused_payment_and_a_busy_place_say_so(online: ChargingStation) -> None:
    visitor = person()
    to_payment = visitor.post(f"{PAGE}start").headers["Location"]
    back = visitor.post(to_payment, {"choice": "refuse"}).headers["Location"]
    stay = visitor.get(back).headers["Location"]
    shown = words(visitor.get(stay).content)
    assert "The payment was refused." in shown
    assert "Nothing was taken from your card." in shown
    assert visitor.post(to_payment, {"choice": "pay"}).status_code == 409

    ChargingStation.objects.update(connection_state="offline")
    assert "Not connected" in words(visitor.get(PAGE).content)
    reply = visitor.post(f"{PAGE}start")
    assert reply.status_code == 409
    assert "This place is not free at the moment." in words(reply.content)
    assert not Command.objects.exists()


def test_without_a_provider_the_price_is_still_shown(online: ChargingStation) -> None:
    ad_hoc_settings_save(provider="", authorised_amount=Decimal("30"))

    page = person().get(PAGE)

    assert "0.3798 €/kWh" in words(page.content)
    assert 'id="start"' not in page.content.decode()
    assert person().post(f"{PAGE}start").status_code == 409


def test_a_provider_elsewhere_is_reached_by_a_link(
    online: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "https://pay.example/p?x=1&y=2"
    monkeypatch.setattr(TestProvider, "open", lambda *_: PaymentOpened("P-1", address))
    reply = person().post(f"{PAGE}start")
    assert 'href="https://pay.example/p?x=1&amp;y=2"' in reply.content.decode()

    def away(_self: TestProvider, _asked: PaymentAsked) -> PaymentOpened:
        raise ExternalError("payments", "away", retryable=True)

    monkeypatch.setattr(TestProvider, "open", away)
    assert person().post(f"{PAGE}start").status_code == 503


def test_starts_and_pages_have_a_pace(online: ChargingStation) -> None:
    visitor = person()
    statuses = [
        visitor.post("/charge/CS-001/9/start").status_code
        for _ in range(settings.AD_HOC_STARTS_PER_MINUTE + 1)
    ]

    assert statuses == [404] * settings.AD_HOC_STARTS_PER_MINUTE + [429]
    reply = visitor.post(f"{PAGE}start")
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "60")
    assert not AdHocCharge.objects.exists()
    assert visitor.get(PAGE).status_code == 200, "reading has a pace of its own"


def test_a_form_of_another_site_starts_nothing(online: ChargingStation) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": HOSTS["guadeloupe"]})

    assert strict.post(f"{PAGE}start").status_code == 403
    assert not AdHocCharge.objects.exists()


def test_one_operators_pages_know_nothing_of_anothers(
    online: ChargingStation, operator_b: Operator
) -> None:
    visitor, other = person(), person("martinique")
    to_payment = visitor.post(f"{PAGE}start").headers["Location"]
    back = visitor.post(to_payment, {"choice": "pay"}).headers["Location"]
    stay = visitor.get(back).headers["Location"]

    for path in (PAGE, stay, f"{stay}paid", to_payment):
        assert other.get(path).status_code == 404, path
    for path in (f"{stay}stop", to_payment, f"{PAGE}start"):
        assert other.post(path).status_code == 404, path
    assert visitor.get("/stay/nobody/").status_code == 404
    assert AdHocCharge.objects.get().state == AdHocState.STARTING


def test_stickers_lead_to_the_operators_own_pages(
    online: ChargingStation, operator_b: Operator
) -> None:
    with operator_context("martinique"):
        station_register(station_id="CS-B", rated_power_kw=22.0)
    for number in range(2, 27):
        station_register(station_id=f"CS-{number:03}", rated_power_kw=22.0)
    client = person()
    client.force_login(user_ensure(username="somebody", password="pw", role=Role.ANALYST))

    first = client.get("/charging/stickers/").content.decode()
    second = client.get("/charging/stickers/?page=2").content.decode()
    found = client.get("/charging/stickers/?q=marina").content.decode()

    assert first.count('class="sticker-code"') == 24
    assert second.count('class="sticker-code"') == 2
    assert "http://guadeloupe.localhost/charge/CS-001/1/" in found
    assert found.count('class="sticker-code"') == 1
    assert "CS-B" not in first + second
