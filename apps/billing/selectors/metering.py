"""What a station told of a session, as the cutting of charging periods takes it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.billing.rating.cutting import MeterSample
from apps.billing.rating.model import Dimension, Tariff
from apps.chargers.choices import ChargingState
from apps.chargers.models import MeterValue, Session, SignedMeterValue, StationMessage
from apps.chargers.ocpp.events import ENERGY_REGISTER, POWER

EXPORT_REGISTER = "Energy.Active.Export.Register"
EXPORT_INTERVAL = "Energy.Active.Export.Interval"
CURRENT = "Current.Import"
# 2.x tells the state with the events of the transaction, 1.6 in StatusNotifications (§4.9).
_STATE_2 = re.compile(r'"chargingState"\s*:\s*"(\w+)"')
_STATE_16 = re.compile(r'"status"\s*:\s*"(\w+)"')
_CONNECTOR_16 = re.compile(r'"connectorId"\s*:\s*(\d+)')
_STATUS_NOTIFICATION = "StatusNotification"
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Metering:
    """A session's samples in the order of their time, and the energy that the car gave back.

    Registers never fall and end where the session's does: their rise is the session's energy.
    """

    samples: tuple[MeterSample, ...]
    discharged_kwh: Decimal


@dataclass(frozen=True, slots=True)
class _Value:
    at: datetime
    measurand: str
    phase: str
    value: Decimal
    unit: str


def metering_of(session: Session, tariff: Tariff) -> Metering:
    """What matters for pricing a session by a tariff; one query, two when parking has a price."""
    values = _values(session, tariff)
    samples = [
        *_registers(session, values),
        *(MeterSample(one.at, power_kw=one.value) for one in values if _is(one, POWER, "kW")),
        *_currents(values),
    ]
    if prices_parking(tariff):
        samples = _with_parking(samples, _states(session))
    samples.sort(key=lambda sample: sample.at)
    return Metering(tuple(samples), _discharged(values))


def prices_parking(tariff: Tariff) -> bool:
    """Whether it matters if the car asked for power."""
    timed = (Dimension.TIME, Dimension.PARKING_TIME)
    return any(
        component.type in timed
        for element in tariff.elements
        for component in element.price_components
    )


def signed_values_of(session: Session) -> list[dict[str, str]]:
    """The signed meter values as a CDR keeps them, in the order in which they were told."""
    rows = SignedMeterValue.objects.filter(session=session).order_by("seq_no", "ordinal")
    return [
        {
            "at": f"{row.at:%Y-%m-%dT%H:%M:%SZ}",
            "context": row.context,
            "encoding_method": row.encoding_method,
            "signing_method": row.signing_method,
            "public_key": row.public_key,
            "signed_data": row.signed_data,
        }
        for row in rows
    ]


def _values(session: Session, tariff: Tariff) -> list[_Value]:
    wanted = [ENERGY_REGISTER, EXPORT_REGISTER, EXPORT_INTERVAL]
    every = [element.restrictions for element in tariff.elements]
    if any(one.min_power is not None or one.max_power is not None for one in every):
        wanted.append(POWER)
    if any(one.min_current is not None or one.max_current is not None for one in every):
        wanted.append(CURRENT)
    # As the session's own energy: what is measured at the outlet (MeterSample.counts_for_session).
    rows = (
        MeterValue.objects.filter(
            session=session, measurand__in=wanted, location__in=("", "Outlet")
        )
        .order_by("seq_no", "ordinal")
        .values_list("at", "measurand", "phase", "value", "unit")
    )
    values = [_Value(*row) for row in rows]
    return [one for one in values if not one.phase or one.measurand == CURRENT]


def _is(value: _Value, measurand: str, unit: str) -> bool:
    return value.measurand == measurand and value.unit == unit


def _registers(session: Session, values: Sequence[_Value]) -> list[MeterSample]:
    """The register as the session counts it: from its first value to its highest."""
    if session.start_meter_kwh is None or session.meter_kwh is None or session.ended_at is None:
        return []
    last, samples = session.start_meter_kwh, []
    for one in sorted((v for v in values if _is(v, ENERGY_REGISTER, "kWh")), key=lambda v: v.at):
        if last <= one.value <= session.meter_kwh:
            last = one.value
            # What was read a little too early or too late belongs to the session too.
            at = min(max(one.at, session.started_at), session.ended_at)
            samples.append(MeterSample(at, energy_kwh=one.value))
    if not samples or samples[0].energy_kwh != session.start_meter_kwh:
        samples.insert(0, MeterSample(session.started_at, energy_kwh=session.start_meter_kwh))
    if last != session.meter_kwh:
        samples.append(MeterSample(session.ended_at, energy_kwh=session.meter_kwh))
    return samples


def _currents(values: Iterable[_Value]) -> list[MeterSample]:
    """Sums over the phases of a moment; a value without a phase is a sum already."""
    phases: dict[datetime, Decimal] = {}
    sums: dict[datetime, Decimal] = {}
    for one in values:
        if not _is(one, CURRENT, "A"):
            continue
        if one.phase in ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N"):
            phases[one.at] = phases.get(one.at, _ZERO) + one.value
        elif not one.phase:
            sums[one.at] = one.value
    return [MeterSample(at, current_a=value) for at, value in {**phases, **sums}.items()]


def _discharged(values: Sequence[_Value]) -> Decimal:
    """Energy that went back: the rise of its register, else the sum of its intervals."""
    registers = [one.value for one in values if _is(one, EXPORT_REGISTER, "kWh")]
    if registers:
        return max(registers) - registers[0]
    intervals = (one.value for one in values if _is(one, EXPORT_INTERVAL, "kWh"))
    return sum((value for value in intervals if value > 0), _ZERO)


def _states(session: Session) -> list[tuple[datetime, str]]:
    if session.is_numbered:
        told = session.events.order_by("seq_no").values_list("at", "payload")
        return [(at, found[1]) for at, text in told if (found := _STATE_2.search(text))]
    frames = StationMessage.objects.filter(
        station_id=session.station_id, action=_STATUS_NOTIFICATION,
        received_at__gte=session.started_at, received_at__lte=session.ended_at,
    ).order_by("received_at", "pk").values_list("received_at", "payload")  # fmt: skip
    number = session.evse.evse_id if session.evse else None
    return [
        (at, status[1])
        for at, text in frames
        if (status := _STATE_16.search(text))
        and (connector := _CONNECTOR_16.search(text))
        and int(connector[1]) == number
    ]


def _with_parking(
    samples: Sequence[MeterSample], states: Sequence[tuple[datetime, str]]
) -> list[MeterSample]:
    """The samples with the car's wish for power as it was at their moments.

    The car asks for none when it suspends, and when it stays connected after it has charged. A
    station that withholds power lets nobody pay for parking (OCPI 2.2.1 §10.4.3, as corrected).
    """
    has_charged, is_parking = False, False
    changes: list[tuple[datetime, bool]] = []
    for at, state in states:
        has_charged |= state == ChargingState.CHARGING
        is_parking = state == ChargingState.SUSPENDED_EV or (
            state == ChargingState.EV_CONNECTED and has_charged
        )
        changes.append((at, is_parking))
    changes.sort(key=lambda change: change[0])
    every = [(sample.at, sample) for sample in samples] + [
        (at, MeterSample(at)) for at, _is_parking in changes
    ]
    every.sort(key=lambda pair: pair[0])
    told, place, parking = [], 0, False
    for at, sample in every:
        while place < len(changes) and changes[place][0] <= at:
            parking = changes[place][1]
            place += 1
        told.append(
            MeterSample(
                at, energy_kwh=sample.energy_kwh, power_kw=sample.power_kw,
                current_a=sample.current_a, is_parking=parking,
            )
        )  # fmt: skip
    return told
