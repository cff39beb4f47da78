"""Webhooks out: what is told, to whom, in which order, signed, tried again and replayed."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chargers.clients.webhooks import WebhookClient, secret_make, signature
from apps.chargers.models import (
    ChargingStation,
    WebhookDelivery,
    WebhookEvent,
    WebhookSubscription,
)
from apps.chargers.ocpp.v201.notices import station_events
from apps.chargers.services import (
    command_claim,
    command_finish,
    connection_close,
    connection_open,
    station_register,
)
from apps.chargers.services.intents import cache_clear
from apps.chargers.services.notices import station_events_store
from apps.chargers.services.security_events import security_event_store
from apps.chargers.services.webhooks import (
    webhook_create,
    webhook_secret_renew,
    webhook_test,
)
from apps.chargers.services.webhooks.patterns import is_match
from apps.outbox.services import outbox_deliver_due
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.events import charging_of_five_events
from tests.chargers.test_notices import FAULT, notify
from tests.chargers.test_sessions import apply
from tests.chargers.webhooks import (
    NOON,
    Partner,
    _listening,
    deliver,
    hook,
    partner,
    status_tell,
)

__all__ = ["_listening", "partner"]

PLAIN = {"trigger": "Periodic", "techCode": ""}


# --- filters ---


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "session.ended", True),
        ("session.*", "session.ended", True),
        ("session.*", "station.fault", False),
        ("*.fault*", "station.fault_cleared", True),
        ("MARINA-*-2", "MARINA-2", False),
        ("MARINA-*-2", "MARINA-A-2", True),
        ("CS-001", "CS-0011", False),
        ("aa*aa", "aaa", False),
        ("a.c", "abc", False),
        ("[ab]?", "a1", False),
        ("", "x", False),
    ],
)
def test_a_star_stands_for_any_characters_and_nothing_else_does(
    pattern: str, text: str, fits: bool
) -> None:
    assert is_match(pattern, text) is fits


@settings(max_examples=25)
@given(st.lists(st.text("ab.-", max_size=4), min_size=2, max_size=6), st.data())
def test_a_text_made_from_a_pattern_fits_it(pieces: list[str], data: st.DataObject) -> None:
    text = pieces[0] + "".join(data.draw(st.text("ab*", max_size=3)) + p for p in pieces[1:])

    assert is_match("*".join(pieces), text)
    assert not is_match("*".join(pieces) + "Z", text)


@pytest.mark.parametrize(
    ("event_types", "stations", "field"),
    [
        (["sesion.*"], ["*"], "event_types"),
        ([], ["*"], "event_types"),
        (["*"], [], "stations"),
        (["*"], ["no space"], "stations"),
        (["*"], ["x" * 49], "stations"),
    ],
)
def test_a_filter_that_can_match_nothing_is_refused(
    operator_a: Operator,
    partner: Partner,
    event_types: list[str],
    stations: list[str],
    field: str,
) -> None:
    with pytest.raises(DomainError) as refused:
        webhook_create(name="x", url=partner.url, event_types=event_types, stations=stations)

    assert refused.value.field == field
    assert WebhookSubscription.objects.count() == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest", "ftp://x/",
        "https://user:pw@93.184.216.34/", "http://93.184.216.34/", "https://93.184.216.34:x/",
        "https://[::1", "https://..a/", "x", "", "https://93.184.216.34/" + "a" * 500,
    ],
)  # fmt: skip
def test_an_address_that_is_never_called_is_refused(operator_a: Operator, url: str) -> None:
    with pytest.raises(DomainError) as refused:
        webhook_create(name="x", url=url, event_types=["*"])

    assert (refused.value.code, refused.value.field) == ("webhook.url_refused", "url")


def test_loopback_is_refused_where_it_is_not_allowed(
    operator_a: Operator, partner: Partner, settings: Any
) -> None:
    made = hook(partner)
    settings.OUTGOING_LOOPBACK_ALLOWED = False

    with pytest.raises(DomainError, match="refused address"):
        hook(partner)
    webhook_test(subscription_id=made.pk, now=utc_now())
    assert outbox_deliver_due(destination_name=f"webhook:{made.pk}") == 0

    assert partner.got == []
    assert "refused address" in WebhookDelivery.objects.get().error


# --- what is told ---


def test_everything_that_happens_at_a_station_is_told_in_order(
    station: ChargingStation, partner: Partner
) -> None:
    subscription = hook(partner)

    connection_open(station_pk=station.pk, channel="a", now=NOON)
    connection_open(station_pk=station.pk, channel="b", now=NOON)
    status_tell(station, "Available", 0)
    status_tell(station, "Available", 1)
    payloads = charging_of_five_events()
    for payload in (payloads[0], payloads[1], payloads[1], payloads[4], payloads[2]):
        apply(station, payload)
    security_event_store(station_pk=station.pk, event_type="FirmwareUpdated", at=NOON)
    security_event_store(station_pk=station.pk, event_type="FirmwareUpdated", at=NOON)
    told = (FAULT, {**FAULT, "eventId": 8, "cleared": True}, {**FAULT, "eventId": 9} | PLAIN)
    station_events_store(station_pk=station.pk, events=station_events(notify(*told)))
    command = cache_clear(station_id=STATION_ID)
    command_claim(command_id=command.pk, station_pk=station.pk, now=NOON)
    command_finish(command_id=command.pk, status="accepted", now=NOON, answer={})  # type: ignore[arg-type]
    connection_close(station_pk=station.pk, channel="a", now=NOON)
    connection_close(station_pk=station.pk, channel="b", now=NOON)

    wanted = [
        "station.connected", "connector.status", "session.started", "session.updated",
        "session.updated", "session.updated", "session.ended", "session.updated",
        "security.event", "station.fault", "station.fault_cleared", "command.finished",
        "station.disconnected",
    ]  # fmt: skip
    assert deliver(subscription) == len(wanted)
    assert partner.told() == [(one, STATION_ID, n) for n, one in enumerate(wanted, 1)]
    assert deliver(subscription) == 0


def test_a_session_is_told_exactly_and_without_its_token(
    station: ChargingStation, partner: Partner
) -> None:
    subscription = hook(partner, "session.ended")
    for payload in charging_of_five_events():
        apply(station, payload)

    assert deliver(subscription) == 1

    (event,) = partner.events()
    assert event["occurred_at"] == "2026-03-10T13:00:00Z"
    assert (event["operator"], event["station"], event["sequence"]) == (
        "guadeloupe", STATION_ID, 1,
    )  # fmt: skip
    assert event["data"].pop("id") > 0
    assert event["data"] == {
        "transaction_id": "tx-1", "evse_id": 1, "connector_id": 1, "state": "ended",
        "charging_state": "Charging", "started_at": "2026-03-10T12:00:00Z",
        "ended_at": "2026-03-10T13:00:00Z", "stopped_reason": "Local", "energy_kwh": "9.00055",
        "power_kw": 0.0, "soc_percent": 55.0, "id_token_masked": event["data"]["id_token_masked"],
    }  # fmt: skip
    assert b"04A2B3C4" not in partner.got[0][1]


def test_filters_choose_types_and_stations(station: ChargingStation, partner: Partner) -> None:
    other = station_register(station_id="MARINA-2", rated_power_kw=22.0)
    all_of_marina = hook(partner, "*", stations=("MARINA-*",))
    disconnected = hook(partner, "*.disconnected")
    for one in (station, other):
        connection_open(station_pk=one.pk, channel="a", now=NOON)
        connection_close(station_pk=one.pk, channel="a", now=NOON)

    assert deliver(all_of_marina) == 2
    assert [one[:2] for one in partner.told()] == [
        ("station.connected", "MARINA-2"), ("station.disconnected", "MARINA-2"),
    ]  # fmt: skip
    partner.got.clear()
    assert deliver(disconnected) == 2
    assert partner.told() == [
        ("station.disconnected", STATION_ID, 2), ("station.disconnected", "MARINA-2", 2),
    ]  # fmt: skip


def test_what_nobody_wants_is_not_even_written(station: ChargingStation, partner: Partner) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOON)
    hook(partner, "session.*", is_active=False)
    hook(partner, "security.event")
    connection_close(station_pk=station.pk, channel="a", now=NOON)
    apply(station, charging_of_five_events()[0])

    assert WebhookEvent.objects.count() == 0


def test_a_fault_in_telling_harms_no_session(
    station: ChargingStation,
    partner: Partner,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook(partner)
    module = "apps.chargers.services.webhooks.recording"

    def broken(_session_id: int) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(f"{module}._session", broken)
    session = apply(station, charging_of_five_events()[0])

    session.refresh_from_db()
    assert session.events_count == 1
    assert WebhookEvent.objects.count() == 0
    assert "webhook event not written" in caplog.text


# --- signature ---


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the standard-webhooks libraries, computed by hand with hmac."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    message_id, timestamp = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330

    signed = signature(secret, message_id=message_id, timestamp=timestamp, body=body)

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert secret_make() != secret_make()


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As a partner checks it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


def test_a_renewed_secret_signs_beside_the_old_one_for_a_day(
    operator_a: Operator, partner: Partner
) -> None:
    subscription, now = hook(partner), utc_now()
    old = subscription.secret
    new = webhook_secret_renew(subscription_id=subscription.pk, now=now).secret

    webhook_test(subscription_id=subscription.pk, now=now)
    assert deliver(subscription) == 1
    with time_machine.travel(now + timedelta(hours=25), tick=True):
        webhook_test(subscription_id=subscription.pk, now=utc_now())
        assert deliver(subscription) == 1

    (during, after) = partner.got
    assert (is_signed(*during, old), is_signed(*during, new)) == (True, True)
    assert (is_signed(*after, old), is_signed(*after, new)) == (False, True)
    assert json.loads(during[1])["type"] == "webhook.test"
    assert abs(int(during[0]["webhook-timestamp"]) - now.timestamp()) < 60
    assert not is_signed(during[0], during[1] + b" ", new)


def test_a_client_never_follows_a_redirect(partner: Partner) -> None:
    partner.status, partner.headers = 302, {"Location": "http://127.0.0.1:1/"}

    answer = WebhookClient(partner.url, (secret_make(),), allow_loopback=True).post(
        b"{}", message_id="x", timestamp=1, is_replay=False
    )

    assert answer.status == 302


# --- two operators ---


def test_an_operators_webhook_hears_nothing_of_another(
    station: ChargingStation, operator_b: Operator, partner: Partner
) -> None:
    subscription = hook(partner)
    with operator_context("martinique"):
        theirs = station_register(station_id=STATION_ID, rated_power_kw=22.0)
        connection_open(station_pk=theirs.pk, channel="a", now=NOON)
        assert WebhookEvent.objects.count() == 0
        own = hook(partner)
        connection_close(station_pk=theirs.pk, channel="a", now=NOON)
        assert deliver(own) == 1

    assert deliver(subscription) == 0
    (event,) = partner.events()
    assert (event["operator"], event["station"]) == ("martinique", STATION_ID)
