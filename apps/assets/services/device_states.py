"""What polling saw of each device: stored on a change, else every few seconds."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from apps.assets.choices import ConnectionState
from apps.assets.drivers.errors import DeviceSilentError, DeviceUnreachableError
from apps.assets.drivers.poller import PollFailure, Sample
from apps.assets.drivers.registry import Identity
from apps.assets.models import Device
from apps.assets.services.devices import DeviceObservation, devices_observe

logger = logging.getLogger(__name__)

LAST_SEEN_EVERY = timedelta(seconds=5)


Names = tuple[str, str, str, str, int]
"""Manufacturer, model, serial number, SunSpec models and map version as they are stored."""


@dataclass(slots=True)
class _Known:
    code: str
    state: ConnectionState
    error: str
    names: Names
    seen_at: datetime | None
    stored_at: datetime | None
    identity: Identity | None = None
    """What the device said of itself last; compared by identity, it stays one object."""
    has_new_names: bool = False
    is_changed: bool = False


class StateBook:
    """The states of the devices of one shard; lives as long as a lease."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def learn(self, devices: Iterable[Device]) -> None:
        """Take up devices that are new here as the database has them."""
        for device in devices:
            if device.pk not in self._known:
                self._known[device.pk] = _Known(
                    code=device.code,
                    state=ConnectionState(device.connection_state),
                    error=device.last_error,
                    names=(
                        device.manufacturer,
                        device.model_name,
                        device.serial_number,
                        device.sunspec_models,
                        device.driver_version,
                    ),
                    seen_at=None,
                    stored_at=device.last_seen_at,
                )

    def answered(self, sample: Sample) -> None:
        """A device answered."""
        known = self._known[sample.spec.device_id]
        known.seen_at = sample.at
        if known.identity is not sample.identity:
            known.identity, names = sample.identity, _names(sample.identity)
            if names != known.names:
                known.names, known.has_new_names, known.is_changed = names, True, True
        if known.state != ConnectionState.OK:
            logger.debug("device.answers device=%s", known.code)
            known.state, known.error, known.is_changed = ConnectionState.OK, "", True

    def failed(self, failure: PollFailure) -> None:
        """A device did not answer, or wrongly."""
        known = self._known[failure.spec.device_id]
        is_silent = isinstance(failure.error, DeviceSilentError | DeviceUnreachableError)
        state = ConnectionState.SILENT if is_silent else ConnectionState.ERROR
        if known.state in (ConnectionState.OK, ConnectionState.UNKNOWN):
            # The alarm says it once, with hysteresis: a device that flaps must not fill the log.
            logger.debug("device.fails device=%s error=%s", known.code, failure.error)
        if (state, str(failure.error)) != (known.state, known.error):
            known.state, known.error, known.is_changed = state, str(failure.error), True

    def store(self) -> int:
        """Write what changed, and `last_seen_at` when it is some seconds old. One statement."""
        due = {device_id: known for device_id, known in self._known.items() if _is_due(known)}
        count = devices_observe(
            observations=[_observation(device_id, known) for device_id, known in due.items()]
        )
        for known in due.values():
            known.is_changed = known.has_new_names = False
            known.stored_at = known.seen_at or known.stored_at
        return count


def _is_due(known: _Known) -> bool:
    if known.is_changed:
        return True
    if known.seen_at is None:
        return False
    return known.stored_at is None or known.seen_at - known.stored_at >= LAST_SEEN_EVERY


def _names(identity: Identity) -> Names:
    return (
        _text(identity.manufacturer, 32),
        _text(identity.model_name, 32),
        _text(identity.serial_number, 32),
        _text(identity.models, 200),
        identity.driver_version,
    )


def _text(from_device: str, longest: int) -> str:
    """As it can be stored: PostgreSQL has no NUL in texts, registers are full of them."""
    return from_device.replace("\0", "")[:longest]


def _observation(device_id: int, known: _Known) -> DeviceObservation:
    observation = DeviceObservation(
        device_id=device_id,
        connection_state=known.state,
        last_seen_at=known.seen_at,
        last_error=known.error,
    )
    if not known.has_new_names:
        return observation
    manufacturer, model_name, serial_number, sunspec_models, driver_version = known.names
    return replace(
        observation,
        manufacturer=manufacturer,
        model_name=model_name,
        serial_number=serial_number,
        sunspec_models=sunspec_models,
        driver_version=driver_version,
    )
