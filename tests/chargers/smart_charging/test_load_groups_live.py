"""Load groups over real sockets: three stations behind one fuse, limits as they accept them."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from apps.chargers import subscribers
from apps.chargers.models import (
    ChargingProfile,
    ChargingStation,
    Command,
    DeviceVariable,
    Evse,
    LoadGroup,
    LoadGroupMember,
    Session,
)
from apps.chargers.selectors.load_groups import GroupRow, load_groups_overview
from apps.chargers.services import station_register
from apps.chargers.services.charging_profiles import profile_set
from apps.chargers.services.load_groups import (
    balance,
    balance_all,
    load_group_cap_set,
    load_group_member_remove,
    load_group_member_set,
    load_group_save,
)
from apps.chargers.tasks import load_balance
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import PASSWORD_A
from tests.chargers.events import event
from tests.chargers.server import A, B, Csms, Station, at, eventually
from tests.chargers.smart_charging.conftest import Connect, answer

CAP = 40.0
SILENT = object()


@dataclass
class Book:
    """What each EVSE may draw by what its station accepted; the sum is noted at every change."""

    limits: dict[tuple[str, int], float] = field(default_factory=dict)
    sums: list[float] = field(default_factory=list)
    orders: list[tuple[str, int, float]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, key: tuple[str, int], limit_a: float, *, accepted: bool) -> None:
        with self.lock:
            self.orders.append((*key, limit_a))
            if accepted:
                self.limits[key] = limit_a
                self.sums.append(sum(self.limits.values()))


class LiveStation:
    """A station that answers SetChargingProfile by itself, and tells its sessions."""

    def __init__(self, station: Station, name: str, book: Book, *, evses: int = 1) -> None:
        self.station, self.name, self.book = station, name, book
        self.status: Any = "Accepted"
        self.cleared = 0
        self._answers: dict[str, Any] = {}
        self._is_alone = evses == 1
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                frame = json.loads(self.station.socket.recv())
            except ConnectionClosed:
                return
            if frame[0] != 2:
                self._answers[frame[1]] = frame
            elif self.status is not SILENT:
                self._answer(frame[1], frame[2], frame[3])

    def _answer(self, message_id: str, action: str, payload: dict[str, Any]) -> None:
        status = self.status
        if action == "SetChargingProfile":
            profile = payload["chargingProfile"]
            assert profile["chargingProfilePurpose"] == (
                "ChargingStationMaxProfile" if self._is_alone else "TxDefaultProfile"
            )
            limit_a = profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"]
            evse = 1 if self._is_alone else payload["evseId"]
            self.book.told((self.name, evse), limit_a, accepted=status == "Accepted")
        else:
            assert action == "ClearChargingProfile"
            self.cleared += 1
        self.station.send(json.dumps([3, message_id, {"status": status}]))

    def tell(self, action: str, payload: dict[str, Any]) -> Any:
        self.station._next_id += 1
        message_id = f"t{self.station._next_id}"
        self.station.send(json.dumps([2, message_id, action, payload]))
        return eventually(lambda: self._answers.get(message_id))[2]

    def plug(self, *, evse_id: int = 1, transaction_id: str = "tx-1") -> None:
        self.tell(
            "TransactionEvent",
            event(0, "Started", "2026-03-10T12:00:00Z", evse_id=evse_id,
                  transaction_id=transaction_id, chargingState="Charging"),
        )  # fmt: skip

    def unplug(self) -> None:
        self.tell("TransactionEvent", event(1, "Ended", "2026-03-10T13:00:00Z"))


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker does with a wake, done at once in the same thread; there is no sweep."""

    class Inline:
        @staticmethod
        def enqueue_with(**_options: Any) -> None:
            balance_all(now=utc_now())

    monkeypatch.setattr(subscribers, "load_balance", Inline)
    monkeypatch.setattr(subscribers, "INTERVAL_S", 0.0)
    monkeypatch.setattr(subscribers, "_wakes", subscribers.Wakes())


Stations = Callable[..., list[LiveStation]]


