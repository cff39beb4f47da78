"""CDRs, the inbox and reconciliations over HTTP; a CDR as OCPI 2.2.1."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.models import BillingException, Cdr
from apps.billing.selectors.cdr_ocpi import cdr_ocpi
from apps.billing.services import cdr_issue, cdr_issue_when_complete, reconciliation
from apps.billing.services.credits import cdr_credit
from apps.billing.services.reconciliation import reconciliation_run
from apps.chargers.models import ChargingStation
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.billing.cdrs.scene import hour_session
from tests.billing.conftest import session_make

pytestmark = pytest.mark.usefixtures("tariff")
Ask = Callable[..., Any]


@pytest.fixture
def ask(operator_a: Operator) -> Ask:
    """A billing clerk's requests to the API of Guadeloupe."""
    with operator_context("guadeloupe"):
        user = user_ensure(username="colette", password="x", role=Role.BILLING)
        client = Client(headers={"host": "guadeloupe.localhost"})
        client.force_login(user)

    def request(address: str, body: dict[str, Any] | None = None) -> Any:
        if body is None:
            return client.get(f"/api/v1/{address}")
        return client.post(f"/api/v1/{address}", json.dumps(body), "application/json")

    return request


def test_cdrs_are_listed_and_filtered(ask: Ask, station: ChargingStation) -> None:
    cdrs = [cdr_issue(session_id=hour_session(station, f"tx-{n}", start=n).pk) for n in range(3)]
    credit, _none = cdr_credit(cdr_id=cdrs[0].pk, reason="Wrong", by=None, reissue=False)

    page = ask("cdrs/?limit=2").json()
    rest = ask(page["next"].split("/api/v1/")[1]).json()

    listed = [row["id"] for row in (*page["results"], *rest["results"])]
    assert listed == [str(one.pk) for one in (credit, *reversed(cdrs))]
    assert rest["next"] is None
    for query, expected in (("kind=live", 2), ("kind=credit", 1), ("kind=credited", 1),
                            ("month=2026-03", 4), ("month=2026-04", 0), ("station=CS-001", 4),
                            ("account=nobody", 0)):  # fmt: skip
        assert len(ask(f"cdrs?{query}").json()["results"]) == expected, query
    assert page["results"][0]["takes_back"] == cdrs[0].reference
    assert page["results"][0]["total_incl_vat"] == "-3.2680"


def test_a_cdr_with_its_lines_and_periods(ask: Ask, station: ChargingStation) -> None:
    cdr = cdr_issue(session_id=hour_session(station, "tx-1").pk)

    told = ask(f"cdrs/{cdr.pk}").json()

    assert (told["reference"], told["energy_kwh"], told["total_excl_vat"]) == (
        cdr.reference, "10", "3.0120",
    )  # fmt: skip
    (line,) = told["lines"]
    assert (line["dimension"], line["volume"], line["price"], line["vat"]) == (
        "ENERGY", "10", "0.3012", "8.5",
    )  # fmt: skip
    assert told["charging_periods"][0]["start_date_time"] == "2026-03-10T12:00:00Z"
    assert told["tariff"]["currency"] == "EUR"
    assert "04A2B3C4" not in json.dumps(told)
    assert ask("cdrs/01234567-89ab-cdef-0123-456789abcdef").status_code == 404


def test_a_credit_over_http(ask: Ask, station: ChargingStation) -> None:
    cdr = cdr_issue(session_id=hour_session(station, "tx-1").pk)

    made = ask(f"cdrs/{cdr.pk}/credit", {"reason": "Wrong card", "reissue": True})
    again = ask(f"cdrs/{cdr.pk}/credit", {"reason": "Wrong card"})

    assert made.status_code == 201, made.content
    assert made.json()["credit"]["takes_back"] == cdr.reference
    assert made.json()["corrected"]["replaces"] == cdr.reference
    assert made.json()["corrected"]["issued_by"] == "colette"
    assert again.status_code == 409
    assert ask(f"cdrs/{cdr.pk}/credit", {"reason": ""}).status_code == 400


