"""What cars want: units and signs, the answer, who may discharge, priority."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.chargers.choices import NeedsAnswer
from apps.chargers.models import ChargingNeeds, ChargingStation, Command, Session, SessionTerms
from apps.chargers.ocpp.v21.needs import car_needs
from apps.chargers.ports import register_needs_planner, unregister_needs_planner
from apps.chargers.selectors.charging_needs import needs_of_running_sessions, session_needs
from apps.chargers.selectors.charging_profiles import transaction_at
from apps.chargers.services.charging_needs import (
    charging_needs_store,
    energy_transfers_allow,
    ev_schedule_store,
    priority_note,
    priority_use,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.v21.conftest import answered, tell

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
V2X: dict[str, Any] = {
    "requestedEnergyTransfer": "DC_BPT",
    "availableEnergyTransfer": ["DC", "DC_BPT"],
    "controlMode": "DynamicControl",
    "departureTime": "2026-03-10T18:00:00Z",
    "dcChargingParameters": {
        "evMaxCurrent": 100, "evMaxVoltage": 400, "stateOfCharge": 40, "evEnergyCapacity": 60000,
    },
    "v2xChargingParameters": {
        "minChargePower": 1000, "maxChargePower": 11000,
        "minDischargePower": 500, "maxDischargePower": 10000,
        "evTargetEnergyRequest": 20000, "evMinEnergyRequest": -5000, "evMaxEnergyRequest": 36000,
        "evMinV2XEnergyRequest": -12000, "evMaxV2XEnergyRequest": 30000, "targetSoC": 80,
    },
}  # fmt: skip


class Planner:
    """Makes a schedule of everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def plan(self, needs_id: int) -> bool:
        self.asked.append(needs_id)
        return True


@pytest.fixture
def planner() -> Iterator[Planner]:
    ours = Planner()
    register_needs_planner(ours)
    yield ours
    unregister_needs_planner(ours)


def told(station: ChargingStation, *, at: datetime = AT, evse_id: int = 1) -> NeedsAnswer:
    return charging_needs_store(station_pk=station.pk, evse_id=evse_id, needs=V2X, told_at=at)


# --- units and signs ---


def test_charging_is_positive_and_discharging_negative() -> None:
    car = car_needs(V2X)

    assert (car.least_charge_kw, car.most_charge_kw) == (1.0, 11.0)
    assert (car.least_discharge_kw, car.most_discharge_kw) == (-0.5, -10.0)
    assert (car.target_energy_kwh, car.least_energy_kwh, car.most_energy_kwh) == (20.0, -5.0, 36.0)
    assert (car.least_v2x_energy_kwh, car.most_v2x_energy_kwh) == (-12.0, 30.0)
    assert (car.soc_percent, car.target_soc_percent, car.capacity_kwh) == (40, 80, 60.0)
    assert car.departure_at == datetime(2026, 3, 10, 18, 0, tzinfo=UTC)
    assert (car.is_bidirectional, car.is_dynamic) == (True, True)


@pytest.mark.parametrize(
    ("power", "kw"), [(10000, -10.0), (-10000, -10.0), (0, 0.0)], ids=["+", "-", "0"]
)
def test_a_discharge_is_negative_whichever_sign_was_sent(power: int, kw: float) -> None:
    needs = V2X | {"v2xChargingParameters": {"maxDischargePower": power}}

    assert str(car_needs(needs).most_discharge_kw) == str(kw)


def test_powers_of_three_phases_are_added() -> None:
    v2x = {"maxChargePower": 3000, "maxChargePower_L2": 2000, "maxChargePower_L3": 1000}

    assert car_needs(V2X | {"v2xChargingParameters": v2x}).most_charge_kw == 6.0


def test_a_car_of_alternating_current_says_amperes_for_each_phase() -> None:
    needs = {
        "requestedEnergyTransfer": "AC_three_phase",
        "acChargingParameters": {
            "energyAmount": 20000, "evMinCurrent": 6, "evMaxCurrent": 32, "evMaxVoltage": 230,
        },
    }  # fmt: skip

    car = car_needs(needs)

    # 6 A x 230 V x 3 and 32 A x 230 V x 3.
    assert (car.least_charge_kw, car.most_charge_kw) == (4.14, 22.08)
    assert (car.target_energy_kwh, car.is_bidirectional) == (20.0, False)


# --- kept and answered ---


