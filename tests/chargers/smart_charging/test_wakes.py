"""How often the balancing of an operator is woken."""

from typing import Any

import pytest

from apps.chargers import subscribers
from apps.chargers.events import LoadGroupChanged, SessionStarted, SessionUpdated
from apps.chargers.services.load_groups import load_group_save
from apps.tenants.models import Operator


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays of the wakes that were sent; the clock stands still."""
    delays: list[float] = []

    class Recorder:
        @staticmethod
        def enqueue_with(*, options: dict[str, Any]) -> None:
            delays.append(options.get("countdown", 0.0))

    monkeypatch.setattr(subscribers, "load_balance", Recorder)
    monkeypatch.setattr(subscribers, "_wakes", subscribers.Wakes())
    return delays


def test_a_burst_is_one_wake_at_once_and_one_after(
    operator_a: Operator, woken: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(subscribers.time, "monotonic", lambda: clock[0])
    load_group_save(name="Marina", cap_a=40)

    for _ in range(100):
        subscribers.on_change(SessionStarted(operator_a.schema_name, 1))
    assert woken == [0.0, 0.5]
    clock[0] += 0.5
    subscribers.on_change(SessionStarted(operator_a.schema_name, 1))
    assert woken == [0.0, 0.5, 0.0]
    # Values alone wake after two seconds only.
    clock[0] += 1.9
    subscribers.on_change(SessionUpdated(operator_a.schema_name, 1))
    assert len(woken) == 3
    clock[0] += 0.2
    subscribers.on_change(SessionUpdated(operator_a.schema_name, 1))
    assert len(woken) == 4


def test_an_operator_without_load_groups_is_never_woken(
    operator_a: Operator, operator_b: Operator, woken: list[float]
) -> None:
    subscribers.on_change(SessionStarted(operator_a.schema_name, 1))
    assert woken == []

    # Its first group is known at once, whatever was asked a moment ago.
    load_group_save(name="Marina", cap_a=40)
    subscribers.on_change(LoadGroupChanged(operator_a.schema_name, 1))
    assert woken == [0.0]
