"""A station that sends without end is slowed down; the others do not notice."""

import pytest

from apps.chargers.csms.native import floods, link
from apps.chargers.csms.native.floods import FrameBudget
from apps.chargers.models import SecurityEvent, StationMessage
from tests.chargers.conformance.client import V201, Checking
from tests.chargers.server import A, B, Csms, at, eventually


def test_a_budget_is_spent_then_refills() -> None:
    budget = FrameBudget(burst=3, rate_per_s=2)

    assert [budget.spend(10.0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    # Two of debt are paid in one second, and one frame is taken.
    assert budget.spend(11.0) == 0.5
    assert budget.spend(100.0) == 0


def test_a_flood_is_news_once_in_ten_minutes() -> None:
    budget = FrameBudget()

    assert [budget.is_news(now_s) for now_s in (0.0, 599.0, 600.0, 601.0)] == [
        True, False, True, False,
    ]  # fmt: skip


@pytest.fixture
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FrameBudget", lambda: FrameBudget(burst=20, rate_per_s=40))


@pytest.mark.usefixtures("small_budget")
@pytest.mark.parametrize(
    ("frame", "times"), [("junk", 60), ('[3,"x",{}]', 60), ('[2,"7","Heartbeat",{}]', 600)]
)
def test_a_flood_is_slowed_noted_once_and_kept(csms: Csms, frame: str, times: int) -> None:
    station = Checking(csms, V201).boot()
    other = Checking(csms, V201, operator=B)

    for _ in range(times):
        station.send(frame)
    # Served while the flood is being read.
    other.station.tell("Heartbeat", {})

    eventually(
        lambda: (
            at(A, lambda: StationMessage.objects.filter(direction="in", payload=frame).count())
            == times
        )
    )
    if not frame.startswith("[3"):
        # Each is answered; who does not read its answers cannot close its socket either.
        for _ in range(times):
            station.frame()
    # Kept in a transaction of its own, after the frames that it tells of.
    (event,) = eventually(lambda: at(A, lambda: list(SecurityEvent.objects.all())))
    assert event.type == "MessageFlood"
    assert at(B, SecurityEvent.objects.count) == 0
    instants = at(
        A,
        lambda: list(
            StationMessage.objects.filter(direction="in", payload=frame)
            .order_by("received_at").values_list("received_at", flat=True)
        ),
    )  # fmt: skip
    # 40 frames' worth beyond the burst of 20, at 40 a second.
    assert (instants[-1] - instants[0]).total_seconds() >= 0.9


@pytest.mark.usefixtures("small_budget")
def test_a_station_that_waits_for_its_answers_is_never_slowed(station: Checking) -> None:
    for _ in range(60):
        station.heartbeat()

    assert at(A, SecurityEvent.objects.count) == 0


@pytest.mark.usefixtures("small_budget")
def test_a_slowed_station_is_answered_in_order_and_goes_on(station: Checking) -> None:
    for number in range(40):
        station.send(f'[2,"f{number}","Heartbeat",{{}}]')

    assert [station.frame()[1] for _ in range(40)] == [f"f{number}" for number in range(40)]
    station.heartbeat()


def test_an_island_that_comes_back_is_no_flood() -> None:
    budget = FrameBudget()

    assert not any(budget.spend(0.0) for _ in range(floods.BURST))
