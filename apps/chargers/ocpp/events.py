"""What a station tells, whatever OCPP version it speaks: one internal model.

Powers are kW and energies kWh, Decimal from the meter's own text; charging is positive.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

ENERGY_REGISTER = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
SOC = "SoC"


class PayloadRefused(Exception):
    """A payload that cannot be taken; `code` is the CALLERROR code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class MeterSample:
    """One sampled value; `unit` is kWh, kW, % or what the station sent."""

    at: datetime
    measurand: str
    value: Decimal
    unit: str
    phase: str
    location: str
    context: str

    @property
    def counts_for_session(self) -> bool:
        """False for values of one phase only and for energy not measured at the outlet."""
        if self.measurand == SOC:
            return True
        return not self.phase and self.location in ("", "Outlet")


@dataclass(frozen=True, slots=True)
class SignedSample:
    """A value as the meter signed it; nothing in it is read here."""

    at: datetime
    context: str
    signed_data: str
    signing_method: str = ""
    encoding_method: str = ""
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class TransactionEvent:
    """One numbered event of a charging session."""

    transaction_id: str
    seq_no: int
    event_type: str
    trigger_reason: str
    at: datetime
    is_offline: bool
    charging_state: str
    stopped_reason: str
    remote_start_id: int | None
    evse_id: int | None
    connector_id: int | None
    id_token: str
    id_token_type: str
    samples: tuple[MeterSample, ...]
    signed: tuple[SignedSample, ...] = ()
    reservation_id: int | None = None


@dataclass(frozen=True, slots=True)
class StationBoot:
    """What a station says of itself when it starts."""

    vendor: str
    model: str
    serial_number: str
    firmware: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectorReport:
    """A connector's state at an instant."""

    evse_id: int
    connector_id: int
    status: str
    at: datetime
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class MeterReport:
    """Meter values outside a transaction's events; EVSE 0 is the station's main meter."""

    evse_id: int
    samples: tuple[MeterSample, ...]


@dataclass(frozen=True, slots=True)
class TokenShown:
    """A token held before a station."""

    id_token: str
    token_type: str


@dataclass(frozen=True, slots=True)
class SecurityReport:
    """A SecurityEventNotification."""

    type: str
    at: datetime
    tech_info: str


@dataclass(frozen=True, slots=True)
class EventReport:
    """One event of a station's device model; EVSE and connector 0 are the station's own.

    `severity` is 0 (danger) to 9 (debug); 2.0.1 does not tell it.
    """

    event_id: int
    at: datetime
    trigger: str
    component: str
    variable: str
    evse_id: int
    connector_id: int
    value: str
    tech_code: str
    tech_text: str
    severity: int | None
    is_cleared: bool