@pytest.fixture
def stations(csms: Csms, connect: Connect, book: Book, worker: None) -> Stations:
    """`stations(3)`: so many stations of one EVSE, connected, none of them in a group yet."""

    def connected(count: int, *, version: str = "ocpp2.0.1") -> list[LiveStation]:
        live = []
        for number in range(1, count + 1):
            name = f"LG-{number}"
            at(A, lambda name=name: station_register(
                station_id=name, password=PASSWORD_A, rated_power_kw=22.0
            ))  # fmt: skip
            live.append(LiveStation(connect(version, station_id=name), name, book))
        return live

    return connected


def group_of(names: list[str], *, cap_a: float = CAP, **member: Any) -> LoadGroup:
    def make() -> LoadGroup:
        group = load_group_save(name="Marina", cap_a=cap_a)
        for name in names:
            evse = Evse.objects.get(station__station_id=name, evse_id=1)
            load_group_member_set(group_id=group.pk, evse_pk=evse.pk, **member)
        return group

    return at(A, make)


def overview() -> GroupRow:
    return at(A, lambda: load_groups_overview()[0])


def limits() -> list[float | None]:
    return [member.limit_a for member in overview().members]


def settled(expected: list[float]) -> None:
    eventually(lambda: limits() == expected)


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_three_stations_share_a_cap_that_moves(
    stations: Stations, book: Book, version: str
) -> None:
    one, two, three = stations(3, version=version)
    group = group_of([one.name, two.name, three.name])
    # No car yet: the floor for each, so that it starts without waiting.
    settled([6, 6, 6])

    one.plug()
    # 40 - 2 x 6 for the two empty places... the car comes first: 32, then one floor of the 8 left.
    settled([32, 6, 0])
    two.plug()
    # 20 each; nothing is left for the empty one.
    settled([20, 20, 0])
    three.plug()
    # 40 / 3 = 13.33 -> 13.3.
    settled([13.3, 13.3, 13.3])
    at(A, lambda: load_group_cap_set(group_id=group.pk, cap_a=20))
    settled([6.6, 6.6, 6.6])
    at(A, lambda: load_group_cap_set(group_id=group.pk, cap_a=30))
    settled([10, 10, 10])
    two.unplug()
    settled([15, 0, 15])
    assert at(B, ChargingProfile.objects.count) == 0
    assert at(B, LoadGroup.objects.count) == 0


def test_what_stations_have_accepted_is_never_above_the_cap(stations: Stations, book: Book) -> None:
    live = stations(3)
    # All start from the most that they can: 96 A until they accepted less.
    group = group_of([one.name for one in live])
    settled([6, 6, 6])
    book.sums.clear()

    for one in live:
        one.plug()
    settled([13.3, 13.3, 13.3])
    live[0].unplug()
    settled([0, 20, 20])
    assert book.sums
    assert max(book.sums) <= CAP
    before = len(book.orders)
    at(A, lambda: load_group_cap_set(group_id=group.pk, cap_a=12))
    settled([0, 6, 6])
    # Two lowerings, one message each.
    assert sorted(book.orders[before:]) == [("LG-2", 1, 6), ("LG-3", 1, 6)]
    assert sum(book.limits.values()) <= 12


def test_a_quiet_group_sends_nothing(stations: Stations, book: Book) -> None:
    live = stations(2)
    group = group_of([one.name for one in live])
    live[0].plug()
    settled([32, 6])
    sent = at(A, Command.objects.count)

    for _ in range(5):
        assert at(A, lambda: balance(group_id=group.pk, now=utc_now())) == []

    assert at(A, Command.objects.count) == sent


def test_a_station_that_refuses_keeps_what_it_has(stations: Stations, book: Book) -> None:
    one, two = stations(2)
    group_of([one.name, two.name])
    one.plug()
    settled([32, 6])
    one.status = "Rejected"

    two.plug()

    # The first will not go down to 20: the second gets what is left of 40 - 32 = 8.
    settled([32, 8])
    assert (overview().drawn_a, overview().is_above_cap) == (40, False)
    assert not overview().members[0].is_reachable


