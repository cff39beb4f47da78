"""Whether partners' customers may charge at our stations, and ours at theirs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chargers.choices import AuthorizationStatus
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services import station_register, token_register
from apps.chargers.services.tokens import token_authorize
from apps.ocpi.choices import Direction
from apps.ocpi.models import Partner, PartnerToken, RemoteCommand, TokenAsk
from apps.ocpi.ports_in import AUTHORIZER
from apps.ocpi.selectors.authorizations import answer_times
from apps.ocpi.selectors.partner_tokens import tokens_shown
from apps.ocpi.services.authorize import token_asks_prune
from apps.tenants.context import operator_context
from tests.chargers.conftest import TOKEN
from tests.contracts.ocpi_partner import Fault, OcpiPartner
from tests.ocpi.incoming.conftest import A, registered, the_partner
from tests.ocpi.incoming.objects import LATER, location, token
from tests.ocpi.server import Site

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
UID = "ABCD1234"
Status = AuthorizationStatus


@pytest.fixture
def station(emsp: OcpiPartner) -> OcpiPartner:
    """The provider; CS-001 of Guadeloupe has one EVSE."""
    with operator_context(A):
        station_register(
            station_id="CS-001", password="guadeloupe-secret-000001", rated_power_kw=22.0
        )
    return emsp


def known(platform: OcpiPartner, whitelist: str = "ALLOWED", **fields: Any) -> None:
    kind = fields.get("type", "RFID")
    body = token(UID, whitelist=whitelist, **fields)
    reply = platform.call("PUT", f"{platform.ours('tokens')}/FR/ABC/{UID}?type={kind}", body)
    assert reply.status_code == 1000
    platform.requests.clear()


def answers(platform: OcpiPartner, allowed: str = "ALLOWED", **fields: Any) -> None:
    info = {"allowed": allowed, "token": token(UID, whitelist="NEVER"), **fields}
    platform.allowed[UID] = info


def shown(
    uid: str = UID, kind: str = "ISO14443", since: datetime | None = None, now: datetime = NOW
) -> TokenDecision:
    with operator_context(A):
        return token_authorize(TokenQuestion(uid, kind, "CS-001", now, since))


def asks() -> list[tuple[str, str, str]]:
    with operator_context(A):
        rows = TokenAsk.objects.filter(direction=Direction.OUT).order_by("pk")
        return [(row.outcome, row.allowed, row.authorization_reference) for row in rows]


@pytest.mark.parametrize("whitelist", ["ALWAYS", "ALLOWED"])
def test_trusted_tokens_are_not_asked_about(station: OcpiPartner, whitelist: str) -> None:
    known(station, whitelist, group_id="G1", language="fr")

    decision = shown("abcd1234")

    assert (decision.status, decision.group_id, decision.language) == (Status.ACCEPTED, "G1", "fr")
    assert station.requests == []
    assert asks() == [("remembered", "ALLOWED", "")]


@pytest.mark.parametrize("whitelist", ["ALWAYS", "ALLOWED", "ALLOWED_OFFLINE"])
def test_token_that_is_not_valid_is_refused(station: OcpiPartner, whitelist: str) -> None:
    known(station, whitelist, valid=False)

    assert shown().status == Status.INVALID
    assert station.requests == []


@pytest.mark.parametrize("whitelist", ["NEVER", "ALLOWED_OFFLINE"])
def test_others_are_asked_about(station: OcpiPartner, whitelist: str) -> None:
    known(station, whitelist)
    answers(station, authorization_reference="REF1", info={"language": "en", "text": "Welcome"})

    decision = shown()

    assert (decision.status, decision.personal_message) == (Status.ACCEPTED, "Welcome")
    (request,) = station.requests
    assert (request.method, request.path) == ("POST", f"/2.2.1/sender/tokens/{UID}/authorize")
    assert request.json() == {"location_id": "CS-001", "evse_uids": ["CS-001-1"]}
    assert request.headers["ocpi-to-party-id"] == "ABC"
    assert request.headers["ocpi-from-party-id"] == "CFG"
    assert asks() == [("answered", "ALLOWED", "REF1")]


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        ("BLOCKED", Status.BLOCKED),
        ("EXPIRED", Status.EXPIRED),
        ("NO_CREDIT", Status.NO_CREDIT),
        ("NOT_ALLOWED", Status.NOT_AT_THIS_LOCATION),
    ],
)
def test_the_providers_no_counts(station: OcpiPartner, allowed: str, status: str) -> None:
    known(station, "ALLOWED_OFFLINE")
    answers(station, allowed)

    assert shown().status == status
    assert asks() == [("answered", allowed, "")]


def test_places_that_are_not_named_are_not_allowed(station: OcpiPartner) -> None:
    known(station, "NEVER")
    answers(station, location={"location_id": "CS-001", "evse_uids": ["CS-001-2"]})

    assert shown().status == Status.NOT_AT_THIS_LOCATION
    answers(station, location={"location_id": "cs-001", "evse_uids": ["cs-001-1"]})
    assert shown().status == Status.ACCEPTED


@pytest.mark.parametrize(
    ("whitelist", "status"),
    [("ALLOWED_OFFLINE", Status.ACCEPTED), ("NEVER", Status.UNKNOWN)],
)
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(slow_s=3), "slow"),
        (Fault(status=500), "failed"),
        (Fault(truncated=True), "failed"),
        (Fault(no_envelope=True), "failed"),
        (Fault(status_code=3000), "failed"),
        (Fault(retry_after_s=5), "failed"),
    ],
)
def test_silence_lets_only_offline_tokens_charge(
    station: OcpiPartner, whitelist: str, status: str, fault: Fault, outcome: str
) -> None:
    known(station, whitelist)
    answers(station)
    with operator_context(A):
        Partner.objects.update(authorize_timeout_s=0.5)
    station.fault = fault

    decision = shown()

    assert decision.status == status
    assert [row[0] for row in asks()] == [outcome]


def test_time_of_the_partner_is_within_that_of_the_station(
    station: OcpiPartner, settings: Any
) -> None:
    known(station, "ALLOWED_OFFLINE")
    settings.AUTHORIZATION_BUDGET_S = 1.0
    with operator_context(A):
        Partner.objects.update(authorize_timeout_s=10)
    station.fault = Fault(slow_s=3)

    assert shown().status == Status.ACCEPTED
    assert [row[0] for row in asks()] == ["slow"]


def test_unknown_token_is_asked_of_every_provider(station: OcpiPartner, site: Site) -> None:
    with registered(site, "EMSP", party=("FR", "XYZ")) as other:
        other.allowed[UID] = {
            "allowed": "ALLOWED", "authorization_reference": "R2",
            "token": token(UID, party_id="XYZ", whitelist="NEVER"),
        }  # fmt: skip

        assert shown().status == Status.ACCEPTED

        assert station.count("POST", "/authorize") == other.count("POST", "/authorize") == 1
        assert sorted(asks()) == [("answered", "", ""), ("answered", "ALLOWED", "R2")]
        with operator_context(A):
            # Its session and CDR will name the token.
            kept = PartnerToken.objects.select_related("partner").get()
        assert (kept.object_id, kept.party_id, kept.whitelist) == (UID, "XYZ", "NEVER")
        assert kept.partner.name == "EMSP XYZ"


def test_token_that_was_never_told_of_is_asked_about_again(station: OcpiPartner) -> None:
    station.allowed[UID] = {"allowed": "ALLOWED", "token": token(UID, whitelist="ALLOWED")}

    assert [shown().status for _turn in range(3)] == [Status.ACCEPTED] * 3
    assert station.count("POST", "/authorize") == 3
    with operator_context(A):
        # A full pull that does not find it.
        PartnerToken.objects.update(is_valid=False)
    assert shown().status == Status.ACCEPTED
    known(station, "ALLOWED")
    assert shown().status == Status.ACCEPTED
    assert station.requests == []


def test_token_of_nobody_is_unknown(station: OcpiPartner) -> None:
    assert shown().status == Status.UNKNOWN
    assert asks() == [("answered", "", "")]


def test_foreign_party_in_an_answer_is_not_kept(station: OcpiPartner) -> None:
    station.allowed[UID] = {"allowed": "ALLOWED", "token": token(UID, party_id="XYZ")}

    shown()

    with operator_context(A):
        assert not PartnerToken.objects.exists()


def test_own_tokens_are_nobody_elses(station: OcpiPartner) -> None:
    assert shown(TOKEN).status == Status.ACCEPTED
    assert station.requests == []
    assert asks() == []


def test_suspended_partner_is_not_asked(station: OcpiPartner) -> None:
    known(station, "ALWAYS")
    with operator_context(A):
        Partner.objects.update(state="suspended")

    assert shown().status == Status.UNKNOWN
    assert station.requests == []


@pytest.mark.parametrize("kind", ["APP_USER", "AD_HOC_USER"])
def test_tokens_of_apps_are_never_asked_about(station: OcpiPartner, kind: str) -> None:
    known(station, "NEVER", type=kind)
    answers(station)

    assert shown(kind="Central").status == Status.INVALID
    assert station.requests == []


def command(at: datetime, uid: str = UID) -> None:
    with operator_context(A):
        RemoteCommand.objects.create(
            direction="in", partner=the_partner(), kind="START_SESSION", token_uid=uid,
            request={"token": token(uid, type="APP_USER")}, location_id="CS-001",
            response="ACCEPTED", asked_at=at, authorization_reference="CMD1",
        )  # fmt: skip


def test_token_of_a_command_is_not_asked_about_for_15_minutes(station: OcpiPartner) -> None:
    known(station, "NEVER")
    answers(station, "BLOCKED")
    command(NOW - timedelta(minutes=14, seconds=59))

    assert shown().status == Status.ACCEPTED
    assert station.requests == []
    assert asks() == [("remembered", "ALLOWED", "CMD1")]
    assert shown(now=NOW + timedelta(seconds=1)).status == Status.BLOCKED


def test_contract_is_found_with_and_without_separators(station: OcpiPartner) -> None:
    known(station, "ALWAYS", contract_id="FR-ABC-C12345678")
    with operator_context(A):
        for form in ("FRABCC12345678", "fr-abc-c12345678"):
            assert [one.object_id for one in tokens_shown(form, "eMAID")] == [UID]
        assert tokens_shown("FRABCC12345678", "ISO14443") == []
    assert shown("FRABCC12345678", "eMAID").status == Status.ACCEPTED


def test_lookup_is_one_step_in_an_index(
    station: OcpiPartner, django_assert_num_queries: Any
) -> None:
    known(station, "ALWAYS")
    with operator_context(A):
        partner = the_partner()
        PartnerToken.objects.bulk_create(
            PartnerToken(
                partner=partner, country_code="FR", party_id="ABC", object_id=f"X{number:07d}",
                content={}, type="RFID", contract_id=f"C{number}", whitelist="ALWAYS",
                last_updated=NOW, received_at=NOW,
            )
            for number in range(3000)
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE ocpi_partnertoken")
            for kind in ("ISO14443", "eMAID"):
                with CaptureQueriesContext(connection) as asked:
                    tokens_shown("FRABCC12345678", kind)
                cursor.execute(f"EXPLAIN {asked.captured_queries[-1]['sql']}")
                plan = " ".join(row[0] for row in cursor.fetchall())
                assert "ocpi_token_uid" in plan
                assert "Seq Scan on ocpi_partnertoken" not in plan
        # The command of the last minutes, the token, and the row that is kept.
        # Each finds the schema of its operator first.
        with django_assert_num_queries(6):
            question = TokenQuestion(UID, "ISO14443", "CS-001", NOW)
            assert AUTHORIZER.authorize(question) is not None


def test_rate_of_answers_in_time(station: OcpiPartner) -> None:
    with operator_context(A):
        partner = the_partner()
        TokenAsk.objects.bulk_create(
            TokenAsk(
                direction="out", partner=partner, at=NOW, uid="U", type="RFID",
                outcome=outcome, allowed=allowed, latency_ms=latency_ms,
            )
            for outcome, allowed, latency_ms in [
                *(("answered", "ALLOWED", 100.0 * nth) for nth in range(1, 9)),
                ("slow", "", 1200.0), ("failed", "", 5.0), ("remembered", "ALLOWED", 0.0),
            ]
        )  # fmt: skip

        times = answer_times(start=NOW, end=NOW + timedelta(seconds=1), limit_ms=500)

        assert (times.asked, times.answered, times.slow, times.failed) == (10, 8, 1, 1)
        assert (times.remembered, times.within, times.within_percent) == (1, 5, 50.0)
        assert (times.p50_ms, times.p95_ms) == (450.0, 765.0)
        empty = answer_times(start=NOW + timedelta(1), end=NOW + timedelta(2))
        assert (empty.asked, empty.p50_ms, empty.within_percent) == (0, None, None)


def test_questions_are_kept_for_a_year_and_more(station: OcpiPartner) -> None:
    known(station, "ALWAYS")
    shown()
    with operator_context(A):
        assert token_asks_prune(now=NOW + timedelta(days=399)) == 0
        assert token_asks_prune(now=NOW + timedelta(days=401)) == 1


def test_many_at_once(station: OcpiPartner) -> None:
    known(station, "NEVER")
    answers(station)
    station.fault = Fault(slow_s=0.1)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _nth: shown().status, range(12)))

    assert found == [Status.ACCEPTED] * 12
    assert len(asks()) == 12


# --- as a provider: a partner's station asks us ---


def ask_us(platform: OcpiPartner, uid: str, body: Any = None, query: str = "") -> Any:
    return platform.call(
        "POST", f"{platform.ours('tokens', 'SENDER')}/{uid}/authorize{query}", body
    )


def test_our_token_may_charge_at_a_partner(cpo: OcpiPartner) -> None:
    place = {"location_id": "LOC1", "evse_uids": ["E1", "E9"]}
    cpo.call("PUT", f"{cpo.ours('locations')}/FR/ABC/LOC1", location())

    reply = ask_us(cpo, TOKEN.lower(), place)

    assert (reply.http, reply.status_code) == (200, 1000)
    info = reply.data
    assert (info["allowed"], info["token"]["uid"]) == ("ALLOWED", TOKEN)
    assert info["location"] == {"location_id": "LOC1", "evse_uids": ["E1"]}
    assert 0 < len(info["authorization_reference"]) <= 36
    with operator_context(A):
        asked = TokenAsk.objects.get(direction=Direction.IN)
    assert (asked.allowed, asked.location_id) == ("ALLOWED", "LOC1")
    assert asked.authorization_reference == info["authorization_reference"]


@pytest.mark.parametrize("status", ["OPEN", "OUTOFORDER"])
def test_status_of_the_evse_is_not_ours_to_judge(cpo: OcpiPartner, status: str) -> None:
    cpo.call("PUT", f"{cpo.ours('locations')}/FR/ABC/LOC1", location())
    if status != "OPEN":
        body = {"status": status, "last_updated": LATER}
        cpo.call("PATCH", f"{cpo.ours('locations')}/FR/ABC/LOC1/E1", body)

    assert ask_us(cpo, TOKEN, {"location_id": "LOC1"}).data["allowed"] == "ALLOWED"
    unknown = {"location_id": "LOC1", "evse_uids": ["E9"]}
    assert ask_us(cpo, TOKEN, unknown).data["allowed"] == "NOT_ALLOWED"
    elsewhere = {"location_id": "ELSE", "evse_uids": ["E9"]}
    assert ask_us(cpo, TOKEN, elsewhere).data["location"] == elsewhere


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"status": "Blocked"}, "BLOCKED"),
        ({"status": "Expired"}, "EXPIRED"),
        ({"expires_at": NOW}, "EXPIRED"),
        ({"status": "Invalid"}, "BLOCKED"),
        ({"valid_from": datetime(2100, 1, 1, tzinfo=UTC)}, "NOT_ALLOWED"),
    ],
)
def test_our_own_rules_hold(cpo: OcpiPartner, fields: dict[str, Any], allowed: str) -> None:
    with operator_context(A):
        token_register(id_token=TOKEN, **fields)

    info = ask_us(cpo, TOKEN, {"location_id": "LOC1"}).data
    assert info["allowed"] == allowed
    assert "location" not in info
    assert "authorization_reference" not in info


def test_unknown_token_is_404_and_2004(cpo: OcpiPartner) -> None:
    unknown, other_type = ask_us(cpo, "NOBODY"), ask_us(cpo, TOKEN, None, "?type=APP_USER")

    for reply in (unknown, other_type):
        assert (reply.http, reply.status_code) == (404, 2004)
    assert ask_us(cpo, TOKEN, {"evse_uids": ["E1"]}).status_code == 2002
    assert ask_us(cpo, TOKEN, None, "?type=RFID").data["allowed"] == "ALLOWED"
    assert cpo.call("POST", f"{cpo.ours('tokens', 'SENDER')}/{TOKEN}", {}).http == 404
