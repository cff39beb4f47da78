"""Webhooks, displays and customer information in the admin."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.chargers.models import (
    ChargingStation,
    CustomerInformation,
    DisplayMessage,
    WebhookDelivery,
    WebhookSubscription,
)
from apps.chargers.services.customer_information import customer_ask
from apps.outbox.models import OutboxMessage
from tests.chargers.conftest import STATION_ID
from tests.chargers.test_admin import logged_in
from tests.chargers.test_customer_information import tell
from tests.chargers.test_display_messages import answer, online, shown
from tests.chargers.webhooks import (
    Partner,
    _listening,
    deliver,
    hook,
    partner,
    status_tell,
)

__all__ = ["_listening", "online", "partner"]
SECRET = re.compile(rb"whsec_[A-Za-z0-9+/=]{44}")


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:chargers_{name}", args=args)


def add(client: Client, **changes: Any) -> Any:
    given = {
        "name": "Roaming", "event_types": "session.*, *.fault", "stations": "CS-*",
        "is_active": "on", **changes,
    }  # fmt: skip
    return client.post(page("webhooksubscription_add"), given, follow=True)


def test_a_new_webhook_shows_its_secret_once(online: ChargingStation, partner: Partner) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)

    assert client.get(page("webhooksubscription_add")).status_code == 200
    made = add(client, url=partner.url)

    webhook = WebhookSubscription.objects.get()
    assert (webhook.event_types, webhook.stations) == (["session.*", "*.fault"], ["CS-*"])
    assert webhook.created_by is not None
    assert webhook.secret.encode() in made.content.replace(b"&#x2B;", b"+")
    change = page("webhooksubscription_change", webhook.pk)
    for address in (change, page("webhooksubscription_changelist")):
        assert not SECRET.search(client.get(address).content)


@pytest.mark.parametrize(
    "change", [{"url": "https://192.168.1.1/"}, {"event_types": "nope"}, {"stations": "no space"}]
)
def test_what_the_service_refuses_is_shown_in_the_form(
    online: ChargingStation, partner: Partner, change: dict[str, str]
) -> None:
    refused = add(logged_in(Role.OPERATOR_ADMIN), **{"url": partner.url, **change})

    assert refused.context["adminform"].form.errors.keys() == change.keys()
    assert WebhookSubscription.objects.count() == 0


def test_a_webhook_is_changed_and_deleted_by_its_service(
    online: ChargingStation, partner: Partner
) -> None:
    client, webhook = logged_in(Role.OPERATOR_ADMIN), hook(partner)
    status_tell(online, "Available", 0)
    deliver(webhook)
    change = page("webhooksubscription_change", webhook.pk)

    given = {"name": "Other", "url": partner.url, "event_types": "*", "stations": "*"}
    assert client.post(change, given).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.is_active) == ("Other", False)

    delete = page("webhooksubscription_delete", webhook.pk)
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert (WebhookSubscription.objects.count(), OutboxMessage.objects.count()) == (0, 0)


def test_test_replay_and_new_secret_from_the_page(
    online: ChargingStation, partner: Partner
) -> None:
    client, webhook = logged_in(Role.OPERATIONS), hook(partner)
    status_tell(online, "Available", 0)
    deliver(webhook)
    old = webhook.secret

    def press(name: str, **given: str) -> Any:
        given["_form_submitted"] = "True"
        return client.post(page(f"webhooksubscription_{name}", webhook.pk), given)

    assert client.get(page("webhooksubscription_replay", webhook.pk)).status_code == 200
    assert "HX-Redirect" in press("test").headers
    assert "HX-Redirect" in press("replay", since="2026-01-01T00:00").headers
    assert "HX-Redirect" in press("secret_renew").headers
    assert deliver(webhook) == 2

    webhook.refresh_from_db()
    assert webhook.secret != old
    rows = client.get(press("test").headers["HX-Redirect"])
    assert rows.status_code == 200
    assert rows.content.count(b"connector.status") == 2
    assert b"webhook.test" in rows.content


def test_an_analyst_sees_deliveries_and_changes_nothing(
    online: ChargingStation, partner: Partner
) -> None:
    client, webhook = logged_in(Role.ANALYST), hook(partner)

    assert client.get(page("webhookdelivery_changelist")).status_code == 200
    for name in ("test", "replay", "secret_renew"):
        reply = client.post(page(f"webhooksubscription_{name}", webhook.pk), {})
        assert reply.status_code == 403
    assert client.get(page("displaymessage_add")).status_code == 403
    assert WebhookDelivery.objects.count() == 0


def test_adding_a_display_message_asks_the_station(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATIONS)
    given = {
        "station": online.pk, "content": "Fermé demain", "priority": "InFront", "format": "UTF8",
        "language": "fr", "state": "", "transaction_id": "", "start_at_0": "", "start_at_1": "",
        "end_at_0": "", "end_at_1": "",
    }  # fmt: skip

    assert client.get(page("displaymessage_add")).status_code == 200
    assert client.post(page("displaymessage_add"), {**given, "content": " "}).status_code == 200
    assert client.post(page("displaymessage_add"), given).status_code == 302

    message = DisplayMessage.objects.get()
    assert (message.status, message.requested_by.username) == ("requested", "operations")  # type: ignore[union-attr]
    assert client.get(page("displaymessage_change", message.pk)).status_code == 200


def test_messages_are_cleared_and_asked_for_from_the_list(online: ChargingStation) -> None:
    client, message = logged_in(Role.OPERATIONS), shown()

    for name in ("ask", "clear"):
        given = {"action": name, "_selected_action": [message.pk]}
        assert client.post(page("displaymessage_changelist"), given).status_code == 302

    actions = [command.action for command in online.commands.order_by("pk")]
    assert actions == ["SetDisplayMessage", "GetDisplayMessages", "ClearDisplayMessage"]


def test_what_a_station_knows_of_a_customer_is_shown_to_who_may_ask(
    online: ChargingStation,
) -> None:
    client = logged_in(Role.OPERATIONS)
    given = {
        "station": online.pk, "reference": "idToken", "customer": "04A2B3C4D5",
        "token_type": "ISO14443", "wants_report": "on",
    }  # fmt: skip
    assert client.get(page("customerinformation_add")).status_code == 200
    assert client.post(page("customerinformation_add"), given).status_code == 302
    row = CustomerInformation.objects.get()
    answer(row.command)
    tell(online, row, 0, tbc=False)
    change = page("customerinformation_change", row.pk)

    seen = client.get(change).content
    assert b"part 0;" in seen
    assert b"04A2B3C4D5" not in seen
    assert b"part 0;" not in logged_in(Role.ANALYST).get(change).content
    assert customer_ask(
        station_id=STATION_ID, reference="idToken", customer="X" * 8
    ).customer.endswith("XXXX")
