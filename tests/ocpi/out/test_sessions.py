"""Sessions of a partner's customers are told to that partner, at its pace."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chargers.choices import ChargingState
from apps.chargers.models import ChargingStation, Session
from apps.ocpi import wire
from apps.ocpi.models import Partner, Published
from apps.ocpi.selectors.sessions_out import sessions_due
from apps.ocpi.services.publish_sessions import session_publish, sessions_publish_due
from cariflex.common.exact_json import exact_loads
from tests.billing.conftest import session_make
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW, paths, queue, queue_empty

Q1, Q2 = NOW + timedelta(minutes=20), NOW + timedelta(minutes=50)
END = NOW + timedelta(minutes=60)


@pytest.fixture
def session(station: ChargingStation, partner: Partner) -> Session:
    """In progress since NOW, nothing charged yet."""
    found = world.session_of(station, partner, ended=False)
    Session.objects.update(charging_state=ChargingState.CHARGING, updated_at=NOW)
    return found


def told() -> dict[str, Any]:
    return exact_loads(Published.objects.get(kind="sessions").content)


def energies(content: dict[str, Any]) -> list[Any]:
    return [one["dimensions"][0]["volume"] for one in content["charging_periods"]]


def test_a_session_of_a_partners_customer_is_put_at_its_start(
    session: Session, partner: Partner
) -> None:
    assert session_publish(session.pk, NOW)

    found = told()
    assert found["cdr_token"] == world.TOKEN
    assert (found["auth_method"], found["authorization_reference"]) == ("WHITELIST", "REF-tx-1")
    assert (found["location_id"], found["evse_uid"], found["connector_id"]) == (
        "CS-001", "CS-001-1", "1",
    )  # fmt: skip
    assert (found["status"], found["kwh"], found["currency"]) == ("ACTIVE", 0, "EUR")
    row = Published.objects.get()
    wire.decode("2.2.1", "Session", row.content_2_2_1)
    assert row.audience == partner
    assert paths(queue()) == [f"PUT FR/CFG/{session.pk}"]
    assert world.roaming_of(session).last_pushed_at == NOW


def test_nobodys_session_is_told_to_nobody(station: ChargingStation, partner: Partner) -> None:
    session = session_make(station, "tx-9", ended=False)

    assert not session_publish(session.pk, NOW)

    assert queue() == []
    assert Published.objects.count() == 0


def test_only_the_partner_of_the_token_is_told(session: Session, partner: Partner) -> None:
    world.partner_without_http("other", pushed_kinds=world.EVERYTHING)

    session_publish(session.pk, NOW)

    assert {one.destination for one in queue()} == {partner.destination}


def test_under_fifo_a_patch_adds_only_the_new_period(session: Session, partner: Partner) -> None:
    Partner.objects.update(delivery="fifo")
    session_publish(session.pk, NOW)
    queue_empty()
    world.session_moved(session, energy_kwh=Decimal("3.0"), updated_at=Q1)
    session_publish(session.pk, Q1)
    world.session_moved(session, energy_kwh=Decimal("7.5"), updated_at=Q2)
    session_publish(session.pk, Q2)

    first, second = queue()

    assert (first.method, second.method) == ("PATCH", "PATCH")
    assert first.body["charging_periods"] == [
        {
            "start_date_time": "2026-03-10T12:00:00Z",
            "dimensions": [
                {"type": "ENERGY", "volume": Decimal("3.0000")},
                {"type": "TIME", "volume": Decimal("0.3333")},
            ],
            "tariff_id": first.body["charging_periods"][0]["tariff_id"],
        }
    ]
    assert second.body["kwh"] == Decimal("7.5")
    assert second.body["last_updated"] == "2026-03-10T12:50:00Z"
    assert second.body["charging_periods"][0]["start_date_time"] == "2026-03-10T12:20:00Z"
    # 7.5 kWh x 0.3012 = 2.259, and 8.5 % on it.
    assert second.body["total_cost"] == {
        "excl_vat": Decimal("2.2590"), "incl_vat": Decimal("2.4510"),
    }  # fmt: skip
    assert "status" not in second.body
    assert energies(told()) == [Decimal("3.0000"), Decimal("4.5000")]


def test_where_a_push_may_be_dropped_periods_go_whole(session: Session) -> None:
    session_publish(session.pk, NOW)
    queue_empty()
    world.session_moved(session, energy_kwh=Decimal("1.0"))
    session_publish(session.pk, NOW + timedelta(minutes=5))
    world.session_moved(session, energy_kwh=Decimal("3.0"))
    session_publish(session.pk, Q1)

    first, second = queue()

    assert (first.method, "charging_periods" in first.body) == ("PATCH", False)
    assert (second.method, len(second.body["charging_periods"])) == ("PUT", 1)


def test_a_partner_that_wants_put_gets_put(session: Session) -> None:
    Partner.objects.update(session_updates="put", delivery="fifo")
    session_publish(session.pk, NOW)
    world.session_moved(session, energy_kwh=Decimal("3.0"))
    session_publish(session.pk, Q1)

    assert [one.method for one in queue()] == ["PUT", "PUT"]


def test_the_end_is_told_and_periods_come_to_the_energy(session: Session) -> None:
    Partner.objects.update(delivery="fifo")
    session_publish(session.pk, NOW)
    world.session_moved(session, energy_kwh=Decimal("3.0"))
    session_publish(session.pk, Q1)
    queue_empty()

    world.session_end(session, END, Decimal("9.00055"))
    session_publish(session.pk, END)

    (pushed,) = queue()
    assert (pushed.method, pushed.body["status"]) == ("PATCH", "COMPLETED")
    assert pushed.body["end_date_time"] == "2026-03-10T13:00:00Z"
    found = told()
    assert sum(energies(found)) == found["kwh"] == Decimal("9.0006")


def test_energy_taken_back_is_told_whole(session: Session) -> None:
    Partner.objects.update(delivery="fifo")
    session_publish(session.pk, NOW)
    world.session_moved(session, energy_kwh=Decimal("5.0"))
    session_publish(session.pk, Q1)
    queue_empty()

    world.session_end(session, Q2, Decimal("4.0"))
    session_publish(session.pk, Q2)

    (pushed,) = queue()
    assert pushed.method == "PUT"
    assert energies(pushed.body) == [Decimal("4.0000")]


def test_the_cdr_settles_what_the_session_cost(station: ChargingStation, partner: Partner) -> None:
    session = world.session_of(station, partner)
    cdr = world.cdr_of(session)

    session_publish(session.pk, END + timedelta(minutes=1))

    assert told()["total_cost"]["before_taxes"] == cdr.total_excl_vat
    assert told()["status"] == "COMPLETED"


def test_before_a_car_is_there_it_is_pending(session: Session) -> None:
    world.session_moved(session, charging_state=ChargingState.IDLE)

    session_publish(session.pk, NOW)

    assert told()["status"] == "PENDING"


def test_updates_keep_the_partners_pace(session: Session, partner: Partner) -> None:
    Partner.objects.update(session_update_s=60)
    assert sessions_due(now=NOW) == [session.pk]  # never told yet
    assert sessions_publish_due(now=NOW) == 1

    world.session_moved(session, energy_kwh=1, updated_at=NOW + timedelta(seconds=10))
    assert sessions_due(now=NOW + timedelta(seconds=59)) == []
    assert sessions_due(now=NOW + timedelta(seconds=60)) == [session.pk]
    assert sessions_publish_due(now=NOW + timedelta(seconds=60)) == 1
    assert sessions_due(now=NOW + timedelta(hours=1)) == []  # nothing moved


def test_an_end_that_nobody_heard_of_is_found(session: Session) -> None:
    session_publish(session.pk, NOW)
    world.session_end(session, END, Decimal(9))

    assert sessions_due(now=END + timedelta(seconds=1)) == [session.pk]
    sessions_publish_due(now=END + timedelta(seconds=1))

    assert told()["status"] == "COMPLETED"
    assert sessions_due(now=END + timedelta(seconds=11)) == []


def test_many_sessions_cost_as_many_queries_as_one(
    station: ChargingStation, partner: Partner
) -> None:
    def cost(count: int, at: datetime) -> int:
        for nth in range(count):
            session = world.session_of(station, partner, f"tx-{at:%H}-{nth}", ended=False)
            world.session_moved(session, updated_at=NOW)
        with CaptureQueriesContext(connection) as captured:
            assert sessions_publish_due(now=at) == count
        # Transactions and positions apart.
        return sum(one["sql"].startswith("SELECT") for one in captured.captured_queries)

    cost(1, NOW)  # makes the counter

    assert cost(1, END) == cost(12, END + timedelta(hours=1))
