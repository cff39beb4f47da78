"""The room of roaming: partners, their log, sessions in both directions."""

import csv
import io
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure
from apps.assets.models import Site
from apps.billing.models import BillingAccount
from apps.chargers.choices import SessionState
from apps.chargers.models import Session
from apps.chargers.services import station_register
from apps.ocpi.access import token_hash, token_make
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import (
    Exchange,
    Partner,
    PartnerEndpoint,
    PartnerLocation,
    PartnerRole,
    PartnerSession,
    Party,
    Published,
    Pull,
    RoamingSession,
)
from apps.outbox.models import OutboxMessage
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
AtMost = Callable[[int], AbstractContextManager[None]]
NOW = datetime.fromisoformat("2026-11-23T15:07:30+00:00")
PAGES = ("/roaming/", "/roaming/lagon/", "/roaming/log/", "/roaming/sessions/",
         "/roaming/sessions/?tab=out")  # fmt: skip


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("roaming_partners", "roaming_log", "roaming_sessions"):
        monkeypatch.setattr(f"apps.console.views.{module}.utc_now", lambda: NOW)


@pytest.fixture
def roaming(operator_a: Operator) -> Partner:
    """Guadeloupe roams with Lagon, a mobility provider; its messages and sessions."""
    return room_make()


def room_make(code: str = "lagon", name: str = "Lagon Mobility") -> Partner:
    roles_ensure()
    Party.objects.get_or_create(role="CPO", country_code="GP", party_id="CFG", name="Cariflex")
    partner = Partner.objects.create(
        code=code, name=name, state=PartnerState.REGISTERED, role="EMSP", version="2.2.1",
        versions_url=f"https://{code}.example/ocpi/versions", token_out="secret-out",
        token_in_hash=token_hash(token_make()), last_in_at=NOW, registered_at=NOW,
        pushed_kinds=["locations", "sessions"],
    )  # fmt: skip
    PartnerRole.objects.create(partner=partner, role="EMSP", country_code="FR", party_id="LAG")
    for module, role in (("tokens", "SENDER"), ("sessions", "RECEIVER")):
        PartnerEndpoint.objects.create(
            partner=partner, identifier=module, role=role, url=f"https://{code}.example/{module}"
        )
    exchange(partner, 1, path="/ocpi/2.2.1/sender/locations/1", correlation_id="c-1",
             response_body='{"data":{"power":1.500},"status_code":1000}')  # fmt: skip
    exchange(partner, 2, direction="out", module="sessions", method="PUT", latency_ms=120,
             path=f"https://{code}.example/sessions/9", correlation_id="c-1",
             request_body='{"kwh":2.50}')  # fmt: skip
    exchange(partner, 3, direction="out", module="sessions", method="PUT", http_status=500,
             status_code=None, error="answered HTTP 500", latency_ms=80)  # fmt: skip
    exchange(partner, 4, status_code=2001, module="tokens", method="PUT")
    # Two days old: outside the 24 hours that are shown at first.
    exchange(partner, 48 * 60, module="cdrs")
    exchange(None, 5, http_status=401, status_code=2001, module="versions")
    return partner


def exchange(partner: Partner | None, minutes: int, **fields: Any) -> Exchange:
    values = {
        "direction": "in", "method": "GET", "path": "/ocpi/x", "module": "locations",
        "version": "2.2.1", "http_status": 200, "status_code": 1000, "latency_ms": 20.0, **fields,
    }  # fmt: skip
    return Exchange.objects.create(partner=partner, at=NOW - timedelta(minutes=minutes), **values)


