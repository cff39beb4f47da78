"""Which tokens may charge: groups, times, priorities, and deciders that are slow or broken."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chargers import ports
from apps.chargers.choices import AuthorizationStatus, SessionState, TokenType
from apps.chargers.models import ChargingStation, IdToken, Session, TokenGroup
from apps.chargers.ocpp import validation
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.ocpp.v201.id_tokens import id_token_info
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import TokenDecision, TokenQuestion, register_token_authorizer
from apps.chargers.services import (
    Arrival,
    events_apply,
    station_register,
    token_authorize,
    token_register,
)
from apps.chargers.services.tokens import tokens_authorize
from apps.tenants.context import current_schema
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.events import dumps, event
from tests.chargers.server import BOOT, A, B, Csms, at

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def question(id_token: str, token_type: str = "ISO14443", **changes: object) -> TokenQuestion:
    return TokenQuestion(id_token, token_type, STATION_ID, NOW, **changes)  # type: ignore[arg-type]


def status_of(id_token: str, token_type: str = "ISO14443", **changes: object) -> str:
    return token_authorize(question(id_token, token_type, **changes)).status


class Roaming:
    """Decides on ROAMS; fails or hangs as told."""

    def __init__(self, *, failure: Exception | None = None) -> None:
        self.failure = failure
        self.hangs_until: threading.Event | None = None
        self.asked_in: list[str] = []

    def authorize(self, question: TokenQuestion) -> TokenDecision | None:
        self.asked_in.append(current_schema())
        if self.hangs_until is not None:
            self.hangs_until.wait(20)
        if self.failure is not None:
            raise self.failure
        roams = question.id_token == "ROAMS"
        return TokenDecision(AuthorizationStatus.ACCEPTED) if roams else None


@pytest.fixture(autouse=True)
def _no_authorizers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_authorizers", [])


@pytest.fixture
def hanging(settings: object) -> Iterator[Roaming]:
    """An authorizer that answers nothing before the test is over."""
    settings.AUTHORIZATION_BUDGET_S = 0.05  # type: ignore[attr-defined]
    roaming = Roaming()
    roaming.hangs_until = threading.Event()
    register_token_authorizer(roaming)
    yield roaming
    roaming.hangs_until.set()


def charged(station: ChargingStation, id_token: str, **changes: object) -> Session:
    values = {
        "transaction_id": f"tx-{Session.objects.count()}", "id_token": id_token,
        "id_token_type": "ISO14443", "state": SessionState.ENDED, "started_at": NOW - 2 * HOUR,
        "ended_at": NOW - HOUR, "energy_kwh": 5,
    }  # fmt: skip
    return Session.objects.create(station=station, **{**values, **changes})


# --- the own list ---


def test_a_token_answers_with_its_group_its_priority_and_its_end(operator_a: Operator) -> None:
    group = TokenGroup.objects.create(group_id="FAMILY")
    token_register(id_token="ONE", group=group, charging_priority=3, expires_at=NOW + HOUR)

    decision = token_authorize(question("one"))

    assert id_token_info(decision) == {
        "status": "Accepted",
        "cacheExpiryDateTime": "2026-03-10T13:00:00Z",
        "chargingPriority": 3,
        "groupIdToken": {"idToken": "FAMILY", "type": "Central"},
    }


def test_a_token_is_not_valid_before_its_time(operator_a: Operator) -> None:
    token_register(id_token="LATER", valid_from=NOW + timedelta(seconds=1))
    token_register(id_token="NOW", valid_from=NOW)
    token_register(id_token="NEVER", valid_from=NOW + HOUR, status="Blocked")

    assert status_of("LATER") == AuthorizationStatus.NOT_AT_THIS_TIME
    assert status_of("NOW") == AuthorizationStatus.ACCEPTED
    assert status_of("NEVER") == AuthorizationStatus.BLOCKED


@pytest.mark.parametrize("registered", ["FR-CFG-C12345678-X", "frcfgc12345678x"])
def test_the_hyphens_of_a_contract_mean_nothing(operator_a: Operator, registered: str) -> None:
    token_register(id_token=registered, token_type=TokenType.EMAID)

    assert status_of("FR-CFG-C12345678-X", "eMAID") == AuthorizationStatus.ACCEPTED
    assert status_of("FRCFGC12345678X", "eMAID") == AuthorizationStatus.ACCEPTED
    assert status_of("FRCFGC12345678Y", "eMAID") == AuthorizationStatus.UNKNOWN
    assert IdToken.objects.count() == 1


def test_a_station_that_charges_without_asking_is_let(operator_a: Operator) -> None:
    assert status_of("", "NoAuthorization") == AuthorizationStatus.ACCEPTED


@pytest.mark.parametrize("priority", [-10, 10])
def test_a_priority_beyond_nine_is_refused(operator_a: Operator, priority: int) -> None:
    with pytest.raises(DomainError) as refused:
        token_register(id_token="ONE", charging_priority=priority)

    assert refused.value.code == "chargers.token_priority_invalid"


def test_a_token_of_a_group_charges_at_one_station_at_a_time(station: ChargingStation) -> None:
    other = station_register(station_id="CS-002", rated_power_kw=22.0)
    alone = TokenGroup.objects.create(group_id="ALONE", is_one_at_a_time=True)
    token_register(id_token="CAREFUL", group=alone)
    token_register(id_token="FREE")
    for id_token in ("CAREFUL", "FREE"):
        charged(other, id_token, state=SessionState.ACTIVE, ended_at=None)

    assert status_of("careful") == AuthorizationStatus.CONCURRENT_TX
    assert status_of("FREE") == AuthorizationStatus.ACCEPTED
    # The session that began first is not stopped by the other one.
    assert status_of("CAREFUL", since=NOW - 3 * HOUR) == AuthorizationStatus.ACCEPTED
    Session.objects.update(state=SessionState.ENDED, ended_at=NOW)
    assert status_of("CAREFUL") == AuthorizationStatus.ACCEPTED


def test_many_tokens_are_read_at_once(operator_a: Operator) -> None:
    for number in range(20):
        token_register(id_token=f"T{number}")

    with CaptureQueriesContext(connection) as queries:
        decisions = tokens_authorize([question(f"t{number}") for number in range(20)])

    assert {decision.status for decision in decisions} == {AuthorizationStatus.ACCEPTED}
    assert sum("chargers_idtoken" in query["sql"] for query in queries) == 1
    assert not any("chargers_session" in query["sql"] for query in queries)


def test_the_events_of_a_batch_get_each_its_own_decision(station: ChargingStation) -> None:
    token_register(id_token="GOOD")
    token_register(id_token="BAD", status="Blocked")
    payloads = [
        event(0, "Started", "2026-03-10T12:00:00Z", transaction_id="a", id_token="GOOD"),
        event(0, "Started", "2026-03-10T12:00:00Z", transaction_id="b"),
        event(0, "Started", "2026-03-10T12:00:00Z", transaction_id="c", id_token="BAD"),
    ]
    arrivals = [
        Arrival(station.pk, mapping.transaction_event(mapping.loads(dumps(one))), dumps(one), NOW)
        for one in payloads
    ]

    good, none, bad = events_apply([(arrival, STATION_ID) for arrival in arrivals])

    assert good is not None
    assert good.status == AuthorizationStatus.ACCEPTED
    assert none is None
    assert bad is not None
    assert bad.status == AuthorizationStatus.BLOCKED


@pytest.mark.parametrize("version", [OcppVersion.V201, OcppVersion.V21])
@pytest.mark.parametrize("action", ["Authorize", "TransactionEvent"])
def test_all_that_is_said_of_a_token_fits_the_answer(version: OcppVersion, action: str) -> None:
    decision = TokenDecision(
        AuthorizationStatus.ACCEPTED, NOW, group_id="G" * 36, charging_priority=-9,
        language="fr-GP", personal_message="é" * 600,
    )  # fmt: skip

    information = id_token_info(decision)

    assert information["language1"] == "fr-GP"
    assert information["personalMessage"] == {
        "format": "UTF8", "content": "é" * 512, "language": "fr-GP",
    }  # fmt: skip
    assert validation.response_violation(version, action, {"idTokenInfo": information}) is None


# --- deciders above ---


def test_a_failing_authorizer_is_skipped_and_the_next_one_asked(
    operator_a: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    failing, roaming = Roaming(failure=ValueError("broken")), Roaming()
    register_token_authorizer(failing)
    register_token_authorizer(roaming)

    assert status_of("ROAMS") == AuthorizationStatus.ACCEPTED
    assert status_of("NOBODY") == AuthorizationStatus.UNKNOWN
    assert failing.asked_in == roaming.asked_in == ["guadeloupe"] * 2
    assert "token authorizer skipped" in caplog.text
    assert "broken" in caplog.text
    assert "NOBODY" not in caplog.text


def test_a_slow_authorizer_is_skipped_and_own_tokens_do_not_wait_for_it(
    operator_a: Operator, hanging: Roaming, caplog: pytest.LogCaptureFixture
) -> None:
    token_register(id_token="OURS")

    assert status_of("OURS") == AuthorizationStatus.ACCEPTED
    assert hanging.asked_in == []
    register_token_authorizer(Roaming())
    assert status_of("ROAMS") == AuthorizationStatus.ACCEPTED
    assert "reason=slow" in caplog.text


def test_a_token_that_charged_before_may_charge_while_its_issuer_is_silent(
    station: ChargingStation, hanging: Roaming, settings: object
) -> None:
    charged(station, "KNOWN")
    charged(station, "EMPTY", energy_kwh=0)
    charged(station, "STOPPED")
    charged(station, "STOPPED", ended_at=NOW, stopped_reason="DeAuthorized")

    assert status_of("known") == AuthorizationStatus.ACCEPTED
    for id_token in ("EMPTY", "STOPPED", "NOBODY"):
        assert status_of(id_token) == AuthorizationStatus.UNKNOWN
    settings.AUTHORIZATION_OFFLINE_POLICY = "refuse"  # type: ignore[attr-defined]
    assert status_of("KNOWN") == AuthorizationStatus.UNKNOWN


def test_a_token_that_its_issuer_does_not_know_is_unknown_whatever_was_before(
    station: ChargingStation,
) -> None:
    register_token_authorizer(Roaming())
    charged(station, "KNOWN")

    assert status_of("KNOWN") == AuthorizationStatus.UNKNOWN


# --- over a socket ---


def test_a_station_hears_the_group_of_its_own_operators_token_only(csms: Csms) -> None:
    group = at(A, lambda: TokenGroup.objects.create(group_id="FAMILY"))
    at(A, lambda: token_register(id_token=TOKEN, group=group))
    shown = {"idToken": {"idToken": TOKEN, "type": "ISO14443"}}
    answers = {}
    for operator, password in ((A, PASSWORD_A), (B, PASSWORD_B)):
        station = csms.connect(operator, STATION_ID, password)
        station.tell("BootNotification", BOOT)
        answers[operator] = station.tell("Authorize", shown)["idTokenInfo"]
        started = event(0, "Started", "2026-03-10T12:00:00Z", id_token=TOKEN)
        assert station.tell("TransactionEvent", started)["idTokenInfo"] == answers[operator]

    assert answers == {
        A: {
            "status": "Accepted",
            "groupIdToken": {"idToken": "FAMILY", "type": "Central"},
        },
        B: {"status": "Accepted"},
    }
