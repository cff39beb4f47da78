"""Tariffs over HTTP: exact numbers, who may, whose."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.models import TariffAssignment, TariffVersion
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.exact_json import exact_loads
from tests.billing.tariffs.conftest import NOW, content, element, tariff_make

BASE = "/api/v1/"


def client_of(schema: str = "guadeloupe", role: Role = Role.BILLING) -> Client:
    client = Client(headers={"host": f"{schema}.localhost"})
    with operator_context(schema):
        client.force_login(user_ensure(username=f"u-{role.name}", password="pw", role=role))
    return client


def call(client: Client, method: str, address: str, body: str | None = None) -> tuple[int, Any]:
    answer = client.generic(method, BASE + address, body or "", content_type="application/json")
    return answer.status_code, exact_loads(answer.content) if answer.content else None


def test_from_the_draft_to_the_price(operator_a: Operator) -> None:
    client = client_of()
    energy = '{"type": "ENERGY", "price": 0.10, "vat": 8.5, "step_size": 1}'
    written = f'{{"currency": "EUR", "elements": [{{"price_components": [{energy}]}}]}}'
    made = f'{{"code": "T-1", "name": "T", "content": {written}}}'

    status, tariff = call(client, "POST", "tariffs", made)
    where = f"tariffs/{tariff['id']}/versions"
    assert (status, tariff["draft"], tariff["in_force"]) == (201, 1, None)
    _status, version = call(client, "GET", f"{where}/1")
    assert str(version["content"]["elements"][0]["price_components"][0]["price"]) == "0.10"
    body = json.dumps({"content": {**content(), "elements": [
        {"price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}]}]}})  # fmt: skip
    assert call(client, "PUT", f"{where}/1", body)[0] == 200
    assert call(client, "POST", f"{where}/1/issue", "{}")[0] == 200
    assert call(client, "PUT", f"{where}/1", body)[0] == 409
    assert call(client, "POST", where)[0] == 201
    assert call(client, "DELETE", f"{where}/2")[0] == 204
    status, told = call(
        client, "POST", f"{where}/1/preview",
        '{"arrival": "2026-03-10T12:00:00Z", "energy_kwh": "7.5", "power_kw": "11"}',
    )  # fmt: skip
    assert (status, told["total_cost"]["excl_vat"]) == (200, "7.50")
    status, ocpi = call(client, "GET", f"{where}/1/ocpi?ocpi=2.3.0")
    assert (status, ocpi["id"], ocpi["tax_included"]) == (200, "T-1", "NO")
    assert [one["number"] for one in call(client, "GET", where)[1]["results"]] == [1]


@pytest.mark.parametrize("body", ["{", '{"a": NaN}', "[1]", "{}", '{"id": "x", "elements": 1}'])
def test_what_is_no_tariff_is_refused_with_words(operator_a: Operator, body: str) -> None:
    status, told = call(client_of(), "POST", "tariffs/import", body)

    assert status == 400
    assert told["message"]
    assert not TariffVersion.objects.exists()


def test_assignments_and_the_choice(operator_a: Operator, station: Any) -> None:
    client, version = client_of(), tariff_make("DAY", element("0.3"))
    body = json.dumps({"tariff_id": version.tariff_id, "scope": "station",
                       "target_id": station.pk, "valid_from": "2026-12-01T00:00:00Z"})  # fmt: skip

    status, made = call(client, "POST", "tariff-assignments", body)
    choice = call(client, "GET", "tariff-choice?station=CS-001&at=2026-12-02T00:00:00Z")[1]

    assert (status, made["target_id"], made["created_by"]) == (201, station.pk, "u-BILLING")
    assert (choice["tariff_id"], choice["version"]) == (version.tariff_id, 1)
    assert [one["verdict"] for one in choice["considered"]] == ["chosen"]
    assert call(client, "GET", "tariff-choice?station=CS-9")[0] == 404
    listed = call(client, "GET", f"tariff-assignments?tariff_id={version.tariff_id}")[1]
    assert [one["id"] for one in listed["results"]] == [made["id"]]
    assert call(client, "POST", f"tariff-assignments/{made['id']}/end", "{}")[0] in (200, 204)


def test_others_only_look_and_other_operators_see_nothing(
    operator_a: Operator, operator_b: Operator
) -> None:
    version = tariff_make("DAY", element(str(Decimal("0.3"))), since=NOW)
    where = f"tariffs/{version.tariff_id}"
    analyst, stranger = client_of(role=Role.ANALYST), client_of("martinique")

    assert call(analyst, "GET", where)[0] == 200
    acts = (("POST", "tariffs"), ("POST", "tariffs/import"), ("PATCH", where),
            ("POST", f"{where}/versions"), ("PUT", f"{where}/versions/1"),
            ("POST", f"{where}/versions/1/issue"), ("POST", "tariff-assignments"))  # fmt: skip
    assert {call(analyst, method, address, "{}")[0] for method, address in acts} == {403}
    assert call(stranger, "GET", "tariffs")[1]["results"] == []
    reads = ("", "/versions", "/versions/1", "/versions/1/ocpi")
    assert {call(stranger, "GET", where + more)[0] for more in reads} == {404}
    assert call(stranger, "PATCH", where, '{"name": "X"}')[0] == 404
    assert not TariffAssignment.objects.exists()
