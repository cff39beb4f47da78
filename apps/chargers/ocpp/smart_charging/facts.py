"""What the rules of profiles speak of: what a station can do, and a rule that is broken."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.chargers.ocpp.smart_charging.profiles import Profile
from apps.chargers.ocpp.versions import OcppVersion


@dataclass(frozen=True, slots=True)
class RuleBroken:
    """One rule that a profile breaks: the requirement, the field by its path, and why in words."""

    rule: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class StationFacts:
    """What the rules need to know of a station; None where its device model does not say."""

    version: OcppVersion = OcppVersion.V201
    evse_ids: frozenset[int] = frozenset()
    """Empty: not known."""
    transactions: Mapping[int, str] = field(default_factory=dict)
    """The running transaction of each EVSE."""
    profiles: tuple[Profile, ...] = ()
    """Those that are in force or on their way."""
    most_stack_level: int | None = None
    most_periods: int | None = None
    most_profiles: int | None = None
    units: frozenset[str] | None = None
    supply_phases: int = 3
    is_dc: bool = False
    can_switch_phases: bool | None = None
    can_discharge: bool = False
    """V2XChargingCtrlr.Enabled of the station; False when it does not say."""
    discharge_at: Mapping[int, bool] = field(default_factory=dict)
    """The same of single EVSEs, where they say so themselves."""
    operation_modes: frozenset[str] | None = None
    lacks: frozenset[str] = frozenset()
    """Features of SmartChargingCtrlr (SupportsDynamicProfiles, ...) that it says it has not."""
    most_external_id: int | None = None
    """Ids up to this one are the station's own (MaxExternalConstraintsId)."""
    discharge_w: Mapping[int, float] = field(default_factory=dict)
    """The most that the car of a running session gives back (>= 0), by EVSE."""

    def may_discharge(self, evse_id: int) -> bool:
        """Whether an EVSE said that it can discharge cars; of EVSE 0: whether all of them did."""
        if evse_id:
            return self.discharge_at.get(evse_id, self.can_discharge)
        known = self.evse_ids - {0}
        is_whole = bool(known) and known <= self.discharge_at.keys()
        return all(self.discharge_at.values()) and (self.can_discharge or is_whole)
