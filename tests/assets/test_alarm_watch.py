"""What the poll loop sees becomes alarms, once each, across runs and processes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError

from apps.assets.choices import Severity
from apps.assets.drivers.errors import DeviceGarbledError, DeviceSilentError
from apps.assets.drivers.measurement import DeviceFault, Measurement, SensorKey
from apps.assets.drivers.poller import PollFailure, Sample
from apps.assets.drivers.registry import DeviceSpec, Identity
from apps.assets.events import AlarmChanged
from apps.assets.models import Alarm, Device
from apps.assets.services import alarm_book, device_register, site_register
from apps.assets.services.alarm_watch import AlarmWatch
from apps.assets.services.polling import device_spec
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.events import subscribe, unsubscribe

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
IDENTITY = Identity("Maker", "Model", "1", "103")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def _empty_cache(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("operator_a")
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema):
            cache.clear()


def device_make(code: str = "pv-01", port: int = 7001) -> Device:
    site = site_register(code=f"site-{code}", name="Island")
    return device_register(
        site=site, code=code, name=code, kind="pv", host="127.0.0.1", port=port, rated_power_kw=5.0
    )


@pytest.fixture
def device(operator_a: Operator) -> Device:
    return device_make()


class Polls:
    """Polls of one device, 2 s apart, told to a watch that stores after each."""

    def __init__(self, device: Device, *, step_s: float = 2.0) -> None:
        self.device = device
        self.spec: DeviceSpec = device_spec(device)
        self.step_s = step_s
        self.now_s = 0.0
        self.watch = self.new_watch()
        self.stored = 0

    def new_watch(self) -> AlarmWatch:
        watch = AlarmWatch("guadeloupe")
        watch.learn([self.device])
        return watch

    def restart(self) -> None:
        self.watch.end()
        self.watch = self.new_watch()

    def good(self, polls: int = 1, **measured: object) -> None:
        for _ in range(polls):
            self.tick(Sample(self.spec, at(self.now_s), measurement(**measured), IDENTITY))

    def bad(self, polls: int = 1, *, garbled: bool = False) -> None:
        error = DeviceGarbledError("nonsense", retryable=True) if garbled else silent()
        for _ in range(polls):
            self.tick(PollFailure(self.spec, at(self.now_s), error))

    def tick(self, event: Sample | PollFailure) -> None:
        if isinstance(event, Sample):
            self.watch.answered(event)
        else:
            self.watch.failed(event)
        self.stored += self.watch.store(at(self.now_s))
        self.now_s += self.step_s


def silent() -> DeviceSilentError:
    return DeviceSilentError("no answer within 1 s", retryable=True)


def measurement(
    *,
    power_kw: float = -2.0,
    out_of_range: frozenset[SensorKey] = frozenset(),
    faults: tuple[DeviceFault, ...] | None = None,
    device_at: datetime | None = None,
) -> Measurement:
    return Measurement(
        values={("power_kw", ""): power_kw},
        out_of_range=out_of_range,
        faults=faults,
        device_at=device_at,
    )


def alarms() -> list[tuple[str, str, bool]]:
    rows = Alarm.objects.order_by("id")
    return [(alarm.kind, alarm.code, alarm.cleared_at is None) for alarm in rows]


def test_silence_is_an_alarm_after_three_polls_and_over_after_a_quiet_stretch(
    device: Device,
) -> None:
    polls = Polls(device)

    polls.bad(2)
    assert alarms() == []
    polls.bad()
    assert alarms() == [("communication", "", True)]
    # Good at 6, 8, ... s: at 16 s it has been good for 10 s.
    polls.good(5)
    assert alarms() == [("communication", "", True)]
    polls.good()

    assert alarms() == [("communication", "", False)]
    alarm = Alarm.objects.get()
    assert (alarm.raised_at, alarm.cleared_at) == (at(4), at(16))
    assert alarm.severity == Severity.CRITICAL
    assert alarm.figures == {"connection_state": "silent", "error": "no answer within 1 s"}
    assert polls.stored == 2


def test_a_flapping_device_has_one_alarm(device: Device) -> None:
    polls = Polls(device)

    for _ in range(30):
        polls.bad(2)
        polls.good(3)
        polls.restart()

    assert alarms() == [("communication", "", True)]
    assert polls.stored == 1


def test_wrong_answers_are_the_same_alarm_as_silence(device: Device) -> None:
    polls = Polls(device)

    polls.bad(3, garbled=True)
    polls.bad(3)

    assert alarms() == [("communication", "", True)]
    assert Alarm.objects.get().figures["connection_state"] == "error"


def test_a_restart_neither_doubles_nor_loses_an_alarm(device: Device) -> None:
    polls = Polls(device)
    polls.bad(3)

    polls.restart()
    polls.bad(3)
    assert alarms() == [("communication", "", True)]
    polls.restart()
    polls.good(6)

    assert alarms() == [("communication", "", False)]


def test_polls_count_on_over_the_end_of_a_run(device: Device) -> None:
    polls = Polls(device, step_s=20.0)

    # One poll a run: a run sees nothing but this one.
    polls.bad()
    polls.restart()
    polls.good()
    polls.restart()
    for _ in range(2):
        polls.bad()
        polls.restart()
    assert alarms() == [("communication", "", True)]
    for _ in range(3):
        polls.good()
        polls.restart()

    assert alarms() == [("communication", "", False)]


def test_a_cache_that_was_emptied_costs_polls_only(device: Device) -> None:
    polls = Polls(device)
    polls.bad(3)
    polls.good(3)
    polls.watch.end()
    cache.clear()

    polls.watch = polls.new_watch()
    polls.good(5)
    assert alarms() == [("communication", "", True)]
    polls.good(1)

    assert alarms() == [("communication", "", False)]


def test_a_value_out_of_range_is_an_alarm_of_its_sensor(device: Device) -> None:
    polls = Polls(device)

    # 1.5 times the plate of 5 kW is the most that is plausible.
    polls.good(3, power_kw=-7.6)
    polls.good(6, power_kw=-7.4)

    assert alarms() == [("out_of_range", "power_kw", False)]
    alarm = Alarm.objects.get()
    assert alarm.figures == {"power_kw": -7.6}
    assert alarm.sensor is not None
    assert alarm.sensor.quantity == "power_kw"


def test_what_the_map_calls_out_of_range_is_an_alarm(device: Device) -> None:
    polls = Polls(device)

    polls.good(3, out_of_range=frozenset({("power_kw", "")}))

    assert alarms() == [("out_of_range", "power_kw", True)]


def test_no_number_is_kept_as_no_figure(device: Device) -> None:
    Polls(device).good(3, power_kw=float("nan"))

    assert Alarm.objects.get().figures == {"power_kw": None}


def test_each_fault_is_an_alarm_until_the_register_is_clean(device: Device) -> None:
    polls = Polls(device)
    hot = DeviceFault("evt1.4", Severity.CRITICAL, {"en": "Over temperature"})
    door = DeviceFault("evt1.6", Severity.WARNING, {"en": "Cabinet open"})

    polls.good(faults=(hot, door))
    assert alarms() == [("device_fault", "evt1.4", True), ("device_fault", "evt1.6", True)]
    polls.good(faults=(door,))
    polls.good(5, faults=None)
    assert alarms() == [("device_fault", "evt1.4", True), ("device_fault", "evt1.6", True)]
    polls.good(faults=(door,))

    assert alarms() == [("device_fault", "evt1.4", False), ("device_fault", "evt1.6", True)]
    first, second = Alarm.objects.order_by("id")
    assert (first.severity, first.words) == (Severity.CRITICAL, {"en": "Over temperature"})
    assert second.severity == Severity.WARNING


def test_a_fault_bit_that_blinks_is_one_alarm(device: Device) -> None:
    polls = Polls(device)
    hot = DeviceFault("evt1.4", Severity.CRITICAL)

    for _ in range(10):
        polls.good(faults=(hot,))
        polls.good(faults=())

    assert alarms() == [("device_fault", "evt1.4", True)]


@pytest.mark.parametrize(("off_s", "is_alarm"), [(61, True), (-61, True), (60, False)])
def test_a_wrong_clock_is_an_alarm(device: Device, off_s: float, is_alarm: bool) -> None:
    polls = Polls(device)

    for _ in range(3):
        polls.good(device_at=at(polls.now_s + off_s))

    assert alarms() == ([("clock", "", True)] if is_alarm else [])
    if is_alarm:
        assert Alarm.objects.get().figures == {"off_s": float(off_s)}


def test_a_clock_that_is_nearly_right_clears_nothing(device: Device) -> None:
    polls = Polls(device)
    for _ in range(3):
        polls.good(device_at=at(polls.now_s + 90))

    for _ in range(20):
        polls.good(device_at=at(polls.now_s + 45))
    assert alarms() == [("clock", "", True)]
    for _ in range(6):
        polls.good(device_at=at(polls.now_s + 10))

    assert alarms() == [("clock", "", False)]


def test_two_watches_at_once_raise_one_alarm(device: Device) -> None:
    ours, theirs = Polls(device), Polls(device)

    ours.bad(3)
    theirs.bad(3)
    ours.good(6)
    theirs.good(6)

    assert alarms() == [("communication", "", False)]
    assert (ours.stored, theirs.stored) == (2, 0)


def test_nothing_is_lost_while_the_database_is_away(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = Polls(device)
    real = alarm_book.alarms_store

    def away(**_kwargs: object) -> None:
        raise OperationalError("away")

    polls.bad(2)
    monkeypatch.setattr(alarm_book, "alarms_store", away)
    with pytest.raises(OperationalError):
        polls.bad()
    monkeypatch.setattr(alarm_book, "alarms_store", real)
    polls.bad()

    assert alarms() == [("communication", "", True)]


def test_an_alarm_that_came_and_went_while_the_database_was_away_is_kept(
    device: Device,
) -> None:
    polls = Polls(device)
    watch, spec = polls.watch, polls.spec

    for second in range(3):
        watch.failed(PollFailure(spec, at(second), silent()))
    for second in range(3, 30, 2):
        watch.answered(Sample(spec, at(second), measurement(), IDENTITY))
    watch.store(at(40))

    alarm = Alarm.objects.get()
    assert (alarm.raised_at, alarm.cleared_at) == (at(40), at(40))


def test_quiet_polls_ask_the_database_nothing(device: Device, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    polls = Polls(device)

    with django_assert_num_queries(0):
        polls.good(20, faults=(), device_at=START)


def test_a_device_that_left_is_forgotten(device: Device) -> None:
    polls = Polls(device)
    other = device_make("pv-02", 7002)

    polls.watch.learn([other])
    polls.bad(5)

    assert alarms() == []


def test_an_alarm_is_announced_once_for_its_operator(
    device: Device, django_capture_on_commit_callbacks  # type: ignore[no-untyped-def]
) -> None:  # fmt: skip
    heard: list[AlarmChanged] = []
    subscribe(AlarmChanged, heard.append)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            Polls(device).bad(10)
    finally:
        unsubscribe(AlarmChanged, heard.append)

    assert heard == [AlarmChanged(schema="guadeloupe", device_id=device.pk)]


def test_the_alarms_of_another_operator_are_another(device: Device, operator_b: Operator) -> None:
    polls = Polls(device)
    polls.bad(2)
    polls.watch.end()

    with operator_context("martinique"):
        other = device_make()
        Device.objects.filter(pk=other.pk).update(code="other")
        theirs = AlarmWatch("martinique")
        theirs.learn([other])
        theirs.failed(PollFailure(device_spec(other), at(6), silent()))
        theirs.store(at(6))
        assert alarms() == []
    polls.watch = polls.new_watch()
    polls.bad()

    assert alarms() == [("communication", "", True)]
