"""Stations, tokens, connections, commands and the message log, without sockets."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.chargers.choices import (
    AuthorizationStatus,
    CommandStatus,
    ConnectionState,
    MessageDirection,
    RefusalReason,
)
from apps.chargers.models import (
    ChargingStation,
    Command,
    Connector,
    IdToken,
    RefusedConnection,
    StationMessage,
)
from apps.chargers.ports import TokenDecision, TokenQuestion, register_token_authorizer
from apps.chargers.selectors import (
    charging_power_by_slot,
    charging_power_kw,
    session_meter_points,
    sessions_live,
    sessions_page,
    stations_latest,
)
from apps.chargers.services import (
    LoggedFrame,
    Refusal,
    command_claim,
    command_finish,
    command_send,
    commands_sweep,
    connection_close,
    connection_open,
    connection_refused,
    connection_seen,
    connections_sweep,
    messages_prune,
    messages_store,
    remote_start,
    remote_stop,
    station_register,
    token_authorize,
    token_register,
)
from apps.chargers.services import connections as connections_service
from apps.chargers.services.passwords import password_hash, password_matches
from apps.chargers.tasks import connections_sweep as sweep_task
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.chargers.events import charging_of_five_events
from tests.chargers.test_sessions import apply

NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)


# --- passwords ---


def test_a_password_matches_itself_only() -> None:
    stored = password_hash("0123456789abcdef")

    assert password_matches("0123456789abcdef", stored)
    assert not password_matches("0123456789abcdeF", stored)
    assert not password_matches("", stored)
    assert "0123456789abcdef" not in stored
    assert stored != password_hash("0123456789abcdef")


@pytest.mark.parametrize("stored", ["", "hmac-sha256$$", "md5$a$b", "$"])
def test_a_station_without_password_matches_nothing(stored: str) -> None:
    assert not password_matches("", stored)


@pytest.mark.parametrize("password", ["", "short", "x" * 41])
def test_a_password_has_16_to_40_characters(password: str) -> None:
    with pytest.raises(DomainError) as refused:
        password_hash(password)

    assert refused.value.code == "chargers.password_length"


# --- stations and tokens ---


def test_registering_again_keeps_password_and_connectors(station: ChargingStation) -> None:
    again = station_register(station_id="CS-001", rated_power_kw=11.0, evses=2)

    assert again.pk == station.pk
    assert again.password_hash == station.password_hash
    assert Connector.objects.count() == 2


@pytest.mark.parametrize("station_id", ["", "x" * 49, "CS/1", "CS 1", "Café"])
def test_an_identity_that_ocpp_does_not_allow_is_refused(
    operator_a: Operator, station_id: str
) -> None:
    with pytest.raises(DomainError) as refused:
        station_register(station_id=station_id, rated_power_kw=22.0)

    assert refused.value.field == "station_id"


def ask(id_token: str, token_type: str = "ISO14443") -> str:
    return token_authorize(TokenQuestion(id_token, token_type, "CS-001", NOW)).status


def test_tokens_compare_without_case_and_expire(operator_a: Operator) -> None:
    token_register(id_token="AbC123")
    token_register(id_token="abc123", status="Blocked")
    token_register(id_token="OLD", expires_at=NOW)
    token_register(id_token="FRESH", expires_at=NOW + timedelta(seconds=1))

    assert IdToken.objects.filter(id_token__iexact="ABC123").count() == 1
    assert ask("ABC123") == AuthorizationStatus.BLOCKED
    assert ask("OLD") == AuthorizationStatus.EXPIRED
    assert ask("FRESH") == AuthorizationStatus.ACCEPTED
    assert ask("NOBODY") == AuthorizationStatus.UNKNOWN


def test_an_upper_app_answers_for_tokens_that_are_not_ours(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Roaming:
        def authorize(self, question: TokenQuestion) -> TokenDecision | None:
            roams = question.id_token == "ROAMS"
            return TokenDecision(AuthorizationStatus.ACCEPTED) if roams else None

    monkeypatch.setattr("apps.chargers.ports._authorizers", [])
    register_token_authorizer(Roaming())
    token_register(id_token="OURS", status="Blocked")

    assert ask("ROAMS") == AuthorizationStatus.ACCEPTED
    assert ask("OURS") == AuthorizationStatus.BLOCKED
    assert ask("NOBODY") == AuthorizationStatus.UNKNOWN


# --- connections ---


def test_the_older_socket_cannot_close_the_newer_one(station: ChargingStation) -> None:
    first = connection_open(station_pk=station.pk, channel="a", now=NOW)
    second = connection_open(station_pk=station.pk, channel="b", now=NOW)

    assert (first.replaced_channel, second.replaced_channel) == ("", "a")
    assert not connection_close(station_pk=station.pk, channel="a", now=NOW)
    station.refresh_from_db()
    assert station.connection_state == ConnectionState.ONLINE
    assert connection_close(station_pk=station.pk, channel="b", now=NOW)
    station.refresh_from_db()
    assert station.connection_state == ConnectionState.OFFLINE


def test_a_silent_station_is_swept_and_one_that_speaks_is_not(station: ChargingStation) -> None:
    other = station_register(station_id="CS-002", rated_power_kw=22.0)
    for row in (station, other):
        connection_open(station_pk=row.pk, channel=f"c{row.pk}", now=NOW)
    connection_seen(station_pk=other.pk, channel=f"c{other.pk}", now=NOW + timedelta(seconds=60))

    assert connections_sweep(now=NOW + timedelta(seconds=75)) == 0
    assert connections_sweep(now=NOW + timedelta(seconds=76)) == 1

    station.refresh_from_db()
    other.refresh_from_db()
    assert (station.connection_state, other.connection_state) == ("offline", "online")


def test_a_station_that_was_swept_too_early_comes_back_with_its_next_word(
    station: ChargingStation,
) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    connection_seen(station_pk=station.pk, channel="a", now=NOW + timedelta(seconds=30))

    station.refresh_from_db()
    assert station.last_seen_at == NOW + timedelta(seconds=30)


def test_refusals_are_counted_and_bounded(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections_service, "REFUSALS_KEPT", 3)
    refusal = Refusal(404, RefusalReason.UNKNOWN_STATION)

    for nth in range(6):
        for _ in range(2):
            connection_refused(
                station_id=f"X{nth}", path="/p", refusal=refusal, remote="192.0.2.1",
                now=NOW + timedelta(seconds=nth),
            )  # fmt: skip

    rows = RefusedConnection.objects.order_by("at").values_list("station_id", "count")
    assert list(rows) == [("X3", 2), ("X4", 2), ("X5", 2)]


def test_a_strangers_text_is_made_storable(operator_a: Operator) -> None:
    connection_refused(
        station_id="a\x00b\n" + "x" * 100, path="/" + "y" * 500,
        refusal=Refusal(404, RefusalReason.UNKNOWN_STATION), remote="", now=NOW,
    )  # fmt: skip

    row = RefusedConnection.objects.get()
    assert row.station_id == "a\ufffdb\ufffd" + "x" * 44
    assert len(row.path) == 200


# --- commands ---


def test_a_command_is_claimed_once_and_ends_once(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    command = remote_start(station_id="CS-001", id_token="APP-1", evse_id=1)

    order = command_claim(command_id=command.pk, station_pk=station.pk, now=NOW)

    assert order is not None
    assert order.payload == {
        "idToken": {"idToken": "APP-1", "type": "Central"},
        "evseId": 1,
        "remoteStartId": command.pk,
    }
    assert command_claim(command_id=command.pk, station_pk=station.pk, now=NOW) is None
    assert command_finish(command_id=command.pk, status=CommandStatus.ACCEPTED, now=NOW)
    assert not command_finish(command_id=command.pk, status=CommandStatus.FAILED, now=NOW)
    command.refresh_from_db()
    assert command.status == CommandStatus.ACCEPTED


def test_a_command_is_for_its_own_station(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    other = station_register(station_id="CS-002", rated_power_kw=22.0)
    command = remote_start(station_id="CS-001", id_token="APP-1")

    assert command_claim(command_id=command.pk, station_pk=other.pk, now=NOW) is None


def test_orders_that_nobody_ends_are_swept(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    queued, sent = (remote_start(station_id="CS-001", id_token="X") for _ in range(2))
    Command.objects.update(requested_at=NOW)
    command_claim(command_id=sent.pk, station_pk=station.pk, now=NOW)

    assert commands_sweep(now=NOW + timedelta(seconds=30)) == 0
    assert commands_sweep(now=NOW + timedelta(seconds=61)) == 2

    queued.refresh_from_db()
    sent.refresh_from_db()
    assert (queued.status, sent.status) == ("failed", "timeout")


def test_commands_need_a_station_and_an_active_session(station: ChargingStation) -> None:
    with pytest.raises(DomainError, match="no station NOPE"):
        command_send(station_id="NOPE", action="RequestStartTransaction", payload={})  # type: ignore[arg-type]
    session = [apply(station, payload) for payload in charging_of_five_events()][-1]
    with pytest.raises(DomainError, match="not active"):
        remote_stop(session_id=session.pk)
    assert Command.objects.count() == 0


# --- message log ---


def frame(station_pk: int, at: datetime, text: str = "[]") -> LoggedFrame:
    return LoggedFrame(station_pk, MessageDirection.IN, 2, "1", "Heartbeat", text, "", at)


def test_the_log_keeps_its_limits(station: ChargingStation) -> None:
    for days in (40, 3, 2, 1):
        messages_store([frame(station.pk, NOW - timedelta(days=days))])

    assert messages_prune(now=NOW, kept_for=timedelta(days=30), rows_kept=2) == 2

    assert [m.received_at for m in StationMessage.objects.all()] == [
        NOW - timedelta(days=1),
        NOW - timedelta(days=2),
    ]


def test_frames_that_postgresql_cannot_keep_are_made_storable(station: ChargingStation) -> None:
    messages_store([frame(station.pk, NOW, "a\x00b\ud800c")])

    assert StationMessage.objects.get().payload == "a\ufffdb?c"


def test_frames_of_a_deleted_station_are_dropped(station: ChargingStation) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    stored = messages_store([frame(station.pk, NOW), frame(10**6, NOW)])

    assert stored == StationMessage.objects.count() == 1


# --- selectors ---


def test_the_station_shows_what_it_does_now(station: ChargingStation) -> None:
    for payload in charging_of_five_events()[:4]:
        session = apply(station, payload)
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    Connector.objects.update(status="Occupied")

    (latest,) = stations_latest(now=NOW)

    assert (latest.station_id, latest.connection_state) == ("CS-001", "online")
    assert (latest.connector_status, latest.power_kw) == ("Occupied", 10.5005)
    assert latest.session_id == session.pk
    assert charging_power_kw() == 10.5005
    assert [row.session_id for row in sessions_live()] == [session.pk]
    assert [p.value for p in session_meter_points(session_id=session.pk)] == [
        1.0, 0.0, 1.0, 41.5, 4.0005, 11.0, 8.00025, 10.5005, 55.0,
    ]  # fmt: skip


def test_lists_do_not_grow_in_queries(
    station: ChargingStation, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def selects() -> int:
        with CaptureQueriesContext(connection) as captured:
            stations_latest(now=NOW)
            sessions_page()
        return sum(q["sql"].startswith("SELECT") for q in captured.captured_queries)

    apply(station, charging_of_five_events()[0])
    before = selects()
    for nth in range(5):
        more = station_register(station_id=f"CS-1{nth}", rated_power_kw=22.0)
        apply(more, charging_of_five_events()[0])

    assert selects() == before == 6


def test_a_page_of_sessions_is_found_by_its_words(station: ChargingStation) -> None:
    for payload in charging_of_five_events():
        apply(station, payload)

    assert sessions_page(search="cs-00").total == 1
    assert sessions_page(search="nowhere").total == 0
    assert sessions_page(state="active").total == 0
    page = sessions_page(page=99)
    assert (page.page, page.pages, page.rows[0].id_token_masked) == (1, 1, "•••B3C4")


def test_power_by_slot_loses_no_energy(station: ChargingStation) -> None:
    # 12:00 1 kWh, 12:01 1, 12:20 4.0005, 12:40 8.00025, 13:00 10.00055: in quarter hours
    # 3.0005*14/19 = 2.21089; 3.0005*5/19 + 3.99975*10/20 = 2.78948; 3.99975*10/20 + 2.0003*5/20
    # = 2.49995; 2.0003*15/20 = 1.500225 -> sum 9.00055 kWh, four times that in kW.
    for payload in charging_of_five_events():
        apply(station, payload)
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)

    slots = charging_power_by_slot(start=start, end=start + timedelta(hours=2))

    assert [slot.start for slot in slots] == [start + timedelta(minutes=15 * n) for n in range(4)]
    assert [round(slot.mean_power_kw, 4) for slot in slots] == [8.8436, 11.1579, 9.9998, 6.0009]
    assert round(sum(slot.mean_power_kw for slot in slots) / 4, 6) == 9.00055


# --- tasks and isolation ---


def test_the_sweep_needs_an_operator_and_touches_no_other(
    station: ChargingStation, operator_b: Operator
) -> None:
    with operator_context("martinique"):
        other = station_register(station_id="CS-001", rated_power_kw=22.0)
        connection_open(station_pk=other.pk, channel="b", now=NOW)
    connection_open(station_pk=station.pk, channel="a", now=NOW)

    sweep_task()

    station.refresh_from_db()
    assert station.connection_state == ConnectionState.OFFLINE
    with operator_context("martinique"):
        other.refresh_from_db()
        assert other.connection_state == ConnectionState.ONLINE


@pytest.mark.django_db
def test_the_sweep_fails_in_public() -> None:
    with pytest.raises(OperatorMissing):
        sweep_task()