def test_a_silent_station_counts_until_it_answers(stations: Stations, book: Book) -> None:
    one, two = stations(2)
    group_of([one.name, two.name])
    one.plug()
    settled([32, 6])
    one.status = SILENT

    two.plug()

    # The lowering to 20 is on its way: the second gets the 8 that are free.
    settled([32, 8])
    eventually(lambda: overview().members[0].asked_a == 20)
    one.station.close()
    # The connection is lost: what it last accepted goes on counting.
    eventually(lambda: overview().members[0].asked_a is None)
    assert limits() == [32, 8]
    assert overview().drawn_a == 40


def test_a_station_that_was_never_told_counts_with_its_most(stations: Stations, book: Book) -> None:
    one, two = stations(2)
    one.station.close()
    eventually(lambda: at(A, lambda: not ChargingStation.objects.get(station_id="LG-1").is_online))

    group_of([one.name, two.name])
    two.plug()

    # 40 - 32.
    settled([None, 8])  # type: ignore[list-item]


def test_each_evse_of_a_station_has_a_limit_of_its_own(
    csms: Csms, connect: Connect, book: Book, worker: None
) -> None:
    at(A, lambda: station_register(
        station_id="DUO", password=PASSWORD_A, rated_power_kw=44.0, evses=2
    ))  # fmt: skip
    duo = LiveStation(connect(station_id="DUO"), "DUO", book, evses=2)

    def make() -> None:
        group = load_group_save(name="Duo", cap_a=30)
        for evse in Evse.objects.filter(station__station_id="DUO").order_by("evse_id"):
            load_group_member_set(group_id=group.pk, evse_pk=evse.pk)

    at(A, make)
    settled([6, 6])
    duo.plug(evse_id=1, transaction_id="tx-1")
    duo.plug(evse_id=2, transaction_id="tx-2")

    settled([15, 15])
    profile = {
        "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": "tx-1",
        "chargingSchedule": [
            {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 32}]},
        ],
    }  # fmt: skip
    with pytest.raises(DomainError) as refused:
        at(A, lambda: profile_set(station_id="DUO", evse_id=1, profile=profile))
    assert refused.value.code == "profile.load_group"


def test_a_profile_of_a_session_that_overrules_a_limit_counts_with_the_most(
    csms: Csms, connect: Connect, book: Book, worker: None
) -> None:
    at(A, lambda: station_register(
        station_id="DUO", password=PASSWORD_A, rated_power_kw=44.0, evses=2
    ))  # fmt: skip
    duo = LiveStation(connect(station_id="DUO"), "DUO", book, evses=2)
    duo.plug(evse_id=1, transaction_id="tx-1")
    duo.plug(evse_id=2, transaction_id="tx-2")

    def overrule() -> None:
        station = ChargingStation.objects.get(station_id="DUO")
        ChargingProfile.objects.create(
            station=station,
            evse_number=1,
            profile_id=5,
            purpose="TxProfile",
            kind="Relative",
            schedules=[],
            source="station",
            status="accepted",
            requested_at=utc_now(),
        )
        group = load_group_save(name="Duo", cap_a=40)
        for evse in Evse.objects.filter(station=station).order_by("evse_id"):
            load_group_member_set(group_id=group.pk, evse_pk=evse.pk)

    at(A, overrule)

    # 40 - 32 = 8 for the other one.
    settled([None, 8])  # type: ignore[list-item]


def test_a_place_that_another_profile_holds_is_no_limit(stations: Stations, book: Book) -> None:
    one, two = stations(2)

    def occupy() -> None:
        station = ChargingStation.objects.get(station_id="LG-1")
        DeviceVariable.objects.create(
            station=station,
            component="SmartChargingCtrlr",
            variable="ProfileStackLevel",
            value="3",
            reported_at=utc_now(),
        )
        ChargingProfile.objects.create(
            station=station,
            evse_number=0,
            profile_id=5,
            stack_level=3,
            kind="Absolute",
            purpose="ChargingStationMaxProfile",
            source="station",
            status="accepted",
            requested_at=utc_now(),
            schedules=[
                {
                    "id": 1,
                    "chargingRateUnit": "A",
                    "startSchedule": "2026-01-01T00:00:00Z",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 63}],
                }
            ],
        )

    at(A, occupy)
    group_of([one.name, two.name])
    two.plug()

    settled([None, 8])  # type: ignore[list-item]


