"""What a station knows of a customer: asked for, told in parts, kept apart and not for long."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.chargers.models import ChargingStation, CustomerInformation
from apps.chargers.ocpp.v201.displays import customer_report
from apps.chargers.services.customer_information import (
    customer_ask,
    customer_information_prune,
    customer_report_store,
    customer_text,
)
from apps.chargers.services.intents import order_send
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.test_display_messages import answer, online

__all__ = ["online"]


def tell(station: ChargingStation, row: CustomerInformation, number: int, **more: Any) -> bool:
    """A part of the report; more follow unless `tbc` is False."""
    payload = {
        "requestId": row.request_id, "seqNo": number, "data": f"part {number};", "tbc": True,
        "generatedAt": "2026-03-10T12:00:00Z", **more,
    }  # fmt: skip
    kept = customer_report_store(
        station_pk=station.pk, report=customer_report(payload), now=utc_now()
    )
    row.refresh_from_db()
    return kept


def asked(**options: Any) -> CustomerInformation:
    given = {"reference": "idToken", "customer": "04A2B3C4D5", **options}
    return customer_ask(station_id=STATION_ID, **given)


def test_parts_in_any_order_and_twice_give_one_text(online: ChargingStation) -> None:
    row = asked()
    assert row.command is not None
    assert row.command.payload["idToken"] == {"idToken": "04A2B3C4D5", "type": "ISO14443"}
    answer(row.command)

    for number, more in ((2, {"tbc": False}), (0, {}), (0, {"data": "again"})):
        assert tell(online, row, number, **more)
        assert row.status == "running"
    assert tell(online, row, 1)

    assert (row.status, customer_text(row)) == ("done", "part 0;part 1;part 2;")
    assert not tell(online, row, 3)
    assert customer_text(row) == "part 0;part 1;part 2;"


def test_it_is_kept_encrypted_masked_and_not_for_long(online: ChargingStation) -> None:
    row = asked()
    tell(online, row, 0, tbc=False)

    assert "04A2B3C4D5" not in row.customer
    with connection.cursor() as cursor:
        cursor.execute("SELECT parts FROM chargers_customerinformation")
        assert "part" not in cursor.fetchone()[0]
    assert customer_information_prune(now=utc_now() + timedelta(days=29)) == 0
    assert customer_information_prune(now=utc_now() + timedelta(days=31)) == 1
    row.refresh_from_db()
    assert (customer_text(row), row.status) == ("", "done")


@pytest.mark.parametrize(
    ("options", "said", "status"),
    [
        ({"report": False, "clear": True}, "Accepted", "done"),
        ({"clear": True}, "Accepted", "running"),
        ({}, "Invalid", "failed"),
        ({}, "Rejected", "failed"),
    ],
)
def test_the_answer_says_what_comes_of_it(
    online: ChargingStation, options: dict[str, Any], said: str, status: str
) -> None:
    row = asked(**options)
    answer(row.command, said)

    row.refresh_from_db()
    assert (row.status, row.station_status) == (status, said)


def test_a_report_that_nobody_asked_for_is_not_kept(online: ChargingStation) -> None:
    row = asked(report=False, clear=True)

    assert not tell(online, row, 0)
    assert row.parts == ""


def test_nothing_is_asked_without_a_wish_or_a_known_customer(online: ChargingStation) -> None:
    with pytest.raises(DomainError, match="for a report"):
        asked(report=False)
    with pytest.raises(DomainError) as refused:
        asked(reference="customerIdentifier", customer="x" * 65)

    assert refused.value.code == "command.payload_invalid"
    assert CustomerInformation.objects.count() == 0


def test_a_plain_order_leaves_its_row_and_an_absent_station_fails(
    station: ChargingStation, online: ChargingStation
) -> None:
    payload = {"report": True, "clear": False, "customerIdentifier": "C-17"}
    (command,) = order_send(station_id=STATION_ID, action="CustomerInformation", payload=payload)
    answer(command)
    assert CustomerInformation.objects.get().status == "running"

    ChargingStation.objects.update(connection_state="offline")
    assert asked().status == "failed"