def session_in(partner: Partner, number: int) -> RoamingSession:
    site, _new = Site.objects.get_or_create(
        code="marina", defaults={"name": "Marina", "time_zone": "America/Guadeloupe"}
    )
    station = station_register(
        station_id=f"CS-{number}", evses=1, site_id=site.pk, connector_type="sType2",
        name=f"Marina {number}", commune="Le Gosier", rated_power_kw=22.0, latitude=16.2,
        longitude=-61.4,
    )  # fmt: skip
    session = Session.objects.create(
        station=station, evse=station.evses.get(), transaction_id=f"t-{number}",
        id_token="04A1B2C3D4", state=SessionState.ACTIVE, started_at=NOW - timedelta(hours=1),
        energy_kwh=Decimal("7.5"),
    )  # fmt: skip
    return RoamingSession.objects.create(
        session=session, partner=partner, auth_method="AUTH_REQUEST",
        token={"country_code": "FR", "party_id": "LAG", "uid": "04A1B2C3D4"},
    )  # fmt: skip


def session_out(partner: Partner, number: int, status: str = "ACTIVE") -> PartnerSession:
    PartnerLocation.objects.get_or_create(
        partner=partner, country_code="FR", party_id="LAG", object_id="LOC1",
        defaults={"content": {"name": "Parking du Lagon", "city": "Nice"},
                  "last_updated": NOW, "received_at": NOW},
    )  # fmt: skip
    return PartnerSession.objects.create(
        partner=partner, country_code="FR", party_id="LAG", object_id=f"S{number}", status=status,
        started_at=NOW - timedelta(minutes=30), last_updated=NOW, received_at=NOW,
        content={"location_id": "LOC1", "evse_uid": "E1", "kwh": Decimal("12.25"),
                 "currency": "EUR", "cdr_token": {"uid": "0499887766"}, "status": status,
                 "total_cost": {"before_taxes": Decimal("4.00"),
                                "taxes": [{"name": "VAT", "amount": Decimal("0.80")}]}},
    )  # fmt: skip