def test_a_station_that_knows_watts_only_is_told_watts(stations: Stations, book: Book) -> None:
    (one,) = stations(1)
    at(A, lambda: DeviceVariable.objects.create(
        station=ChargingStation.objects.get(station_id="LG-1"), component="SmartChargingCtrlr",
        variable="RateUnit", value="W", reported_at=utc_now(),
    ))  # fmt: skip

    group_of([one.name])

    # 6 A x 230 V x 3.
    settled([6])
    assert book.orders == [("LG-1", 1, 4140)]


def test_who_leaves_a_group_is_let_go(stations: Stations, book: Book) -> None:
    one, two = stations(2)
    group_of([one.name, two.name])
    settled([6, 6])

    at(A, lambda: load_group_member_remove(member_id=LoadGroupMember.objects.first().pk))  # type: ignore[union-attr]

    eventually(lambda: one.cleared == 1)
    # A slow answer may have had it told twice: the last word counts.
    told = ChargingProfile.objects.filter(station__station_id="LG-1")
    eventually(lambda: at(A, lambda: told.latest("pk").status == "cleared"))
    settled([6])
    assert two.cleared == 0


def test_a_station_that_started_anew_is_told_again(stations: Stations, book: Book) -> None:
    (one,) = stations(1)
    group_of([one.name])
    settled([6])
    book.orders.clear()

    one.tell(
        "BootNotification",
        {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}},
    )

    eventually(lambda: book.orders == [("LG-1", 1, 6)])


def test_a_station_of_1_6_is_limited_as_a_whole(csms: Csms, connect: Connect, worker: None) -> None:
    at(A, lambda: station_register(station_id="OLD", password=PASSWORD_A, rated_power_kw=22.0))
    old = connect("ocpp1.6", station_id="OLD")
    group = group_of(["OLD"])
    asked = []
    for cap in (None, 5.0):
        if cap is not None:
            at(A, lambda cap=cap: load_group_cap_set(group_id=group.pk, cap_a=cap))
        asked.append(answer(old, "SetChargingProfile", {"status": "Accepted"}))
        settled([6 if cap is None else 0])

    assert [one["connectorId"] for one in asked] == [0, 0]
    profiles = [one["csChargingProfiles"] for one in asked]
    assert {one["chargingProfilePurpose"] for one in profiles} == {"ChargePointMaxProfile"}
    assert [one["chargingSchedule"]["chargingSchedulePeriod"] for one in profiles] == [
        [{"startPeriod": 0, "limit": 6}],
        [{"startPeriod": 0, "limit": 0}],
    ]


def test_the_sweep_alone_balances_and_ends_profiles_of_its_own_operator(
    stations: Stations, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost:
        @staticmethod
        def enqueue_with(**_options: Any) -> None:
            """The broker is away."""

    monkeypatch.setattr(subscribers, "load_balance", Lost)
    (one,) = stations(1)
    group_of([one.name])
    one.plug()

    def of_session() -> None:
        session = Session.objects.get()
        ChargingProfile.objects.create(
            station=session.station,
            evse_number=1,
            profile_id=5,
            purpose="TxProfile",
            kind="Relative",
            schedules=[],
            source="operator",
            status="accepted",
            requested_at=utc_now(),
            session=session,
        )

    at(A, of_session)
    one.unplug()

    at(B, load_balance)
    assert book.orders == []
    at(A, load_balance)
    eventually(lambda: book.orders == [("LG-1", 1, 6)])
    assert at(A, lambda: ChargingProfile.objects.get(profile_id=5).status) == "ended"


def test_groups_of_two_operators_live_apart(stations: Stations, book: Book) -> None:
    (one,) = stations(1)
    group = group_of([one.name])
    settled([6])

    assert at(B, lambda: balance(group_id=group.pk, now=utc_now())) == []
    assert at(B, load_groups_overview) == []
    with pytest.raises(DomainError):
        at(B, lambda: load_group_cap_set(group_id=group.pk, cap_a=1))
    assert at(A, lambda: LoadGroup.objects.get().cap_a) == CAP
