"""An operator enters its CitrineOS server and gives its stations to it, and takes them back."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.services import user_ensure
from apps.chargers.models import ChargingStation, CitrineAccount
from apps.chargers.services import station_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

FORM = {
    "name": "island",
    "is_active": "on",
    "tenant_id": "1",
    "rest_url": "https://citrine.example",
    "amqp_url": "amqps://user:broker-secret@citrine.example/",
    "rest_token": "",
    "exchange": "citrineos",
    "graphql_url": "https://citrine.example/v1/graphql",
    "graphql_secret": "hasura-secret",
    "callback_url": "https://guadeloupe.example",
    "starts_at_0": "2026-03-10",
    "starts_at_1": "12:00:00",
    "cursor-TOTAL_FORMS": "0",
    "cursor-INITIAL_FORMS": "0",
}
LIST = "admin:chargers_citrineaccount_changelist"


@pytest.fixture
def client(operator_a: Operator) -> Client:
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    client.force_login(user_ensure(username="admin", password="x", is_superuser=True))
    return client


def test_a_server_is_entered_and_its_secrets_are_kept_and_never_shown(
    client: Client, operator_a: Operator, operator_b: Operator
) -> None:
    added = client.post(reverse("admin:chargers_citrineaccount_add"), FORM)
    with operator_context("guadeloupe"):
        account = CitrineAccount.objects.get()
        page = reverse("admin:chargers_citrineaccount_change", args=[account.pk])
    shown = client.get(page).content.decode()
    cursor = {
        "cursor-TOTAL_FORMS": "1", "cursor-INITIAL_FORMS": "1",
        "cursor-0-id": str(account.cursor.pk), "cursor-0-account": str(account.pk),
    }  # fmt: skip
    emptied = {"amqp_url": "", "graphql_secret": "", "tenant_id": "7"}
    changed = client.post(page, FORM | cursor | emptied)
    second = client.post(reverse("admin:chargers_citrineaccount_add"), FORM | {"name": "two"})

    assert (added.status_code, changed.status_code) == (302, 302)
    assert "broker-secret" not in shown
    assert "hasura-secret" not in shown
    assert account.callback_secret not in shown
    assert second.status_code == 200
    with operator_context("guadeloupe"):
        account = CitrineAccount.objects.get()
    assert (account.tenant_id, account.amqp_url, account.graphql_secret) == (
        7, FORM["amqp_url"], "hasura-secret",
    )  # fmt: skip
    assert len(account.callback_secret) == 64
    with operator_context("martinique"):
        assert not CitrineAccount.objects.exists()


def test_stations_are_given_to_citrineos_and_taken_back(
    client: Client, operator_a: Operator, operator_b: Operator
) -> None:
    client.post(reverse("admin:chargers_citrineaccount_add"), FORM)
    for schema_name in ("guadeloupe", "martinique"):
        with operator_context(schema_name):
            station_register(station_id="CS-1", rated_power_kw=22.0)
    with operator_context("guadeloupe"):
        account = CitrineAccount.objects.get()

    served = []
    for action in ("serve_all", "serve_none"):
        answer = {"action": action, "_selected_action": [account.pk]}
        client.post(reverse(LIST), answer)
        for schema_name in ("guadeloupe", "martinique"):
            with operator_context(schema_name):
                served.append(ChargingStation.objects.get().csms)

    assert served == ["citrineos", "native", "native", "native"]
    listed = client.get(reverse(LIST)).content.decode()
    # Nobody runs `citrineos_bridge` here, and the list says so.
    assert "No process is the bridge" in listed