def text_of(client: Client, address: str, **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200, (address, response.status_code)
    return response.content.decode()


@pytest.mark.parametrize("role", [Role.OPERATOR_ADMIN, Role.OPERATIONS, Role.BILLING, Role.ANALYST])
def test_pages_open_for_who_may_see(role: Role, roaming: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=role)
    one = Exchange.objects.filter(correlation_id="c-1").first()
    assert one is not None

    for address in (*PAGES, f"/roaming/log/{one.pk}/"):
        text = text_of(client, address)
        assert " style=" not in text
        assert "secret-out" not in text
        assert 'aria-current="page"' in text


def test_nobody_else_opens_them(roaming: Partner, signed_in: SignIn) -> None:
    machine = signed_in("guadeloupe", role=Role.PARTNER_API)

    for address in (*PAGES, "/roaming/log/1/", "/roaming/log/export.csv"):
        assert machine.get(address).status_code == 403, address
        assert Client(headers={"host": "guadeloupe.localhost"}).get(address).status_code == 302


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.BILLING, Role.ANALYST])
def test_who_may_not_register_acts_on_no_partner(
    role: Role, roaming: Partner, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe", role=role)

    assert "/roaming/invite" not in text_of(client, "/roaming/")
    assert "/suspend" not in text_of(client, "/roaming/lagon/")
    for address in ("invite", "register", "lagon/invite", "lagon/rotate", "lagon/suspend",
                    "lagon/resume"):  # fmt: skip
        assert client.post(f"/roaming/{address}").status_code == 403, address
    may_pull = role == Role.OPERATIONS
    assert client.post("/roaming/lagon/pull").status_code == (302 if may_pull else 403)
    roaming.refresh_from_db()
    assert roaming.state == PartnerState.REGISTERED
    assert Pull.objects.count() == int(may_pull)


def test_another_operator_sees_nothing_of_it(
    operator_a: Operator, operator_b: Operator, signed_in: SignIn
) -> None:
    partner = room_make()
    session_in(partner, 1)
    session_out(partner, 1)
    one = Exchange.objects.order_by("pk").first()
    assert one is not None
    with operator_context("martinique"):
        roles_ensure()
    client = signed_in("martinique", role=Role.OPERATOR_ADMIN)

    for address in ("/roaming/", "/roaming/log/?span=all", "/roaming/sessions/",
                    "/roaming/sessions/?tab=out"):  # fmt: skip
        text = text_of(client, address)
        assert "Lagon" not in text
        assert "data-exchange=" not in text
        assert "data-session=" not in text
    for address in ("/roaming/lagon/", f"/roaming/log/{one.pk}/"):
        assert client.get(address).status_code == 404
    assert client.post("/roaming/lagon/suspend").status_code == 404
    file = b"".join(client.get("/roaming/log/export.jsonl?span=all").streaming_content)
    assert file == b""


def test_the_list_tells_errors_answers_and_the_queue(roaming: Partner, signed_in: SignIn) -> None:
    for number in range(3):
        OutboxMessage.objects.create(
            destination=roaming.destination, kind="ocpi.push", payload={}, next_attempt_at=NOW,
            order_key=f"sessions:{number}", state="waiting" if number else "delivered",
        )  # fmt: skip

    text = text_of(signed_in("guadeloupe", role=Role.ANALYST), "/roaming/")

    row = re.search(r'<tr data-partner="lagon">.*?</tr>', text, re.S)
    assert row is not None
    assert "OCPI 2.2.1" in row[0]
    assert 'data-state="registered"' in row[0]
    # Four messages with the partner in 24 hours: a 500 and a 2001 among them.
    assert "2 of 4" in row[0]
    assert "50.0" in row[0]
    # Its answers took 120 ms and 80 ms.
    assert "100 / 118 ms" in row[0]
    assert re.search(r'data-label="Waiting" class="number">2<', row[0])


def test_lists_ask_no_more_for_more_rows(
    roaming: Partner, signed_in: SignIn, queries_at_most: AtMost
) -> None:
    account = BillingAccount.objects.create(code="acme", name="Acme", kind="emsp")
    for number in range(8):
        other = room_make(f"p{number}", f"Partner {number}")
        Partner.objects.filter(pk=other.pk).update(account=account)
        session_in(other, number)
        session_out(other, number)
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    text_of(client, "/roaming/")

    # Operator, session, user, rights 3.
    for address, own in (("/roaming/", 4), ("/roaming/lagon/", 12), ("/roaming/log/", 5),
                         ("/roaming/sessions/", 7), ("/roaming/sessions/?tab=out", 6)):  # fmt: skip
        with queries_at_most(6 + own):
            text_of(client, address)


def test_a_partner_is_told_in_words(roaming: Partner, signed_in: SignIn) -> None:
    PartnerRole.objects.create(
        partner=roaming, role="CPO", country_code="FR", party_id="XYZ", hub_status="OFFLINE"
    )
    OutboxMessage.objects.create(
        destination=roaming.destination, kind="ocpi.push", payload={}, next_attempt_at=NOW,
        order_key="sessions:77", last_error="answered HTTP 500", attempts=3,
    )  # fmt: skip
    Pull.objects.create(
        partner=roaming, kind="tokens", mode="full", seen=30, stored=28, announced=120,
        started_at=NOW,
    )  # fmt: skip
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)

    text = text_of(client, "/roaming/lagon/")
    part = text_of(client, "/roaming/lagon/", **{"X-Fragment": "live-part"})

    assert "FR*XYZ" in text
    assert 'data-state="OFFLINE"' in text
    assert "locations, sessions" in text
    assert "dropped: the partner pulls" in text
    assert "https://lagon.example/tokens" in text
    assert "module=tokens&amp;direction=in&amp;errors=on" in text
    assert "<html" not in part
    for shown in (text, part):
        assert "sessions:77" in shown
        assert "30 of 120" in shown
        assert 'value="25"' in shown


def test_a_token_is_shown_once(roaming: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)

    reply = client.post("/roaming/invite", {"name": "Plage", "role": "CPO"})

    text = reply.content.decode()
    partner = Partner.objects.get(code="plage")
    token = re.search(r'id="token" readonly value="([^"]+)"', text)
    assert reply.status_code == 200
    assert reply.headers["Cache-Control"] == "no-store"
    assert token is not None
    assert partner.token_in_hash == token_hash(token[1])
    assert partner.state == PartnerState.INVITED
    assert "/ocpi/versions" in text
    for address in ("/roaming/", "/roaming/plage/", "/roaming/log/?span=all"):
        assert token[1] not in text_of(client, address)
    assert token[1] not in str(dict(client.session.items()))

    again = client.post("/roaming/plage/invite").content.decode()

    assert token[1] not in again
    partner.refresh_from_db()
    assert partner.token_in_hash != token_hash(token[1])


