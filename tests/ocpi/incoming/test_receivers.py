"""Objects that partners push: PUT, PATCH, DELETE over real HTTP (checklist 10 to 15)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Model

from apps.ocpi.models import (
    Partner,
    PartnerLocation,
    PartnerSession,
    PartnerTariff,
    PartnerToken,
)
from apps.ocpi.services.copies import ObjectKey, copy_locked
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import OcpiPartner, Reply
from tests.ocpi.incoming.conftest import A, B, the_partner
from tests.ocpi.incoming.objects import (
    AT,
    EARLIER,
    LATER,
    connector,
    evse,
    location,
    period,
    session,
    tariff,
    token,
)


def push(platform: OcpiPartner, method: str, module: str, path: str, body: Any = None) -> Reply:
    return platform.call(method, f"{platform.ours(module)}/FR/ABC/{path}", body)


def codes(reply: Reply) -> tuple[int, int]:
    return reply.http, reply.status_code


def the_location() -> Any:
    with operator_context(A):
        return PartnerLocation.objects.get().content


def test_put_makes_and_replaces_a_location(cpo: OcpiPartner) -> None:
    made = push(cpo, "PUT", "locations", "LOC1", location(name="Old", owner={"name": "X"}))
    again = push(cpo, "PUT", "locations", "LOC1", location(at=LATER, name="New"))
    got = push(cpo, "GET", "locations", "loc1")

    assert (codes(made), codes(again), codes(got)) == ((201, 1000), (200, 1000), (200, 1000))
    assert got.data == location(at=LATER, name="New")
    assert "owner" not in the_location()
    with operator_context(B):
        assert not PartnerLocation.objects.exists()


def test_older_push_changes_nothing(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "locations", "LOC1", location(at=LATER, name="New"))

    late = push(cpo, "PUT", "locations", "LOC1", location(at=AT, name="Old"))
    late_patch = push(cpo, "PATCH", "locations", "LOC1", {"name": "Old", "last_updated": AT})

    assert (codes(late), codes(late_patch)) == ((200, 1000), (200, 1000))
    assert the_location()["name"] == "New"


def test_a_change_locks_its_object_and_not_the_partner(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "locations", "LOC1", location())

    def lock(model: type[Model]) -> bool:
        with operator_context(A), closing(connection), transaction.atomic():
            try:
                model._default_manager.select_for_update(nowait=True).order_by("pk").first()
            except OperationalError:
                return False
            return True

    with operator_context(A), ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        key = ObjectKey("FR", "ABC", "loc1")
        assert copy_locked(the_partner(), "locations", key).content["id"] == "LOC1"
        assert elsewhere.submit(lock, Partner).result()
        assert not elsewhere.submit(lock, PartnerLocation).result()


@pytest.mark.parametrize(
    ("path", "body", "wanted"),
    [
        ("LOC1", location("LOC2"), (200, 2001)),
        ("LOC1", location(party_id="XYZ"), (200, 2001)),
        ("LOC1", {"id": "LOC1"}, (200, 2002)),
        ("LOC9/E1", evse(), (200, 2003)),
        ("LOC9/E1/1", connector(), (200, 2003)),
        ("LOC1/E1/1/x", connector(), (404, 2000)),
    ],
)
def test_bad_puts_change_nothing(
    cpo: OcpiPartner, path: str, body: Any, wanted: tuple[int, int]
) -> None:
    reply = push(cpo, "PUT", "locations", path, body)

    assert codes(reply) == wanted
    with operator_context(A):
        assert not PartnerLocation.objects.exists()


def test_another_party_is_not_found(cpo: OcpiPartner) -> None:
    url = f"{cpo.ours('locations')}/FR/XYZ/LOC1"

    for method in ("GET", "PUT", "PATCH"):
        body = None if method == "GET" else location(party_id="XYZ")
        assert cpo.call(method, url, body).http == 404


def test_evse_and_connector_move_their_parents(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "locations", "LOC1", location(at=EARLIER))

    added = push(cpo, "PUT", "locations", "LOC1/E2", evse("E2", at=AT))
    status = push(cpo, "PATCH", "locations", "LOC1/e1", {"status": "CHARGING", "last_updated": AT})
    plug = push(
        cpo, "PATCH", "locations", "LOC1/E1/1", {"tariff_ids": ["T1"], "last_updated": LATER}
    )

    assert [codes(one) for one in (added, status, plug)] == [(201, 1000), (200, 1000), (200, 1000)]
    found = the_location()
    first, second = found["evses"]
    assert found["last_updated"] == LATER
    assert (first["last_updated"], second["last_updated"]) == (LATER, AT)
    assert first["status"] == "CHARGING"
    assert first["connectors"][0]["tariff_ids"] == ["T1"]
    assert push(cpo, "GET", "locations", "LOC1/E1/1").data["tariff_ids"] == ["T1"]


def test_removed_evse_stays_with_its_status(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "locations", "LOC1", location())

    push(cpo, "PATCH", "locations", "LOC1/E1", {"status": "REMOVED", "last_updated": LATER})

    assert [one["status"] for one in the_location()["evses"]] == ["REMOVED"]


def test_evses_in_a_location_patch_are_merged(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "locations", "LOC1", location(evses=[evse("E1"), evse("E2")]))

    changed = evse("e2", at=LATER, status="BLOCKED")
    push(cpo, "PATCH", "locations", "LOC1", {"evses": [changed], "last_updated": LATER})

    assert [one["status"] for one in the_location()["evses"]] == ["AVAILABLE", "BLOCKED"]


def test_patch_says_when_and_of_what_is_known(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "locations", "LOC1", location())

    assert codes(push(cpo, "PATCH", "locations", "LOC1", {"name": "X"})) == (200, 2001)
    later = {"name": "X", "last_updated": LATER}
    assert codes(push(cpo, "PATCH", "locations", "LOC9", later)) == (404, 2003)
    assert codes(push(cpo, "PATCH", "locations", "LOC1/E9", {"last_updated": LATER})) == (404, 2003)
    assert codes(push(cpo, "GET", "locations", "LOC1/E9")) == (404, 2003)
    assert codes(push(cpo, "DELETE", "locations", "LOC1")) == (405, 2000)


def test_null_in_a_patch_takes_a_field_away(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "locations", "LOC1", location(name="X"))

    push(cpo, "PATCH", "locations", "LOC1", {"name": None, "last_updated": LATER})

    assert "name" not in the_location()


def test_session_patch_adds_periods_and_put_replaces_them(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "sessions", "S1", session(charging_periods=[period()]))
    more = {"charging_periods": [period(AT, 2)], "kwh": 12.5, "last_updated": LATER}

    push(cpo, "PATCH", "sessions", "S1", more)
    push(cpo, "PATCH", "sessions", "S1", more)

    got = push(cpo, "GET", "sessions", "S1").data
    assert [one["start_date_time"] for one in got["charging_periods"]] == [EARLIER, AT]
    assert got["kwh"] == 12.5
    push(cpo, "PUT", "sessions", "S1", session(at="2026-03-10T12:00:00Z", charging_periods=[]))
    with operator_context(A):
        assert not PartnerSession.objects.get().content.get("charging_periods")


def test_late_session_patch_still_adds_its_period(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "sessions", "S1", session(at=EARLIER))
    second = {"charging_periods": [period(AT)], "kwh": 20, "last_updated": LATER}
    first = {"charging_periods": [period(EARLIER)], "kwh": 10, "last_updated": AT}

    push(cpo, "PATCH", "sessions", "S1", second)
    push(cpo, "PATCH", "sessions", "S1", first)

    got = push(cpo, "GET", "sessions", "S1").data
    assert [one["start_date_time"] for one in got["charging_periods"]] == [EARLIER, AT]
    assert (got["kwh"], got["last_updated"]) == (20, LATER)


def test_session_ends(cpo: OcpiPartner) -> None:
    push(cpo, "PUT", "sessions", "S1", session())

    push(cpo, "PATCH", "sessions", "S1", {"status": "COMPLETED", "last_updated": LATER})

    with operator_context(A):
        assert PartnerSession.objects.get().status == "COMPLETED"


def test_tariff_is_put_and_deleted_and_never_patched(cpo: OcpiPartner) -> None:
    assert codes(push(cpo, "PUT", "tariffs", "T1", tariff())) == (201, 1000)
    assert push(cpo, "GET", "tariffs", "t1").data == tariff()
    assert codes(push(cpo, "PATCH", "tariffs", "T1", {"last_updated": LATER})) == (405, 2000)
    assert codes(push(cpo, "DELETE", "tariffs", "T1")) == (200, 1000)
    assert codes(push(cpo, "DELETE", "tariffs", "T1")) == (404, 2001)
    with operator_context(A):
        assert not PartnerTariff.objects.exists()


def test_tokens_are_told_apart_by_type(emsp: OcpiPartner) -> None:
    app = token("ABCD1234", type="APP_USER")

    assert codes(push(emsp, "PUT", "tokens", "ABCD1234", token())) == (201, 1000)
    assert codes(push(emsp, "PUT", "tokens", "ABCD1234?type=APP_USER", app)) == (201, 1000)
    assert codes(push(emsp, "PUT", "tokens", "ABCD1234?type=RFID", app)) == (200, 2001)
    assert codes(push(emsp, "PUT", "tokens", "abcd1234", token("abcd1234"))) == (200, 1000)
    off = {"valid": False, "last_updated": LATER}
    assert codes(push(emsp, "PATCH", "tokens", "ABCD1234", off)) == (200, 1000)
    assert codes(push(emsp, "PATCH", "tokens", "ABCD1234?type=OTHER", off)) == (404, 2004)
    assert codes(push(emsp, "DELETE", "tokens", "ABCD1234")) == (405, 2000)

    assert push(emsp, "GET", "tokens", "ABCD1234").data["valid"] is False
    assert push(emsp, "GET", "tokens", "ABCD1234?type=APP_USER").data == app
    with operator_context(A):
        rows = PartnerToken.objects.order_by("type").values_list("type", "is_valid")
        assert list(rows) == [("APP_USER", True), ("RFID", False)]


def test_pushes_at_once_leave_the_newest(cpo: OcpiPartner) -> None:
    times = [f"2026-03-10T10:00:{second:02d}Z" for second in range(20)]

    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(
                lambda at: push(cpo, "PUT", "locations", "LOC1", location(at=at, name=at)), times
            )
        )

    assert sorted(reply.http for reply in replies) == [200] * 19 + [201]
    assert the_location()["name"] == times[-1]
