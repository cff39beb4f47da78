"""Quarter-hour means on their way to FlexMeasures: nothing lost, nothing twice."""

from datetime import datetime, timedelta

import pytest

from apps.assets.models import Sensor
from apps.assets.services import ReadingRow, readings_store
from apps.flexibility.choices import SensorRole
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresSensor
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision
from apps.flexibility.services.slot_means import slot_means_deliver, slot_means_post
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import destination
from apps.outbox.services import outbox_deliver_due
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import ExternalError
from cariflex.common.units import QUARTER_HOUR
from tests.contracts.fake_server import Answer
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, SLOT, Island

# The slot [12:00, 12:15) is closed and its last readings are in.
CLOSED = SLOT + QUARTER_HOUR + timedelta(seconds=25)


@pytest.fixture
def ready(island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake) -> None:
    """Set up; what was measured before noon is handed over already."""
    provision(server=server, now=NOW)
    FlexmeasuresAccount.objects.update(slot_means_until=SLOT)


def measure(island: Island, start: datetime, pv_kw: float = -30.0) -> None:
    """Two readings in the slot from `start`; the mean of a PV plant is `pv_kw`, of a battery 5."""
    sensors = {s.device_id: s.pk for s in Sensor.objects.filter(quantity="power_kw")}
    for minute, spread in ((2, 3.0), (12, -3.0)):
        at = start + timedelta(minutes=minute)
        readings_store(
            [ReadingRow(sensors[d.pk], at, pv_kw + spread) for d in (island.pv_1, island.pv_2)]
            + [ReadingRow(sensors[d.pk], at, 5.0 + spread) for d in island.batteries]
        )


def sensor_id(role: SensorRole, device_id: int | None = None) -> int:
    return FlexmeasuresSensor.objects.get(role=role, asset__device_id=device_id).sensor_id


@pytest.mark.usefixtures("ready")
def test_closed_slot_becomes_one_message_once(island: Island) -> None:
    measure(island, SLOT)

    counts = [slot_means_post(now=CLOSED), slot_means_post(now=CLOSED + QUARTER_HOUR / 2)]

    assert counts == [1, 0]
    message = OutboxMessage.objects.get()
    assert (message.destination, message.kind) == ("flexmeasures", "slot_means")
    assert message.payload["start"] == "2026-03-11T12:00:00Z"
    # The readings at 12:05 of the island's first report count: (-27 - 30 - 33) / 3.
    by_key = {(s["role"], s["device_id"]): s["values"] for s in message.payload["series"]}
    assert by_key["power", island.pv_1.pk] == [-30.0]
    assert by_key["pv_power", None] == [-60.0]
    # A battery: 8, 0 (its first report) and 2.
    assert by_key["power", island.bat_1.pk] == [pytest.approx(10 / 3, abs=1e-4)]


@pytest.mark.usefixtures("ready")
def test_open_slot_waits(island: Island) -> None:
    measure(island, SLOT)

    assert slot_means_post(now=SLOT + QUARTER_HOUR + timedelta(seconds=10)) == 0
    assert OutboxMessage.objects.count() == 0


@pytest.mark.usefixtures("ready")
def test_rolled_back_hand_over_is_made_again(island: Island) -> None:
    measure(island, SLOT)
    slot_means_post(now=CLOSED)
    # As after a crash before the commit: neither the message nor the cursor is there.
    OutboxMessage.objects.all().delete()
    FlexmeasuresAccount.objects.update(slot_means_until=SLOT)

    assert slot_means_post(now=CLOSED) == 1


@pytest.mark.usefixtures("ready")
def test_long_silence_is_made_good_for_24_hours_in_few_messages(island: Island) -> None:
    for hours in (30, 23, 2):
        measure(island, SLOT - timedelta(hours=hours))
    FlexmeasuresAccount.objects.update(slot_means_until=SLOT - timedelta(days=3))

    messages = slot_means_post(now=CLOSED)

    assert messages == 3
    account = FlexmeasuresAccount.objects.get()
    assert account.slot_means_until == SLOT + QUARTER_HOUR
    starts = [m.payload["start"] for m in OutboxMessage.objects.order_by("pk")]
    # 96 slots back from 12:15, eight to a message; those without a reading are not sent.
    assert starts == ["2026-03-10T12:15:00Z", "2026-03-11T08:15:00Z", "2026-03-11T10:15:00Z"]


def test_nothing_is_due_before_the_set_up(island: Island) -> None:
    assert slot_means_post(now=CLOSED) == 0


@pytest.mark.usefixtures("ready")
def test_delivery_posts_each_series_to_its_sensor(island: Island, fake: FlexmeasuresFake) -> None:
    measure(island, SLOT)
    slot_means_post(now=CLOSED)

    delivered = outbox_deliver_due(destination_name="flexmeasures")

    assert delivered == 1
    (pv,) = fake.posted(sensor_id(SensorRole.PV_POWER))
    assert (pv["values"], pv["unit"]) == ([-60.0], "kW")
    assert (pv["start"], pv["duration"]) == ("2026-03-11T12:00:00+00:00", "P0DT0H15M0S")
    (battery,) = fake.posted(sensor_id(SensorRole.POWER, island.bat_2.pk))
    assert battery["values"] == [pytest.approx(10 / 3, abs=1e-4)]
    # Four devices, two states of charge, the sum of the PV.
    assert len(fake.posts) == 7


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("forced", "retryable", "retry_after_s"),
    [
        (Answer.of({"message": "slow"}, 429, Retry_After="61"), True, 61),
        (Answer(503, headers={"Retry-After": "5"}), True, 5),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), True, None),
        (Answer.of({"message": {"json": {"values": ["bad"]}}}, 422), False, None),
    ],
)
def test_failed_delivery_says_whether_to_try_again(
    island: Island,
    fake: FlexmeasuresFake,
    forced: Answer,
    retryable: bool,
    retry_after_s: float | None,
) -> None:
    measure(island, SLOT)
    slot_means_post(now=CLOSED)
    fake.forced["/data"] = forced

    with pytest.raises(ExternalError) as caught:
        slot_means_deliver(OutboxMessage.objects.get())

    assert caught.value.retryable == retryable
    assert caught.value.retry_after_s == retry_after_s


@pytest.mark.usefixtures("ready")
def test_delivery_to_an_emptied_server_starts_over(
    island: Island, fake: FlexmeasuresFake, server: FlexmeasuresServer
) -> None:
    measure(island, SLOT)
    slot_means_post(now=CLOSED)
    fake.empty()

    outbox_deliver_due(destination_name="flexmeasures")
    waiting = OutboxMessage.objects.get()
    provision(server=server, now=CLOSED)
    again = slot_means_post(now=CLOSED)

    assert (waiting.state, waiting.attempts) == (MessageState.WAITING, 1)
    # The new set-up gets the last 24 hours anew: 12:00 is in it under a key of its own.
    assert again == 1
    slot_means_deliver(OutboxMessage.objects.get(pk=waiting.pk))
    assert fake.posted(sensor_id(SensorRole.PV_POWER))[0]["values"] == [-60.0]


def test_destination_is_registered() -> None:
    assert destination("flexmeasures").deliver is slot_means_deliver


@pytest.mark.usefixtures("ready")
def test_messages_of_one_operator_are_not_seen_by_another(
    island: Island, operator_b: Operator
) -> None:
    measure(island, SLOT)
    slot_means_post(now=CLOSED)

    with operator_context("martinique"):
        assert slot_means_post(now=CLOSED) == 0
        assert OutboxMessage.objects.count() == 0