def test_refusals_are_words_and_keep_what_was_typed(roaming: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    form = {"name": "Plage", "role": "CPO", "versions_url": "plage", "token": "T-1"}

    nameless = client.post("/roaming/invite", {"name": " ", "role": "CPO"}).content.decode()
    refused = client.post("/roaming/register", form).content.decode()
    bad_token = client.post(
        "/roaming/register", form | {"versions_url": "https://plage.example/v", "token": "a b"}
    ).content.decode()
    not_registered = client.post("/roaming/plage/rotate", follow=True).content.decode()

    assert "Give the partner a name." in nameless
    assert "The versions URL begins with" in refused
    assert 'value="plage"' in refused
    assert "T-1" not in refused
    assert "This is not a token" in bad_token
    assert "The partner is not registered." in not_registered
    assert client.post("/roaming/nobody/suspend").status_code == 404


def test_a_partner_is_suspended_and_resumed(roaming: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)

    client.post("/roaming/lagon/suspend")
    roaming.refresh_from_db()
    assert roaming.state == PartnerState.SUSPENDED
    page = client.post("/roaming/lagon/pull", follow=True).content.decode()
    assert "The partner is not registered." in page
    assert "/roaming/lagon/resume" in page
    client.post("/roaming/lagon/resume")

    roaming.refresh_from_db()
    assert roaming.state == PartnerState.REGISTERED
    assert not Pull.objects.exists()


def test_lists_are_read_now(
    roaming: Partner, signed_in: SignIn, django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sent: list[int] = []
    monkeypatch.setattr("apps.console.services.roaming.pull_run.enqueue", sent.append)
    client = signed_in("guadeloupe", role=Role.OPERATIONS)

    client.post("/roaming/lagon/pull", {"mode": "full"})

    # Tokens alone: of sessions Lagon is a receiver.
    pull = Pull.objects.get()
    assert (pull.kind, pull.mode) == ("tokens", "full")
    assert sent == [pull.pk]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 5), ("span=all", 6), ("span=week", 6), ("partner=lagon", 4), ("partner=x", 0),
        ("direction=out", 2), ("module=sessions", 2), ("module=nonsense&direction=x&span=x", 5),
        ("errors=on", 3), ("errors=on&partner=lagon", 2), ("correlation=c-1", 2),
        ("q=/SESSIONS/9", 1), ("q=%00", 5), ("after=x", 5),
        # 11:05 in Guadeloupe is 15:05 UTC.
        ("start=2026-11-23T11:05", 2), ("start=2026-11-01T00:00&end=2026-11-23T11:05", 4),
        ("end=nonsense", 5), ("after=2026-11-23T15:04:30%2B00:00~0", 2),
    ],
)  # fmt: skip
def test_the_log_is_searched(query: str, count: int, roaming: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.ANALYST)

    text = text_of(client, f"/roaming/log/?{query}", **{"X-Fragment": "live-part"})

    assert "<html" not in text
    assert text.count("data-exchange=") == count


