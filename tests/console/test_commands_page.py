"""The pages of commands: history, one command, bulk, and the form that gives them."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.chargers.choices import CommandStatus
from apps.chargers.events import CommandChanged, LoadGroupChanged
from apps.chargers.models import ChargingStation, Command, CommandBatch
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import command_claim, command_finish, station_register
from apps.chargers.services.command_batches import batch_slice_send, batch_start
from apps.chargers.services.intents import order_send
from apps.console.subscribers import EVENTS
from apps.console.viewmodels.command_form import action_form, payload_errors
from apps.tenants.context import operator_context

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
RESET = {"type": "OnIdle"}


@pytest.fixture
def stations(operator_a: object, now: datetime) -> None:
    """CS-1 to CS-3, connected; CS-3 speaks 1.6."""
    with operator_context("guadeloupe"):
        for number in (1, 2, 3):
            station_register(station_id=f"CS-{number}", rated_power_kw=22, name=f"Quay {number}")
        ChargingStation.objects.update(connection_state="online", ocpp_version="2.0.1")
        ChargingStation.objects.filter(station_id="CS-3").update(ocpp_version="1.6")


def ordered(station_id: str = "CS-1", **changes: Any) -> Command:
    values = {"action": "Reset", "payload": RESET, "reason": "stuck"}
    return order_send(station_id=station_id, **{**values, **changes})[0]  # type: ignore[arg-type]


def ended(command: Command, status: str, now: datetime, answer: dict[str, Any]) -> None:
    command_claim(command_id=command.pk, station_pk=command.station_id, now=now)
    later = now + timedelta(seconds=1.25)
    command_finish(command_id=command.pk, status=CommandStatus(status), answer=answer, now=later)


def shown(text: str) -> list[str]:
    return re.findall(r'<tr data-command="(\d+)"', text)


def test_the_history_says_who_why_how_long_and_what_came(
    stations: None, signed_in: SignIn, now: datetime
) -> None:
    client = signed_in("guadeloupe")
    command = ordered(requested_by_id=User.objects.get(username="somebody").pk)
    ended(command, "rejected", now, {"status": "Rejected"})

    text = client.get("/charging/commands/").content.decode()

    assert shown(text) == [str(command.pk)]
    for words in ("Reset", "Quay 1", "stuck", "somebody", "Rejected", "1.25 s"):
        assert words in text
    assert not shown(signed_in("martinique").get("/charging/commands/").content.decode())


def test_the_history_is_filtered(stations: None, signed_in: SignIn) -> None:
    ordered()
    ordered("CS-2")
    ordered("CS-3", action="ClearCache", payload={}, reason="")
    client = signed_in("guadeloupe")
    counts = {
        "": 3, "station=CS-1": 1, "station=CS": 0, "action=ClearCache": 1, "status=sent": 0,
        "status=queued": 3, "q=STUCK": 2, "q=nobody": 0, "before=x": 3, "before=0": 0,
        "action=%27%3B--&status=no": 3,
    }  # fmt: skip

    def found(query: str) -> int:
        lists = client.get(
            f"/charging/commands/?{query}", headers={"x-fragment": "live-part"}
        ).content.decode()
        return len(shown(lists))

    assert {query: found(query) for query in counts} == counts


def test_the_history_has_pages_and_few_queries(
    stations: None,
    signed_in: SignIn,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:
    for _ in range(35):
        ordered()
    client = signed_in("guadeloupe")

    with queries_at_most(9):
        first = client.get("/charging/commands/?station=CS-1").content.decode()
    older = re.search(r'href="\?([^"]+)">Older', first)
    assert older is not None
    second = client.get("/charging/commands/?" + older[1].replace("&amp;", "&")).content.decode()

    assert (len(shown(first)), len(shown(second))) == (30, 5)
    assert not set(shown(first)) & set(shown(second))


def test_one_command_is_shown_without_its_secrets(
    stations: None, signed_in: SignIn, now: datetime
) -> None:
    command = ordered(
        action="RequestStartTransaction",
        payload={"idToken": {"idToken": "DE-ABC-SECRET99", "type": "eMAID"}, "evseId": 1},
    )
    ended(command, "accepted", now, {"status": "Accepted"})

    text = signed_in("guadeloupe").get(f"/charging/commands/{command.pk}/").content.decode()

    assert "DE-ABC" not in text
    assert "&quot;evseId&quot;: 1" in text
    assert 'data-final="true"' in text
    # What is not shown cannot be filled in again.
    assert "payload=" not in text
    other = signed_in("martinique").get(f"/charging/commands/{command.pk}/")
    assert other.status_code == 404


def test_a_password_that_waits_for_its_station_is_not_shown(
    stations: None, signed_in: SignIn
) -> None:
    command = ordered(
        action="SetVariables",
        payload={
            "setVariableData": [
                {
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                    "attributeValue": "a-password-that-waits",
                }
            ]
        },
    )

    text = signed_in("guadeloupe").get(f"/charging/commands/{command.pk}/").content.decode()

    assert "BasicAuthPassword" in text
    assert "a-password-that-waits" not in text
    assert "payload=" not in text


def test_a_command_to_one_station_is_given(stations: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    filled = {"station": "CS-1", "action": "Reset", "version": "2.0.1",
              "payload": json.dumps(RESET), "reason": " after the storm "}  # fmt: skip

    reply = client.post("/charging/commands/send/order", filled)

    command = Command.objects.get()
    assert reply.headers["Location"] == f"/charging/commands/{command.pk}/"
    assert (command.station.station_id, command.payload) == ("CS-1", RESET)
    assert (command.reason, command.requested_by.username) == ("after the storm", "somebody")  # type: ignore[union-attr]
    assert command.status == CommandStatus.QUEUED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"payload": "{"}, "This is not JSON"),
        ({"payload": "[]"}, "A request is a JSON object."),
        ({"payload": '{"type": NaN}'}, "NaN is no number of JSON"),
        ({"payload": '{"type": "Now"}'}, "payload.type"),
        ({"action": "Nonsense"}, "no such action"),
        ({"action": "BootNotification"}, "Stations send this action"),
        ({"station": "CS-9"}, "There is no such station."),
        ({"station": []}, "No station is chosen."),
    ],
)
def test_a_command_that_cannot_be_is_refused_with_what_was_filled_in(
    changes: dict[str, Any], words: str, stations: None, signed_in: SignIn
) -> None:
    filled = {"station": "CS-1", "action": "Reset", "version": "2.0.1",
              "payload": json.dumps(RESET), "reason": "kept"} | changes  # fmt: skip

    reply = signed_in("guadeloupe").post("/charging/commands/send/order", filled)

    assert reply.status_code == 422
    text = reply.content.decode()
    assert words in text
    assert 'value="kept"' in text
    assert not Command.objects.exists()
    assert not CommandBatch.objects.exists()


@pytest.mark.parametrize("to", ["chosen", "all"])
def test_a_command_to_many_is_a_bulk_command(
    to: str, stations: None, signed_in: SignIn, now: datetime
) -> None:
    client = signed_in("guadeloupe")
    filled = {"to": to, "station": ["CS-1", "CS-3", "CS-1"], "action": "Reset", "version": "2.0.1",
              "payload": json.dumps(RESET), "reason": "night"}  # fmt: skip

    reply = client.post("/charging/commands/send/order", filled)
    batch = CommandBatch.objects.get()
    waiting = client.get(f"/charging/commands/batches/{batch.pk}/").content.decode()
    batch_slice_send(batch_id=batch.pk, now=now)
    first = Command.objects.order_by("pk").first()
    assert first is not None
    ended(first, "accepted", now, {"status": "Accepted"})
    text = client.get(f"/charging/commands/batches/{batch.pk}/").content.decode()

    count = 2 if to == "chosen" else 3
    assert reply.headers["Location"] == f"/charging/commands/batches/{batch.pk}/"
    assert f"{count}</strong>" in waiting
    assert "Not given yet" in waiting
    assert len(shown(text)) == count
    assert f"1 / {count}" in text
    only = client.get(f"/charging/commands/batches/{batch.pk}/?status=accepted").content.decode()
    assert len(shown(only)) == 1
    assert signed_in("martinique").get(reply.headers["Location"]).status_code == 404


def test_a_bulk_command_of_nobody_else_and_who_may_send(stations: None, signed_in: SignIn) -> None:
    filled = {"to": "all", "action": "Reset", "payload": json.dumps(RESET)}
    analyst = signed_in("guadeloupe", Role.ANALYST)

    assert analyst.get("/charging/commands/").status_code == 200
    assert "New command" not in analyst.get("/charging/commands/").content.decode()
    assert analyst.get("/charging/commands/send/").status_code == 403
    assert analyst.post("/charging/commands/send/order", filled).status_code == 403
    elsewhere = signed_in("martinique").post(
        "/charging/commands/send/order", {**filled, "to": "chosen", "station": "CS-1"}
    )
    assert "There is no such station." in elsewhere.content.decode()

    with operator_context("guadeloupe"):
        assert not Command.objects.exists()
        assert not CommandBatch.objects.exists()


def test_the_form_names_stations_and_actions_of_their_version(
    stations: None, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe")

    form = client.get("/charging/commands/send/?station=CS-3&station=NO").content.decode()
    choices = client.get("/charging/commands/stations?q=quay 2").content.decode()

    assert re.findall(r'<li data-station="([^"]+)"', form) == ["CS-3"]
    assert '<option value="1.6" selected>' in form
    assert "<option>ChangeConfiguration</option>" in form
    assert re.findall(r'type="checkbox" value="([^"]+)"', choices) == ["CS-2"]
    assert "CS-" not in signed_in("martinique").get("/charging/commands/stations").content.decode()


def test_stations_to_choose_from_have_pages(stations: None, signed_in: SignIn) -> None:
    for number in range(100, 130):
        station_register(station_id=f"X-{number}", rated_power_kw=22)
    client = signed_in("guadeloupe")

    first = client.get("/charging/commands/stations?q=x-").content.decode()
    more = re.search(r'data-more="([^"]+)"', first)
    assert more is not None
    second = client.get("/charging/commands/stations?" + more[1].replace("&amp;", "&"))

    names = [re.findall(r'checkbox" value="([^"]+)"', t) for t in (first, second.content.decode())]
    assert (len(names[0]), len(names[1])) == (25, 5)
    assert not set(names[0]) & set(names[1])


def test_a_request_is_checked_while_it_is_written(stations: None, signed_in: SignIn) -> None:
    def check(**asked: str) -> Any:
        given = {"version": "2.0.1", "action": "Reset", "payload": "{}", **asked}
        return signed_in("guadeloupe").post("/charging/commands/check", given).json()["errors"]

    assert check() == [{"field": "type", "message": "This field is needed."}]
    assert check(payload=json.dumps(RESET)) == []
    assert check(payload='{"type": "Now"}')[0]["field"] == "type"
    assert check(action="GetLog", payload='{"logType": "DiagnosticsLog", "log": {}}') == [
        {"field": "log.remoteLocation", "message": "This field is needed."}
    ]
    assert not Command.objects.exists()


def test_every_action_has_a_form_that_names_its_required_fields() -> None:
    """Each form says at least as much as the schema asks: a request of all its fields fits."""
    for version in OcppVersion:
        for action in action_names(version):
            form = action_form(version=version, action=action)
            assert form is not None
            errors = payload_errors(
                version=version, action=action, text=json.dumps(example(form["tree"]))
            )
            assert errors == [], (version, action)
    assert action_form(version=OcppVersion.V16, action="BootNotification") is None


def action_names(version: OcppVersion) -> list[str]:
    from apps.console.viewmodels.command_form import actions_of

    return [name for names in actions_of(version).values() for name in names]


def example(tree: dict[str, Any]) -> Any:
    """The least that a form lets through: its required fields with plain values."""
    if tree.get("enum"):
        return tree["enum"][0]
    if tree["type"] == "object":
        return {name: example(tree["fields"][name]) for name in tree.get("required", ())}
    if tree["type"] == "array":
        return [example(tree["items"])] * tree.get("minItems", 0)
    plain = {"integer": 1, "number": 1.5, "boolean": True, "any": "x"}
    return plain.get(tree["type"], "x")


def test_commands_and_load_groups_make_the_feed_dirty() -> None:
    assert {CommandChanged, LoadGroupChanged} <= set(EVENTS)


def test_the_overview_shows_the_last_bulk_commands(stations: None, signed_in: SignIn) -> None:
    batch = batch_start(action="ClearCache", payload={}, station_ids=None, reason="tokens moved")

    text = signed_in("guadeloupe").get("/charging/commands/").content.decode()

    assert f"/charging/commands/batches/{batch.pk}/" in text
    assert "tokens moved" in text
