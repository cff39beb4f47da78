"""What a car wants (ChargingNeedsType of 2.0.1 and 2.1), in kW and kWh, discharging negative.

On the wire every power is positive, whichever way it flows; the field's name tells the way. This
is the one place where the sign is given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.chargers.ocpp.values import instant

Payload = Mapping[str, Any]
BIDIRECTIONAL = frozenset({"AC_BPT", "AC_BPT_DER", "DC_BPT", "DC_ACDP_BPT"})
"""Energy transfers that go both ways (EnergyTransferModeEnumType)."""
_PHASES_OF = {"AC_single_phase": 1, "AC_two_phase": 2, "AC_three_phase": 3}


@dataclass(frozen=True, slots=True)
class CarNeeds:
    """The wishes of a car; None where it did not say.

    Charging is positive and discharging negative: `most_discharge_kw` is the strongest discharge,
    such as -11.0. An energy is what is still to go into the battery; those of V2X may be negative.
    """

    transfer: str
    transfers: tuple[str, ...] = ()
    """All that the car could do, where it said so."""
    departure_at: datetime | None = None
    is_dynamic: bool = False
    """The station decides the power at each moment (DynamicControl of ISO 15118-20)."""
    least_charge_kw: float | None = None
    most_charge_kw: float | None = None
    least_discharge_kw: float | None = None
    most_discharge_kw: float | None = None
    target_energy_kwh: float | None = None
    least_energy_kwh: float | None = None
    most_energy_kwh: float | None = None
    least_v2x_energy_kwh: float | None = None
    most_v2x_energy_kwh: float | None = None
    capacity_kwh: float | None = None
    soc_percent: float | None = None
    target_soc_percent: float | None = None

    @property
    def is_bidirectional(self) -> bool:
        """The car asked for a transfer that goes both ways."""
        return self.transfer in BIDIRECTIONAL


def car_needs(needs: Payload) -> CarNeeds:
    """A ChargingNeedsType. PayloadRefused for a departure that is no date-time."""
    transfer = needs["requestedEnergyTransfer"]
    departure = needs.get("departureTime")
    told: dict[str, Any] = {
        "transfers": tuple(needs.get("availableEnergyTransfer") or ()),
        "departure_at": instant(departure) if departure else None,
        "is_dynamic": needs.get("controlMode") == "DynamicControl",
        **_of_ac(needs.get("acChargingParameters"), transfer),
        **_of_dc(needs.get("dcChargingParameters")),
        **_of_v2x(needs.get("v2xChargingParameters")),
    }
    return CarNeeds(transfer, **told)


def _of_ac(told: Payload | None, transfer: str) -> dict[str, Any]:
    if not told:
        return {}
    per_ampere_w = float(told["evMaxVoltage"]) * _PHASES_OF.get(transfer, 1)
    return {
        "least_charge_kw": _kilo(float(told["evMinCurrent"]) * per_ampere_w),
        "most_charge_kw": _kilo(float(told["evMaxCurrent"]) * per_ampere_w),
        "target_energy_kwh": _kilo(told["energyAmount"]),
    }


def _of_dc(told: Payload | None) -> dict[str, Any]:
    if not told:
        return {}
    power_w = told.get("evMaxPower")
    if power_w is None:
        power_w = float(told["evMaxCurrent"]) * float(told["evMaxVoltage"])
    return _known(
        most_charge_kw=_kilo(power_w),
        target_energy_kwh=_energy(told.get("energyAmount")),
        capacity_kwh=_energy(told.get("evEnergyCapacity")),
        soc_percent=told.get("stateOfCharge"),
    )


def _of_v2x(told: Payload | None) -> dict[str, Any]:
    """V2XChargingParametersType; what it leaves out stays as the other parameters have it."""
    if not told:
        return {}
    return _known(
        least_charge_kw=_power(told, "minChargePower"),
        most_charge_kw=_power(told, "maxChargePower"),
        least_discharge_kw=_discharge(told, "minDischargePower"),
        most_discharge_kw=_discharge(told, "maxDischargePower"),
        target_energy_kwh=_energy(told.get("evTargetEnergyRequest")),
        least_energy_kwh=_energy(told.get("evMinEnergyRequest")),
        most_energy_kwh=_energy(told.get("evMaxEnergyRequest")),
        least_v2x_energy_kwh=_energy(told.get("evMinV2XEnergyRequest")),
        most_v2x_energy_kwh=_energy(told.get("evMaxV2XEnergyRequest")),
        target_soc_percent=told.get("targetSoC"),
    )


def _power(told: Payload, name: str) -> float | None:
    """Of all phases together: with values for L2 or L3 the first is that of L1."""
    values = [told.get(name + phase) for phase in ("", "_L2", "_L3")]
    known = [float(value) for value in values if value is not None]
    return _kilo(sum(known)) if known else None


def _discharge(told: Payload, name: str) -> float | None:
    """A discharge in kW, <= 0, whichever sign the station sent."""
    power_kw = _power(told, name)
    return None if power_kw is None else -abs(power_kw) + 0.0


def _energy(value: Any) -> float | None:
    return None if value is None else _kilo(value)


def _kilo(value: Any) -> float:
    """W in kW, Wh in kWh."""
    return float(value) / 1000.0


def _known(**told: Any) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