def test_pages_of_the_log_follow_without_a_gap(
    roaming: Partner, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.console.viewmodels.roaming_log.PAGE_SIZE", 2)
    client = signed_in("guadeloupe", role=Role.ANALYST)
    seen: list[str] = []
    address: str | None = "/roaming/log/?span=all"

    while address:
        text = text_of(client, address)
        seen += re.findall(r'data-exchange="(\d+)"', text)
        older = re.search(r'rel="next" href="([^"]+)"', text)
        address = "/roaming/log/" + older[1].replace("&amp;", "&") if older else None

    assert len(seen) == len(set(seen)) == Exchange.objects.count()


def test_an_exchange_shows_bodies_and_all_hops(roaming: Partner, signed_in: SignIn) -> None:
    one, other = Exchange.objects.filter(correlation_id="c-1").order_by("-at")

    text = text_of(signed_in("guadeloupe", role=Role.ANALYST), f"/roaming/log/{one.pk}/")

    # Digits as they were sent.
    assert "&quot;power&quot;: 1.500" in text
    assert text.count("data-exchange=") == 2
    assert f"/roaming/log/{other.pk}/" in text


def test_the_log_is_exported(
    roaming: Partner, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.ocpi.selectors.exchanges.EXPORT_ROWS", 2)
    Exchange.objects.filter(error__startswith="answered").update(error="=1+1")
    client = signed_in("guadeloupe", role=Role.ANALYST)

    table = b"".join(client.get("/roaming/log/export.csv?errors=on").streaming_content)
    lines = b"".join(client.get("/roaming/log/export.jsonl?span=all").streaming_content)

    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert [row["http_status"] for row in rows] == ["500", "200", "401"]
    assert rows[0]["error"] == "'=1+1"
    told = [json.loads(line) for line in lines.decode().splitlines()]
    assert len(told) == 6
    assert told[0]["partner"] == "lagon"
    assert told[0]["at"] == "2026-11-23T15:06:30Z"


def test_an_export_ends_at_its_bound(
    roaming: Partner, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.ocpi.selectors.exchanges.EXPORT_ROWS", 2)
    monkeypatch.setattr("apps.ocpi.selectors.exchanges.EXPORT_MAX", 4)
    client = signed_in("guadeloupe", role=Role.ANALYST)

    lines = b"".join(client.get("/roaming/log/export.jsonl?span=all").streaming_content)

    assert lines.count(b"\n") == 4


def test_sessions_of_both_directions(roaming: Partner, signed_in: SignIn) -> None:
    known = session_in(roaming, 1)
    price = {"before_taxes": 2.00, "taxes": [{"name": "VAT", "amount": 0.17}]}
    told = {"currency": "EUR", "status": "ACTIVE", "total_cost": price}
    Published.objects.create(
        kind="sessions", party=Party.objects.get(), audience=roaming, position=1,
        object_id=str(known.session_id), content=json.dumps(told), content_2_2_1="{}",
        last_updated=NOW, created_at=NOW,
    )  # fmt: skip
    session_out(roaming, 1)
    session_out(roaming, 2, status="COMPLETED")
    client = signed_in("guadeloupe", role=Role.ANALYST)

    inward = text_of(client, "/roaming/sessions/")
    outward = text_of(client, "/roaming/sessions/?tab=out", **{"X-Fragment": "live-part"})
    running = text_of(client, "/roaming/sessions/?tab=out&running=on&partner=lagon")

    assert "Marina 1" in inward
    assert "FR*LAG" in inward
    assert "7.5" in inward
    # 2.00 and 0.17 of VAT.
    assert "2.17" in inward
    assert "so far" in inward
    assert "04A1B2C3D4" not in inward
    assert "<html" not in outward
    assert outward.count("data-session=") == 2
    assert "Parking du Lagon" in outward
    assert "4.80" in outward
    assert "12.25" in outward or "12.3" in outward
    assert "0499887766" not in outward
    assert running.count("data-session=") == 1
    assert "so far" in running


@pytest.mark.parametrize("query", ["tab=nonsense&page=999", "partner=%00", "page=-1"])
def test_sessions_take_any_query(query: str, roaming: Partner, signed_in: SignIn) -> None:
    assert "No session" in text_of(
        signed_in("guadeloupe", role=Role.ANALYST), f"/roaming/sessions/?{query}"
    )


def test_a_partner_is_never_hidden_behind_a_page(roaming: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)

    client.post("/roaming/invite", {"name": "Log", "role": "CPO"})

    assert Partner.objects.get(name="Log").code == "log-2"
    assert "<h1>Log</h1>" in text_of(client, "/roaming/log-2/")
