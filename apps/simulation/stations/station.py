"""One charging station: its connector, its meter, its car and its transaction.

It knows no socket: the link asks it what to send and tells it what the CSMS wants. Physics and
stay durations run `speed` times faster than the clock; timestamps, the sampling period and the
reported power (W) do not change with it, so at speed 10 a car at 22 kW moves the register by
220 kWh in an hour of the wall clock.
"""

import asyncio
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from apps.simulation.clock import Clock
from apps.simulation.island import IslandCar, IslandStation
from apps.simulation.stations.car import CarState, accepted_power_kw, car_charge
from apps.simulation.stations.ledger import Ledger, OpenTransaction, Reservation
from apps.simulation.stations.messages import (
    charging_needs,
    meter_value,
    transaction_event,
    wire_time,
)
from apps.simulation.stations.profiles import (
    TX,
    StoredProfile,
    changes,
    limit_kw,
    profile_refusal,
    profile_stored,
)

log = logging.getLogger(__name__)

CROWDED_QUEUE = 100
"""With so many unsent events only one sample a minute is kept."""
CROWDED_INTERVAL_S = 60.0
REMOTE_PLUG_AFTER_S = 2.0
REMOTE_STAY_S = 900.0
REFUSED_STAY_S = 20.0


class ConnectorStatus(StrEnum):
    """ConnectorStatusEnumType, the values this station uses."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"


@dataclass
class Occupant:
    """The car at the connector; `leaves_at_s` is on the monotonic clock."""

    id_token: str
    car: CarState
    leaves_at_s: float
    asks_authorization: bool = True
    target_percent: float | None = None
    """What the car wants by its departure; None: it tells nothing of itself."""
    needs_untold: bool = False


@dataclass
class RemoteStart:
    """A start that the CSMS asked for, waiting for its driver to plug in."""

    id_token: str
    remote_start_id: int
    plugs_at_s: float


class Station:
    """`online` is set by the link: connected and accepted by the CSMS."""

    def __init__(
        self, operator: str, asset: IslandStation, ledger: Ledger, clock: Clock, *, speed: float
    ) -> None:
        self.operator = operator
        self.asset = asset
        self.ledger = ledger
        self.clock = clock
        self.speed = speed
        self.online = False
        self.wake = asyncio.Event()
        self.sample_interval_s = 5.0
        self.occupant: Occupant | None = None
        self.status_unsent = True
        self.reservation_updates: list[tuple[int, str]] = []
        """Ids and ReservationUpdateStatusEnumType of reservations whose end is still to be told."""
        self.ended_sessions = 0
        self._remote_start: RemoteStart | None = None
        self._scheduled_operative: bool | None = None
        self._advanced_at_s = clock.monotonic()
        self._sampled_at_s = self._advanced_at_s
        self._end_interrupted()

    @property
    def transaction(self) -> OpenTransaction | None:
        return self.ledger.transaction

    @property
    def status(self) -> ConnectorStatus:
        if self.occupant is not None:
            return ConnectorStatus.OCCUPIED
        if not self.ledger.operative:
            return ConnectorStatus.UNAVAILABLE
        if self.ledger.reservation is not None:
            return ConnectorStatus.RESERVED
        return ConnectorStatus.AVAILABLE

    @property
    def free(self) -> bool:
        """Any car may plug in."""
        return self.status is ConnectorStatus.AVAILABLE and self._remote_start is None

    def free_for(self, token: str) -> bool:
        """The car of that card may plug in: the connector is free, or reserved for it."""
        if self.status is ConnectorStatus.RESERVED and self._remote_start is None:
            return not self._reserved_for_another(token)
        return self.free

    @property
    def power_kw(self) -> float:
        return self.occupant.car.power_kw if self.occupant and self.transaction else 0.0

    @property
    def token_to_authorize(self) -> str | None:
        """The card that a driver holds to the reader and that nobody has judged yet."""
        occupant = self.occupant
        if occupant is None or self.transaction is not None or not occupant.asks_authorization:
            return None
        return occupant.id_token

    def plug(
        self,
        car: IslandCar,
        *,
        stay_s: float,
        soc_percent: float,
        target_percent: float | None = None,
    ) -> None:
        """A car arrives, its driver holds up the card; `stay_s` in simulated seconds.

        With a target the car tells what it needs once it is let in.
        """
        self._advance()
        self.occupant = Occupant(
            id_token=car.id_token,
            car=CarState(car.capacity_kwh, car.max_power_kw, soc_percent),
            leaves_at_s=self.clock.monotonic() + stay_s / self.speed,
            target_percent=target_percent,
        )
        self._status_changed()

    @property
    def needs_to_tell(self) -> dict[str, Any] | None:
        """What the car of the running transaction wants and has not told yet."""
        occupant = self.occupant
        if occupant is None or self.transaction is None or not occupant.needs_untold:
            return None
        left_s = max(0.0, occupant.leaves_at_s - self.clock.monotonic())
        return charging_needs(
            departure=self.clock.utc() + timedelta(seconds=left_s),
            soc_percent=occupant.car.soc_percent,
            capacity_kwh=occupant.car.capacity_kwh,
            max_power_kw=occupant.car.max_power_kw,
            target_percent=occupant.target_percent or 0.0,
        )

    def needs_told(self) -> None:
        """The CSMS has answered to them."""
        if self.occupant is not None:
            self.occupant.needs_untold = False

    def unplug(self) -> None:
        """The cable is pulled without asking the station."""
        self._leave(trigger_reason="EVCommunicationLost", stopped_reason="EVDisconnected")

    def authorized(self, token: str, *, accepted: bool) -> None:
        """The CSMS has judged the card."""
        if self.token_to_authorize != token or self.occupant is None:
            return
        self.occupant.asks_authorization = False
        if accepted and not self._reserved_for_another(token):
            self._start("Authorized", token=token)
        else:
            self.occupant.leaves_at_s = min(
                self.occupant.leaves_at_s, self.clock.monotonic() + REFUSED_STAY_S / self.speed
            )
            log.info("simulation.card_refused station=%s", self.asset.station_id)

    def tick(self) -> None:
        """Let the physics follow the clock; make the events that are due."""
        self._advance()
        now_s = self.clock.monotonic()
        reservation = self.ledger.reservation
        if reservation and self.clock.utc() >= datetime.fromisoformat(reservation.expires_at):
            self._reservation_end("Expired")
        if self._remote_start is not None and now_s >= self._remote_start.plugs_at_s:
            self._plug_for_remote_start(self._remote_start)
        if self.occupant is not None and now_s >= self.occupant.leaves_at_s:
            self._leave(trigger_reason="StopAuthorized", stopped_reason="Local")
        elif not self.online and self.token_to_authorize is not None:
            self.authorized(self.token_to_authorize, accepted=True)
        self._sample(now_s)
        self.ledger.save_if_needed()

    def remote_start(self, token: str, remote_start_id: int) -> str | None:
        """RequestStartTransaction: None when refused, else the transaction id or ""."""
        if self.transaction is not None or self._remote_start is not None:
            return None
        if self._reserved_for_another(token):
            return None
        if self.occupant is not None:
            self.occupant.id_token = token
            return self._start("RemoteStart", token=token, remote_start_id=remote_start_id)
        if not self.ledger.operative:
            return None
        plugs_at_s = self.clock.monotonic() + REMOTE_PLUG_AFTER_S
        self._remote_start = RemoteStart(token, remote_start_id, plugs_at_s)
        return ""

    def remote_stop(self, transaction_id: str) -> bool:
        """RequestStopTransaction: False when that transaction is not running here."""
        if self.transaction is None or self.transaction.transaction_id != transaction_id:
            return False
        self._end(trigger_reason="RemoteStop", stopped_reason="Remote")
        if self.occupant is not None:
            self.occupant.leaves_at_s = self.clock.monotonic() + 3.0
        return True

    def deauthorized(self, transaction_id: str) -> None:
        """The CSMS refused the card of a running transaction (OCPP 2.0.1 E05)."""
        if self.transaction is not None and self.transaction.transaction_id == transaction_id:
            self._end(trigger_reason="Deauthorized", stopped_reason="DeAuthorized")

    def availability_set(self, *, operative: bool) -> str:
        """ChangeAvailability: Accepted, or Scheduled while a transaction runs."""
        if self.transaction is not None and not operative:
            self._scheduled_operative = operative
            return "Scheduled"
        self._scheduled_operative = None
        self.ledger.operative = operative
        if not operative:
            self._reservation_end("Removed")
        self.ledger.save()
        self._status_changed()
        return "Accepted"

    def reset(self) -> None:
        """Before an immediate reboot: ends the transaction."""
        if self.transaction is not None:
            self._end(trigger_reason="ResetCommand", stopped_reason="ImmediateReset")

    def reserve(self, reservation: Reservation) -> str:
        """ReserveNow: its status; one with the id of the present reservation replaces it."""
        present = self.ledger.reservation
        if not self.ledger.operative:
            return "Unavailable"
        if self.occupant is not None or self._remote_start is not None:
            return "Occupied"
        if present is not None and present.reservation_id != reservation.reservation_id:
            return "Occupied"
        if datetime.fromisoformat(reservation.expires_at) <= self.clock.utc():
            return "Rejected"
        self._reservation_change(reservation)
        return "Accepted"

    def reservation_cancel(self, reservation_id: int) -> bool:
        """CancelReservation: False when there is no such reservation here."""
        present = self.ledger.reservation
        if present is None or present.reservation_id != reservation_id:
            return False
        self._reservation_change(None)
        return True

    def profile_set(self, profile: StoredProfile) -> str | None:
        """SetChargingProfile: None when taken, else the reason code of the refusal."""
        transaction_id = self.transaction.transaction_id if self.transaction else None
        refusal = profile_refusal(
            profile, self.ledger.profiles, transaction_id=transaction_id, now=self.clock.utc()
        )
        if refusal is None:
            self._profiles_change(profile_stored(self.ledger.profiles, profile))
        return refusal

    def profiles_clear(self, cleared: tuple[StoredProfile, ...]) -> None:
        """ClearChargingProfile: forget these."""
        self._profiles_change(tuple(one for one in self.ledger.profiles if one not in cleared))

    @property
    def started_at(self) -> datetime | None:
        """The start of the running transaction."""
        return datetime.fromisoformat(self.transaction.started_at) if self.transaction else None

    def triggered_event(self) -> bool:
        """TriggerMessage(TransactionEvent): False without a transaction."""
        if self.transaction is None:
            return False
        self._emit("Updated", "Trigger", context="Trigger")
        return True

    def _end_interrupted(self) -> None:
        """After a restart: end the transaction that the process left open, as last metered."""
        transaction = self.transaction
        if transaction is None:
            return
        reason = "Reboot" if self.ledger.stopped_cleanly else "PowerLoss"
        self._emit(
            "Ended",
            "AbnormalCondition",
            context="Transaction.End",
            stopped_reason=reason,
            at=transaction.sampled_at,
        )
        self.ended_sessions += 1

    def _plug_for_remote_start(self, wanted: RemoteStart) -> None:
        self._remote_start = None
        self.plug(IslandCar(wanted.id_token, 75.0, 22.0), stay_s=REMOTE_STAY_S, soc_percent=40.0)
        self._start("RemoteStart", token=wanted.id_token, remote_start_id=wanted.remote_start_id)

    def _start(self, trigger_reason: str, *, token: str, remote_start_id: int | None = None) -> str:
        self._advance()
        at = wire_time(self.clock.utc())
        reservation, self.ledger.reservation = self.ledger.reservation, None
        self.ledger.transaction = OpenTransaction(
            transaction_id=str(uuid.uuid4()),
            id_token=token,
            started_at=at,
            sampled_at=at,
            start_register_wh=self.ledger.register_wh,
            remote_start_id=remote_start_id,
            reservation_id=reservation.reservation_id if reservation else None,
        )
        self._emit("Started", trigger_reason, context="Transaction.Begin", token=token)
        if self.occupant is not None:
            self.occupant.needs_untold = self.occupant.target_percent is not None
        self.ledger.transaction.charging_state = (
            "Charging" if self._limit_kw(self.clock.utc()) > 0 else "SuspendedEVSE"
        )
        self._emit("Updated", "ChargingStateChanged", context="Other")
        return self.ledger.transaction.transaction_id

    def _end(self, *, trigger_reason: str, stopped_reason: str) -> None:
        transaction = self.transaction
        if transaction is None:
            return
        self._advance()
        transaction.charging_state = "EVConnected"
        if trigger_reason == "EVCommunicationLost":
            transaction.charging_state = "Idle"
        token = transaction.id_token if trigger_reason == "StopAuthorized" else None
        self._emit(
            "Ended",
            trigger_reason,
            context="Transaction.End",
            stopped_reason=stopped_reason,
            token=token,
        )
        self.ended_sessions += 1
        if self.occupant is not None:
            self.occupant.asks_authorization = False
        if self._scheduled_operative is not None:
            self.availability_set(operative=self._scheduled_operative)

    def _leave(self, *, trigger_reason: str, stopped_reason: str) -> None:
        self._end(trigger_reason=trigger_reason, stopped_reason=stopped_reason)
        self.occupant = None
        self._status_changed()

    def _advance(self) -> None:
        """Charge the car for the time since the last call; the register only grows."""
        now_s = self.clock.monotonic()
        elapsed_s, self._advanced_at_s = now_s - self._advanced_at_s, now_s
        transaction, occupant = self.transaction, self.occupant
        if transaction is None or occupant is None:
            return
        end = self.clock.utc()
        start = end - timedelta(seconds=elapsed_s)
        inner = changes(self.ledger.profiles, start, end, started_at=self.started_at)
        for begin, until in pairwise([start, *inner, end]):
            occupant.car, energy_kwh = car_charge(
                occupant.car,
                limit_kw=self._limit_kw(begin),
                duration_s=(until - begin).total_seconds() * self.speed,
            )
            self.ledger.register_wh += energy_kwh * 1000
        if transaction.charging_state == "Charging":
            transaction.time_charging_s += elapsed_s
        state = self._charging_state(occupant, self._limit_kw(end))
        if transaction.charging_state != state:
            transaction.charging_state = state
            self._emit("Updated", "ChargingStateChanged", context="Other")

    def _limit_kw(self, at: datetime) -> float:
        """What the station offers the car at an instant."""
        allowed_kw = limit_kw(self.ledger.profiles, at, started_at=self.started_at)
        rated_kw = self.asset.rated_power_kw
        return rated_kw if allowed_kw is None else min(rated_kw, allowed_kw)

    def _charging_state(self, occupant: Occupant, offered_kw: float) -> str:
        if accepted_power_kw(occupant.car, self.asset.rated_power_kw) <= 0:
            return "SuspendedEV"
        return "Charging" if offered_kw > 0 else "SuspendedEVSE"

    def _profiles_change(self, profiles: tuple[StoredProfile, ...]) -> None:
        """What was drawn until now was drawn under the old ones."""
        self._advance()
        self.ledger.profiles = profiles
        self.ledger.save()
        self._advance()

    def _sample(self, now_s: float) -> None:
        if self.transaction is None:
            return
        crowded = len(self.ledger.queue) >= CROWDED_QUEUE
        interval_s = CROWDED_INTERVAL_S if crowded else self.sample_interval_s
        if now_s - self._sampled_at_s >= interval_s:
            self._emit("Updated", "MeterValuePeriodic", context="Sample.Periodic")

    def _emit(
        self,
        event_type: str,
        trigger_reason: str,
        *,
        context: str,
        token: str | None = None,
        stopped_reason: str | None = None,
        at: str | None = None,
    ) -> None:
        """Queue a transaction event with a meter sample taken now."""
        transaction = self.transaction
        if transaction is None:
            raise RuntimeError("a transaction event needs a transaction")
        moment = at or wire_time(self.clock.utc())
        if self.occupant is not None:
            transaction.soc_percent = self.occupant.car.soc_percent
        meter = meter_value(
            at=moment,
            context=context,
            register_wh=self.ledger.register_wh,
            power_w=self.power_kw * 1000 if event_type == "Updated" else 0.0,
            soc_percent=transaction.soc_percent,
        )
        event = transaction_event(
            transaction,
            event_type=event_type,
            trigger_reason=trigger_reason,
            at=moment,
            offline=not self.online,
            meter=meter,
            token=token,
            stopped_reason=stopped_reason,
        )
        transaction.sampled_at = moment
        self._sampled_at_s = self.clock.monotonic()
        if event_type == "Ended":
            self.ledger.transaction = None
            self.ledger.profiles = tuple(one for one in self.ledger.profiles if one.purpose != TX)
            if self.occupant is not None:
                self.occupant.car = _without_power(self.occupant.car)
        self.ledger.add(event)
        self.wake.set()

    def _reserved_for_another(self, token: str) -> bool:
        reservation = self.ledger.reservation
        return reservation is not None and not reservation.admits(token)

    def _reservation_end(self, update: str) -> None:
        """The reservation goes without its car: the CSMS is told."""
        if self.ledger.reservation is None:
            return
        self.reservation_updates.append((self.ledger.reservation.reservation_id, update))
        self._reservation_change(None)

    def _reservation_change(self, reservation: Reservation | None) -> None:
        self.ledger.reservation = reservation
        self.ledger.save()
        self._status_changed()

    def _status_changed(self) -> None:
        self.status_unsent = True
        self.wake.set()


def _without_power(car: CarState) -> CarState:
    return CarState(car.capacity_kwh, car.max_power_kw, car.soc_percent)
