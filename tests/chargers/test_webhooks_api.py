"""Webhooks and displays over the API: who may, what is refused, pages, query budgets."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.chargers.models import ChargingStation, WebhookDelivery, WebhookSubscription
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import connection_open
from apps.chargers.services.display_messages import display_message_set
from apps.chargers.services.webhooks import webhook_events_relay, webhook_test
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.api.conftest import API, caller
from tests.chargers.conftest import STATION_ID
from tests.chargers.test_display_messages import answer
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

ADMIN, OPERATIONS, PARTNER = Role.OPERATOR_ADMIN, Role.OPERATIONS, Role.PARTNER_API
COLUMNS = (None, ADMIN, OPERATIONS, Role.BILLING, Role.ANALYST, PARTNER)
READ = (401, 200, 200, 200, 200, 403)
CHANGE = (401, 201, 201, 403, 403, 403)
PATCH = (401, 200, 200, 403, 403, 403)
TABLE: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("GET", "/webhooks", READ),
    ("POST", "/webhooks", CHANGE),
    ("GET", "/webhooks/{hook}", READ),
    ("PATCH", "/webhooks/{hook}", PATCH),
    ("DELETE", "/webhooks/{hook}", (401, 204, 403, 403, 403, 403)),
    ("POST", "/webhooks/{hook}/secret", CHANGE),
    ("POST", "/webhooks/{hook}/test", CHANGE),
    ("POST", "/webhooks/{hook}/replay", CHANGE),
    ("GET", "/webhooks/{hook}/deliveries", READ),
    ("GET", "/webhooks/4711", (401, 404, 404, 404, 404, 403)),
    ("POST", "/webhooks/4711/test", (401, 404, 404, 403, 403, 403)),
    ("GET", "/stations/CS-001/display-messages", READ),
    ("POST", "/stations/CS-001/display-messages", CHANGE),
    ("POST", "/stations/NOPE/display-messages", (401, 404, 404, 403, 403, 403)),
    ("DELETE", "/display-messages/{message}", (401, 202, 202, 403, 403, 403)),
)
BODIES = {
    "webhooks": {"name": "Roaming", "event_types": ["session.*"]},
    "replay": {"since": "2026-03-10T12:00:00Z"},
    "display-messages": {"content": "Bienvenue", "reason": "test"},
}


@pytest.fixture
def scene(
    operator_a: Operator, operator_b: Operator, station: ChargingStation, partner: Partner
) -> dict[str, Any]:
    """A webhook of Guadeloupe with a delivery, and a message that CS-001 shows."""
    connection_open(station_pk=station.pk, channel="a", now=NOON, version=OcppVersion.V201)
    webhook = hook(partner)
    status_tell(station, "Available", 0)
    deliver(webhook)
    message = display_message_set(station_id=STATION_ID, content="Bonjou")
    answer(message.command)
    return {"hook": webhook.pk, "message": message.pk, "url": partner.url}


def send(client: Any, method: str, address: str, scene: dict[str, Any], body: Any = None) -> Any:
    path = API + address.format(**scene)
    if method == "GET":
        return client.get(path)
    if body is None:
        body = dict(BODIES.get(address.rsplit("/", 1)[-1], {}))
        if address == "/webhooks":
            body["url"] = scene["url"]
    return client.generic(method, path, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize(("method", "address", "statuses"), TABLE)
def test_a_role_may_what_the_table_says(
    scene: dict[str, Any], method: str, address: str, statuses: tuple[int, ...]
) -> None:
    # From the one who may least to the one who may delete.
    for role, status in reversed(list(zip(COLUMNS, statuses, strict=True))):
        if address == "/display-messages/{message}" and role is ADMIN:
            continue
        reply = send(caller(role), method, address, scene)
        assert reply.status_code == status, (role, reply.content)
        if status >= 400:
            assert set(reply.json()) == {"code", "message", "field"}


@pytest.mark.parametrize(
    ("method", "address"),
    [(method, address) for method, address, _statuses in TABLE if "{" in address],
)
def test_another_operators_admin_finds_nothing_of_it(
    scene: dict[str, Any], method: str, address: str
) -> None:
    reply = send(caller(ADMIN, "martinique"), method, address, scene)

    assert reply.status_code == 404
    with operator_context("guadeloupe"):
        assert WebhookSubscription.objects.get(pk=scene["hook"]).is_active
        assert WebhookDelivery.objects.count() == 1


def test_a_secret_is_shown_when_it_is_made_and_never_again(scene: dict[str, Any]) -> None:
    client = caller(OPERATIONS)

    made = send(client, "POST", "/webhooks", scene).json()
    renewed = send(client, "POST", f"/webhooks/{made['id']}/secret", scene).json()

    assert made["secret"].startswith("whsec_")
    assert made["secret"] != renewed["secret"]
    assert (made["stations"], made["created_by"]) == (["*"], "operations")
    for address in ("/webhooks", f"/webhooks/{made['id']}"):
        text = send(client, "GET", address, scene).content.decode()
        assert "secret" not in text
        assert "whsec_" not in text
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret || previous_secret FROM chargers_webhooksubscription")
        assert not any("whsec_" in row[0] for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"url": "https://10.0.0.1/"}, "webhook.url_refused", "url"),
        ({"event_types": ["nothing.*"]}, "webhook.event_type_unknown", "event_types"),
        ({"stations": []}, "webhook.filter_invalid", "stations"),
        ({"name": ""}, "blank", "name"),
        ({"is_active": "perhaps"}, "invalid", "is_active"),
    ],
)
def test_what_is_wrong_is_refused_by_field(
    scene: dict[str, Any], change: dict[str, Any], code: str, field: str
) -> None:
    client = caller(OPERATIONS)
    whole = {**BODIES["webhooks"], "url": scene["url"], **change}

    for reply in (
        send(client, "POST", "/webhooks", scene, whole),
        send(client, "PATCH", "/webhooks/{hook}", scene, change),
    ):
        told = reply.json()
        assert (reply.status_code, told["code"], told["field"].split(".")[0]) == (400, code, field)
    assert WebhookSubscription.objects.count() == 1


def test_a_replay_needs_a_start_and_an_active_webhook(scene: dict[str, Any]) -> None:
    client = caller(OPERATIONS)
    address, event = "/webhooks/{hook}/replay", WebhookDelivery.objects.get().event.event_id

    assert send(client, "POST", address, scene, {}).json()["code"] == "webhook.replay_from"
    told = send(client, "POST", address, scene, {"event": str(event)}).json()
    assert told == {"count": 1, "next_event": None}
    send(client, "PATCH", "/webhooks/{hook}", scene, {"is_active": False})
    assert send(client, "POST", address, scene, {"event": str(event)}).status_code == 409


def test_deliveries_say_what_came_of_them(scene: dict[str, Any]) -> None:
    client = caller(OPERATIONS)
    send(client, "POST", "/webhooks/{hook}/test", scene)
    address = "/webhooks/{hook}/deliveries"

    waiting = send(client, "GET", address + "?state=waiting", scene).json()["results"]
    (arrived,) = send(client, "GET", address + "?state=delivered", scene).json()["results"]

    assert [(row["type"], row["station"], row["sequence"]) for row in waiting] == [
        ("webhook.test", None, 0)
    ]
    assert (arrived["type"], arrived["attempts"], arrived["answer_status"]) == (
        "connector.status", 1, 204,
    )  # fmt: skip
    assert send(client, "GET", address + "?station=NOPE", scene).json()["results"] == []


def test_a_display_message_is_refused_as_the_service_says(scene: dict[str, Any]) -> None:
    client, address = caller(OPERATIONS), "/stations/CS-001/display-messages"
    body = {
        "content": "x", "start_at": "2026-03-10T13:00:00Z", "end_at": "2026-03-10T12:00:00Z"
    }  # fmt: skip

    assert send(client, "POST", address, scene, body).json()["field"] == "end_at"
    assert send(client, "DELETE", "/display-messages/{message}", scene).json()["action"] == (
        "ClearDisplayMessage"
    )
    shown = send(client, "GET", address + "?status=shown", scene).json()["results"]
    assert [(row["message_id"], row["content"]) for row in shown] == [(1, "Bonjou")]


@pytest.mark.parametrize(
    ("address", "budget"),
    [
        ("/webhooks", 4),
        ("/webhooks/{hook}/deliveries", 5),
        ("/stations/CS-001/display-messages", 5),
    ],
)
def test_a_list_keeps_its_query_budget_and_its_pages(
    scene: dict[str, Any], partner: Partner, address: str, budget: int
) -> None:
    for n in range(4):
        hook(partner)
        webhook_test(subscription_id=scene["hook"], now=utc_now())
        display_message_set(station_id=STATION_ID, content=str(n))
    webhook_events_relay()
    client, path = caller(Role.ANALYST), API + address.format(**scene)

    with CaptureQueriesContext(connection) as queries:
        whole = client.get(path).json()["results"]
    pages, url = [], f"{path}?limit=2"
    while url:
        page = client.get(url).json()
        assert len(page["results"]) <= 2
        pages += page["results"]
        url = page["next"]

    assert len(whole) >= 5
    assert pages == whole
    selects = [q["sql"] for q in queries.captured_queries if q["sql"].startswith("SELECT")]
    assert len(selects) <= budget, selects
