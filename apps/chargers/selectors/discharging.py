"""Which stations said that they can discharge cars (2.1 Q, V2XChargingCtrlr)."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.chargers.models import ChargingStation, DeviceVariable, Evse
from apps.chargers.ocpp.smart_charging.facts import StationFacts

CONTROLLER = "V2XChargingCtrlr"


@dataclass(frozen=True, slots=True)
class Discharging:
    """V2XChargingCtrlr.Enabled of a station and of those of its EVSEs that say it themselves."""

    of_station: bool
    of_evses: Mapping[int, bool]


def discharging(station: ChargingStation) -> Discharging:
    """Whether a station and its EVSEs can discharge; False where nothing is said."""
    told = {
        number: value.lower() == "true"
        for number, value in DeviceVariable.objects.filter(
            station=station, component=CONTROLLER, variable="Enabled", attribute="Actual"
        ).values_list("evse_number", "value")
    }
    return Discharging(told.pop(0, False), told)


def may_discharge(station: ChargingStation, evse_id: int) -> bool:
    """Whether an EVSE may be sent what discharges a car; of EVSE 0: whether all may."""
    told = discharging(station)
    facts = StationFacts(
        evse_ids=frozenset(Evse.objects.filter(station=station).values_list("evse_id", flat=True)),
        can_discharge=told.of_station,
        discharge_at=told.of_evses,
    )
    return facts.may_discharge(evse_id)


def transfers_supported(station: ChargingStation) -> frozenset[str] | None:
    """The energy transfers that a station knows (SupportedEnergyTransferModes); None: not told."""
    told = DeviceVariable.objects.filter(
        station=station,
        component=CONTROLLER,
        variable="SupportedEnergyTransferModes",
        attribute="Actual",
    ).values_list("value", flat=True)
    modes = frozenset(one.strip() for text in told for one in text.split(",") if one.strip())
    return modes or None