def test_the_ocpi_object(ask: Ask, station: ChargingStation) -> None:
    cdr = cdr_issue(session_id=hour_session(station, "tx-1").pk)

    told = json.loads(ask(f"cdrs/{cdr.pk}/ocpi").content, parse_float=Decimal)

    assert told["id"] == cdr.reference
    assert len(told["id"]) <= 36
    assert told["cdr_token"] == {
        "country_code": "GP", "party_id": "CFG", "uid": "04A2B3C4", "type": "RFID",
        "contract_id": "04A2B3C4",
    }  # fmt: skip
    assert told["total_cost"] == {"excl_vat": Decimal("3.012"), "incl_vat": Decimal("3.268")}
    assert told["total_energy_cost"] == told["total_cost"]
    assert (told["total_energy"], told["total_time"]) == (10, 1)
    assert told["cdr_location"]["country"] == "GLP"
    assert told["tariffs"][0]["party_id"] == "CFG"
    assert "credit" not in told
    credit, _none = cdr_credit(cdr_id=cdr.pk, reason="Wrong", by=None, reissue=False)
    taken = cdr_ocpi(credit)
    assert (taken["credit"], taken["credit_reference_id"]) == (True, cdr.reference)
    assert taken["total_cost"]["incl_vat"] == Decimal("-3.2680")
    changed = {"id", "credit", "credit_reference_id", "total_cost", "last_updated"}
    same = cdr_ocpi(Cdr.objects.get(pk=cdr.pk))
    assert {key: taken[key] for key in taken if key not in changed} == {
        key: same[key] for key in same if key not in changed
    }


def test_the_inbox_over_http(ask: Ask, station: ChargingStation) -> None:
    session = session_make(station, "tx-1", energy_wh="900000")
    cdr_issue_when_complete(session_id=session.pk, now=utc_now())
    exception = BillingException.objects.get()

    (row,) = ask("billing-exceptions?state=open").json()["results"]
    wrong = ask(f"billing-exceptions/{exception.pk}/resolve", {"action": "accept", "reason": "x"})
    done = ask(
        f"billing-exceptions/{exception.pk}/resolve",
        {"action": "bill_corrected", "reason": "Read on site", "energy_kwh": "9.5"},
    )

    assert (row["kind"], row["actions"]) == (
        "energy_jump", ["bill_as_is", "bill_corrected", "do_not_bill"],
    )  # fmt: skip
    assert wrong.status_code == 400
    assert done.status_code == 200, done.content
    assert (done.json()["state"], done.json()["resolved_by"]) == ("resolved", "colette")
    assert Cdr.objects.get().energy_kwh == Decimal("9.5")
    assert ask(
        f"billing-exceptions/{exception.pk}/reopen", {"reason": "Look again"}
    ).json()["state"] == "open"  # fmt: skip


def test_a_reconciliation_over_http(
    ask: Ask, station: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_enqueue", lambda run_id: None)
    hour_session(station, "tx-1")

    made = ask("reconciliations", {"month": "2026-03"})
    run_id = made.json()["id"]
    reconciliation_run(run_id=run_id)

    assert made.status_code == 201, made.content
    assert ask(f"reconciliations/{run_id}").json()["findings_count"] == 1
    (finding,) = ask(f"reconciliations/{run_id}/findings").json()["results"]
    assert (finding["kind"], finding["actions"]) == ("missing_cdr", ["retry", "accept"])
    done = ask(
        f"reconciliation-findings/{finding['id']}/resolve", {"action": "retry", "reason": "Now"}
    )
    assert done.json()["state"] == "resolved"
    assert Cdr.objects.count() == 1
    assert ask(f"reconciliations/{run_id}/cancel", {}).status_code == 409
    assert ask("reconciliations", {}).status_code == 400


@pytest.mark.parametrize("address", ["cdrs", "cdrs/{cdr}", "cdrs/{cdr}/ocpi", "billing-exceptions",
                                     "reconciliations"])  # fmt: skip
def test_another_operators_cookie_is_nobody(
    address: str, ask: Ask, station: ChargingStation, operator_b: Operator
) -> None:
    cdr = cdr_issue(session_id=hour_session(station, "tx-1").pk)
    with operator_context("guadeloupe"):
        user = user_ensure(username="colette", password="x", role=Role.BILLING)
        client = Client(headers={"host": "guadeloupe.localhost"})
        client.force_login(user)
    path = f"/api/v1/{address.format(cdr=cdr.pk)}"
    assert client.get(path).status_code == 200

    replay = client.get(path, headers={"host": "martinique.localhost"})

    assert replay.status_code in {401, 403}