def test_needs_without_a_planner_are_kept_and_answered_so(session: Session) -> None:
    assert told(session.station) == NeedsAnswer.NO_PROFILE
    assert told(session.station) == NeedsAnswer.NO_PROFILE

    row = ChargingNeeds.objects.get()
    assert (row.session, row.needs["requestedEnergyTransfer"]) == (session, "DC_BPT")


def test_a_planner_is_asked_once_and_only_for_a_session(session: Session, planner: Planner) -> None:
    assert told(session.station) == NeedsAnswer.PROCESSING
    assert told(session.station) == NeedsAnswer.PROCESSING
    assert told(session.station, evse_id=2) == NeedsAnswer.NO_PROFILE

    assert planner.asked == [ChargingNeeds.objects.get(evse_number=1).pk]


def test_an_older_station_is_refused_a_schedule_of_its_own(session: Session) -> None:
    ChargingStation.objects.update(ocpp_version="2.0.1")

    assert told(session.station) == NeedsAnswer.REJECTED


def test_the_newest_wishes_of_a_running_session_count(
    session: Session, operator_b: Operator
) -> None:
    told(session.station, at=AT)
    told(session.station, at=AT.replace(hour=11))

    found = session_needs(session_id=session.pk)

    assert found is not None
    assert (found.told_at, found.evse_id, found.may_discharge) == (AT, 1, False)
    assert needs_of_running_sessions() == [found]
    with operator_context(operator_b.schema_name):
        assert needs_of_running_sessions() == []
        assert session_needs(session_id=session.pk) is None
    Session.objects.update(state="ended", ended_at=utc_now())
    assert session_needs(session_id=session.pk) is None


def test_a_plan_above_the_limit_is_noted(session: Session) -> None:
    schedule = {
        "id": 1, "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000.0}],
    }  # fmt: skip

    row = ev_schedule_store(
        station_pk=session.station_id, evse_id=1, time_base=AT, schedule=schedule, now=AT,
        selected_schedule_id=3,
    )  # fmt: skip

    assert (row.session, row.selected_schedule_id, row.is_above_limit) == (session, 3, False)


# --- what a session may ---


def test_a_car_discharges_only_where_station_and_terms_allow_it(session: Session) -> None:
    told(session.station)
    with pytest.raises(DomainError) as refused:
        energy_transfers_allow(session_id=session.pk, transfers=["DC_BPT"])
    assert refused.value.code == "session.no_discharge"
    assert Command.objects.count() == 0

    tell(session.station, "V2XChargingCtrlr", "Enabled", "true", evse=1)
    tell(session.station, "V2XChargingCtrlr", "SupportedEnergyTransferModes", "DC,DC_BPT", evse=1)
    with pytest.raises(DomainError) as refused:
        energy_transfers_allow(session_id=session.pk, transfers=["WPT"])
    assert refused.value.code == "session.transfer_unknown"
    answered(energy_transfers_allow(session_id=session.pk, transfers=["DC_BPT"]), status="Accepted")

    found = session_needs(session_id=session.pk)
    assert found is not None
    assert (found.may_discharge, found.allowed_transfers) == (True, ("DC_BPT",))
    tell(session.station, "V2XChargingCtrlr", "Enabled", "false", evse=1)
    found = session_needs(session_id=session.pk)
    assert found is not None
    assert found.may_discharge is False


@pytest.mark.parametrize(("status", "uses"), [("Accepted", True), ("NoProfile", False)])
def test_priority_is_what_the_station_agreed_to(session: Session, status: str, uses: bool) -> None:
    answered(priority_use(session_id=session.pk, activate=True), status=status)

    at_evse = transaction_at(session.station, 1)
    assert at_evse is not None
    assert at_evse.uses_priority is uses
    assert SessionTerms.objects.count() == int(uses)


def test_a_driver_switches_priority_at_the_station(session: Session) -> None:
    for is_active in (True, False):
        terms = priority_note(
            station_pk=session.station_id, transaction_id="TX-1", is_active=is_active, now=AT
        )
        assert terms is not None
        assert (terms.uses_priority, terms.priority_since) == (is_active, AT if is_active else None)
    missing = priority_note(
        station_pk=session.station_id, transaction_id="TX-9", is_active=True, now=AT
    )
    assert missing is None


def test_an_older_station_is_not_asked(session: Session) -> None:
    ChargingStation.objects.update(ocpp_version="2.0.1")

    with pytest.raises(DomainError) as refused:
        priority_use(session_id=session.pk, activate=True)

    assert refused.value.code == "command.needs_21"
    assert Command.objects.count() == 0
