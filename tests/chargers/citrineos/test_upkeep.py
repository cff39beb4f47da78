"""What the bus did not bring is found in the tables; leases; addresses that are not called."""

from datetime import timedelta

import pytest

from apps.chargers.choices import ConnectionState
from apps.chargers.csms.citrineos.access import tables_of
from apps.chargers.csms.citrineos.client import CitrineTables
from apps.chargers.csms.citrineos.inbox import messages_apply
from apps.chargers.csms.citrineos.tap import broker_check
from apps.chargers.csms.citrineos.upkeep import missed_fill, stations_follow
from apps.chargers.models import (
    ChargingStation,
    CitrineAccount,
    CitrineCursor,
    CitrineMessage,
    Session,
)
from apps.chargers.services.citrineos import (
    account_save,
    lease_give,
    lease_take,
    messages_forget,
)
from cariflex.common.errors import DomainError, ExternalError
from tests.chargers.citrineos.conftest import STATION_ID
from tests.chargers.citrineos.says import BEGIN, charging, stored
from tests.contracts.citrineos_fake import CitrineFake
from tests.contracts.fake_server import Answer

NOW = BEGIN + timedelta(hours=1)


def tables(account: CitrineAccount) -> CitrineTables:
    found = tables_of(account)
    assert found is not None
    return found


def says(fake: CitrineFake, count: int, *, transaction_id: str = "tx-1") -> None:
    for payload in charging(count, transaction_id=transaction_id):
        fake.says(
            STATION_ID, "TransactionEvent", payload,
            at=BEGIN + timedelta(minutes=payload["seqNo"]),
        )  # fmt: skip


def test_what_the_bus_did_not_bring_is_found_once_and_counted(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake
) -> None:
    says(fake, 10)
    live = [stored(row) for row in fake.messages if row["id"] % 3]
    messages_apply(live, account_id=account.pk, now=NOW)
    # Answers of stations and errors stand in the same table.
    fake.messages.insert(4, {**fake.messages[3], "id": 100, "message": [4, "m", "InternalError"]})

    first = missed_fill(account, tables(account), now=NOW)
    second = missed_fill(account, tables(account), now=NOW)

    assert (first.fresh, second.fresh) == (3, 0)
    session = Session.objects.get()
    assert (session.events_count, session.energy_kwh) == (10, 9)
    cursor = CitrineCursor.objects.get()
    assert (cursor.live_count, cursor.recovered_count, cursor.last_id) == (7, 3, 100)


def test_a_row_that_was_committed_late_is_found_behind_the_cursor(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake
) -> None:
    says(fake, 4)
    late = fake.messages.pop(1)
    missed_fill(account, tables(account), now=BEGIN + timedelta(minutes=5))
    assert Session.objects.get().events_count == 3

    fake.messages.append(late)
    missed_fill(account, tables(account), now=BEGIN + timedelta(minutes=6))

    assert Session.objects.get().events_count == 4


def test_more_than_a_page_is_read_to_its_end(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("apps.chargers.csms.citrineos.upkeep.PAGE", 4)
    says(fake, 11)

    missed_fill(account, tables(account), now=NOW)
    missed_fill(account, tables(account), now=NOW)

    assert Session.objects.get().events_count == 11
    assert CitrineCursor.objects.get().last_id == 11


def test_what_is_young_is_left_to_the_bus(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake
) -> None:
    says(fake, 3)

    found = missed_fill(account, tables(account), now=BEGIN + timedelta(seconds=65))

    assert found.fresh == 1
    assert CitrineCursor.objects.get().last_id == 1


def test_messages_before_the_account_began_are_not_fetched(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake
) -> None:
    says(fake, 3)
    CitrineAccount.objects.update(starts_at=BEGIN + timedelta(seconds=90))
    account.refresh_from_db()

    assert missed_fill(account, tables(account), now=NOW).fresh == 1


@pytest.mark.parametrize(
    "forced",
    [
        Answer.of({"errors": [{"message": "field 'OCPPMessages' not found"}]}),
        Answer.of({"data": {}}),
        Answer(body=b"<html>"),
        Answer(status=503),
    ],
)
def test_tables_that_cannot_be_read_move_no_cursor(
    account: CitrineAccount, fake: CitrineFake, forced: Answer
) -> None:
    says(fake, 3)
    fake.forced = forced

    with pytest.raises(ExternalError):
        missed_fill(account, tables(account), now=NOW)

    assert CitrineCursor.objects.get().last_id == 0


def test_whether_a_station_is_connected_is_as_citrineos_has_it(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake
) -> None:
    fake.connect(STATION_ID, protocol="ocpp1.6")
    fake.connect("STRANGER")
    stations_follow(tables(account), now=NOW)
    station.refresh_from_db()
    assert (station.connection_state, station.ocpp_version) == (ConnectionState.ONLINE, "1.6")

    fake.stations[STATION_ID]["isOnline"] = False
    stations_follow(tables(account), now=NOW + timedelta(seconds=15))

    station.refresh_from_db()
    assert station.connection_state == ConnectionState.OFFLINE
    assert station.disconnected_at == NOW + timedelta(seconds=15)


def test_one_process_is_the_bridge_until_it_ends_or_dies(account: CitrineAccount) -> None:
    assert lease_take(account_id=account.pk, holder="one")
    assert lease_take(account_id=account.pk, holder="one")
    assert not lease_take(account_id=account.pk, holder="two")

    lease_give(account_id=account.pk, holder="one")
    assert lease_take(account_id=account.pk, holder="two", lease_s=-1.0)
    # It died: its time is over.
    assert lease_take(account_id=account.pk, holder="one")


def test_marks_of_old_messages_go(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake
) -> None:
    says(fake, 3)
    missed_fill(account, tables(account), now=NOW)

    assert messages_forget(now=BEGIN + timedelta(days=7, seconds=61)) == 2
    assert CitrineMessage.objects.count() == 1


def test_one_server_is_active(account: CitrineAccount) -> None:
    with pytest.raises(DomainError, match="active"):
        account_save(CitrineAccount(name="other", is_active=True))


@pytest.mark.parametrize(
    ("url", "own", "refused"),
    [
        ("amqp://127.0.0.1", False, True),
        ("amqp://127.0.0.1", True, False),
        ("amqps://10.0.0.5", False, True),
        ("amqp://10.0.0.5", True, False),
        ("amqp://8.8.8.8", False, True),
        ("amqps://8.8.8.8", False, False),
        ("http://8.8.8.8", True, True),
        ("amqp://", True, True),
    ],
)
def test_an_operator_cannot_have_the_platform_call_its_own_network(
    url: str, own: bool, refused: bool
) -> None:
    if not refused:
        broker_check(url, allow_loopback=False, own_network=own)
        return
    with pytest.raises(ExternalError):
        broker_check(url, allow_loopback=False, own_network=own)
