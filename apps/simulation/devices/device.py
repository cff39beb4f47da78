"""What every simulated device is made of: an image, a clock, controls that revert."""

import abc
from typing import Any

from apps.simulation.clock import Clock
from apps.simulation.devices.sunspec_image import SunspecImage
from apps.simulation.island import IslandDevice, device_seed

MEASUREMENT_PERIOD_S = 0.1
"""How often a device measures: several reads of one poll see one consistent picture."""


_MODEL_NAMES = {"pv": "Sim PV 5", "battery": "Sim ESS 100", "meter": "Sim Meter 3"}


class IllegalValueError(Exception):
    """A write carries a value that the device does not know (Modbus exception 3)."""


class ReversionTimer:
    """Counts down from the last write; 0 seconds means that it never expires."""

    def __init__(self) -> None:
        self._expires_at_s: float | None = None

    def restart(self, now_s: float, seconds: int) -> None:
        """Start again from `seconds`; 0 stops it."""
        self._expires_at_s = now_s + seconds if seconds > 0 else None

    def stop(self) -> None:
        """Never expire."""
        self._expires_at_s = None

    def expiry_by(self, now_s: float) -> float | None:
        """When it expired, if that is not after `now_s`."""
        if self._expires_at_s is None or self._expires_at_s > now_s:
            return None
        return self._expires_at_s

    def remaining_s(self, now_s: float) -> int:
        """Whole seconds left; 0 when it does not run."""
        if self._expires_at_s is None:
            return 0
        return max(0, round(self._expires_at_s - now_s))


class SimulatedDevice(abc.ABC):
    """One device: physics that follow the clock, seen through its SunSpec registers."""

    def __init__(
        self, operator: str, asset: IslandDevice, image: SunspecImage, clock: Clock
    ) -> None:
        self.operator = operator
        self.asset = asset
        self.image = image
        self.clock = clock
        self.seed = device_seed(operator, asset.code)
        self.advanced_at_s = clock.monotonic()
        self._measured_at_s: float | None = None
        image.write_text(1, "Mn", "Cariflex Simulation")
        image.write_text(1, "Md", _MODEL_NAMES[asset.kind])
        image.write_text(1, "Vr", "1.0")
        image.write_text(1, "SN", f"{operator[:2].upper()}-{asset.code.upper()}")
        image.write(1, "DA", asset.unit_id)

    def measure(self) -> None:
        """Bring the measured registers up to date, at most every MEASUREMENT_PERIOD_S."""
        now_s = self.clock.monotonic()
        fresh = (
            self._measured_at_s is not None and now_s - self._measured_at_s < MEASUREMENT_PERIOD_S
        )
        if fresh:
            return
        self.advance()
        self._refresh()
        self._measured_at_s = now_s

    def command(self, address: int, values: list[int]) -> None:
        """A client's write: stored, checked and obeyed, or ReadOnlyError / IllegalValueError."""
        self.advance()
        before = list(self.image.registers)
        touched = {name for _, name in self.image.store(address, values)}
        try:
            self._obey(touched)
        except IllegalValueError:
            self.image.registers[:] = before
            raise
        self._measured_at_s = None

    @abc.abstractmethod
    def advance(self) -> None:
        """Let the physics follow the clock."""

    @abc.abstractmethod
    def _refresh(self) -> None:
        """Write the measured values to the image."""

    @abc.abstractmethod
    def _obey(self, touched: set[str]) -> None:
        """Check the points just written and act on them."""

    @abc.abstractmethod
    def report(self) -> dict[str, Any]:
        """Power (kW, consumption positive), counters and controls, for the control interface."""

    @abc.abstractmethod
    def saved(self) -> dict[str, float]:
        """What must survive the process."""

    @abc.abstractmethod
    def restore(self, saved: dict[str, float]) -> None:
        """Take up what `saved` gave; controls are lost as after a power cycle."""

    def check_choice(self, model_id: int, name: str, choices: range) -> None:
        """IllegalValueError when an enumerated point holds something else."""
        if (self.image.read(model_id, name)) not in choices:
            raise IllegalValueError(f"{name} must be one of {list(choices)}")


def grid_frequency_hz(now_s: float, seed: int) -> float:
    """A frequency that wanders by 20 mHz around 50 Hz."""
    return 50.0 + 0.02 * (((now_s * 0.013 + seed % 97 / 97) % 2.0) - 1.0)
