"""A battery: SunSpec models 1, 701 (AC measurement), 702 (capacity), 704 (controls), 713 (storage).

On the wire W and WSet are positive for injection into the grid (discharge), negative for
absorption (charge): the opposite of the house sign. WSet (watts, WSetMod = 1) or WSetPct (percent
of WMax, WSetMod = 0) is obeyed while WSetEna is 1. WSetRvrtTms counts down from the last write to
one of these points; on expiry WSetEna takes the value of WSetEnaRvrt (0 unless written: power goes
to 0) and, if that is 1, WSet and WSetPct take those of WSetRvrt and WSetPctRvrt.

Speed multiplies the battery's physics (ramp, SoC, energy counters), not the reversion timer.
"""

from typing import Any

from apps.simulation.clock import Clock
from apps.simulation.devices.device import (
    IllegalValueError,
    ReversionTimer,
    SimulatedDevice,
    grid_frequency_hz,
)
from apps.simulation.devices.storage import StorageRating, StorageState, storage_step
from apps.simulation.devices.sunspec_image import SunspecImage
from apps.simulation.island import IslandDevice

MODELS = (1, 701, 702, 704, 713)
_SETPOINT_POINTS = {"WSetEna", "WSetMod", "WSet", "WSetPct", "WSetRvrtTms"}
_REVERSION_POINTS = {"WSetRvrt", "WSetPctRvrt", "WSetEnaRvrt"}
_WRITABLE = {(704, name) for name in _SETPOINT_POINTS | _REVERSION_POINTS}
_PERCENT_OF_WMAX, _WATTS = 0, 1
_THREE_PHASE, _ON, _CONNECTED = 2, 1, 1
_RUNNING, _STANDBY = 3, 7
_FIXED_W = 1 << 1  # CtrlModes of model 702
_IDLE_KW = 0.005


def injection_w(power_kw: float) -> float:
    """House sign (kW, charging positive) to the wire's W (injection positive)."""
    return -power_kw * 1000.0


def charging_kw(injected_w: float) -> float:
    """The wire's W (injection positive) to the house sign (kW, charging positive)."""
    return -injected_w / 1000.0


class Battery(SimulatedDevice):
    """A battery with its inverter; `speed` simulated seconds pass per real second."""

    def __init__(
        self, operator: str, asset: IslandDevice, clock: Clock, *, speed: float = 1.0
    ) -> None:
        super().__init__(operator, asset, SunspecImage(MODELS, writable=_WRITABLE), clock)
        self.rating = StorageRating(
            capacity_kwh=asset.capacity_kwh or 0.0,
            power_kw=asset.rated_power_kw,
            soc_min_percent=asset.soc_min_percent or 0.0,
            soc_max_percent=asset.soc_max_percent or 100.0,
            charging_efficiency=asset.charging_efficiency or 1.0,
            discharging_efficiency=asset.discharging_efficiency or 1.0,
        )
        self._speed = speed
        self._timer = ReversionTimer()
        self.storage = StorageState(stored_kwh=0.0)
        self.soc_set(asset.initial_soc_percent or 50.0)
        self._prepare()

    def _prepare(self) -> None:
        image = self.image
        measurement = {"A_SF": -1, "V_SF": -1, "Hz_SF": -3, "W_SF": 1, "PF_SF": -2, "VA_SF": 1}
        measurement |= {"Var_SF": 1, "TotWh_SF": 0, "Tmp_SF": -1}
        for name, value in measurement.items():
            image.write(701, name, value)
        fixed = {"ACType": _THREE_PHASE, "St": _ON, "ConnSt": _CONNECTED, "Alrm": 0, "DERMode": 1}
        for name, value in fixed.items():
            image.write(701, name, value)
        for name in ("W_SF", "VA_SF", "V_SF"):
            image.write(702, name, 0)
        rated_w = self.rating.power_kw * 1000
        for name in ("WMaxRtg", "WChaRteMaxRtg", "WDisChaRteMaxRtg", "VAMaxRtg"):
            image.scale(702, name, rated_w)
        for name in ("WMax", "WChaRteMax", "WDisChaRteMax", "VAMax"):
            image.scale(702, name, rated_w)
        image.scale(702, "VNomRtg", 400)
        image.write(702, "CtrlModes", _FIXED_W)
        for name, value in {"WSet_SF": 0, "WSetPct_SF": -2, "WSetMod": _WATTS}.items():
            image.write(704, name, value)
        for name in ("WSetEna", "WSet", "WSetPct", "WSetRvrtTms", "WSetRvrtRem"):
            image.write(704, name, 0)
        for name in _REVERSION_POINTS:
            image.write(704, name, 0)
        for name, value in {"WH_SF": 1, "Pct_SF": -2, "Sta": 0}.items():
            image.write(713, name, value)
        image.scale(713, "WHRtg", self.rating.capacity_kwh * 1000)
        image.scale(713, "SoH", 100)

    @property
    def soc_percent(self) -> float:
        return self.storage.stored_kwh / self.rating.capacity_kwh * 100

    def soc_set(self, soc_percent: float) -> None:
        """Put the battery at a state of charge within its limits, as a test needs it."""
        held = max(self.rating.soc_min_percent, min(self.rating.soc_max_percent, soc_percent))
        stored = self.rating.capacity_kwh * held / 100
        self.storage = StorageState(
            stored_kwh=stored,
            power_kw=self.storage.power_kw,
            charged_kwh=self.storage.charged_kwh,
            discharged_kwh=self.storage.discharged_kwh,
        )

    def setpoint_kw(self) -> float | None:
        """The set-point in force (charging positive); None when not enabled."""
        image = self.image
        if not image.read(704, "WSetEna"):
            return None
        if image.read(704, "WSetMod") == _WATTS:
            return charging_kw(image.scaled(704, "WSet") or 0.0)
        percent = image.scaled(704, "WSetPct") or 0.0
        return charging_kw(percent / 100 * self.rating.power_kw * 1000)

    def advance(self) -> None:
        now_s = self.clock.monotonic()
        expired_at_s = self._timer.expiry_by(now_s)
        if expired_at_s is not None:
            self._step_to(max(expired_at_s, self.advanced_at_s))
            self._revert()
        self._step_to(now_s)

    def _step_to(self, at_s: float) -> None:
        self.storage = storage_step(
            self.storage,
            self.rating,
            setpoint_kw=self.setpoint_kw() or 0.0,
            duration_s=(at_s - self.advanced_at_s) * self._speed,
        )
        self.advanced_at_s = at_s

    def _revert(self) -> None:
        image = self.image
        self._timer.stop()
        enabled = image.read(704, "WSetEnaRvrt") or 0
        image.write(704, "WSetEna", enabled)
        if enabled:
            image.write(704, "WSet", image.read(704, "WSetRvrt") or 0)
            image.write(704, "WSetPct", image.read(704, "WSetPctRvrt") or 0)

    def _refresh(self) -> None:
        image, now_s = self.image, self.clock.monotonic()
        power_w = injection_w(self.storage.power_kw)
        volts = 231.0 + power_w / 40000 + self.seed % 5 * 0.2
        amperes = power_w / 3 / volts
        image.scale(701, "W", power_w)
        image.scale(701, "VA", abs(power_w))
        image.scale(701, "Var", 0)
        image.scale(701, "PF", 1.0 if power_w >= 0 else -1.0)
        image.scale(701, "A", amperes * 3)
        image.scale(701, "LLV", volts * 3**0.5)
        image.scale(701, "LNV", volts)
        image.scale(701, "Hz", grid_frequency_hz(now_s, self.seed))
        image.scale(701, "TotWhInj", self.storage.discharged_kwh * 1000)
        image.scale(701, "TotWhAbs", self.storage.charged_kwh * 1000)
        image.scale(701, "TmpCab", 28.0 + abs(power_w) / 5000)
        for line in (1, 2, 3):
            image.scale(701, f"WL{line}", power_w / 3)
            image.scale(701, f"AL{line}", amperes)
            image.scale(701, f"VL{line}", volts)
        image.write(701, "InvSt", _STANDBY if abs(self.storage.power_kw) < _IDLE_KW else _RUNNING)
        image.scale(704, "WSetRvrtRem", self._timer.remaining_s(now_s))
        image.scale(713, "SoC", self.soc_percent)
        image.scale(713, "WHAvail", self.storage.stored_kwh * 1000)

    def _obey(self, touched: set[str]) -> None:
        image = self.image
        for name in ("WSetEna", "WSetMod", "WSetEnaRvrt"):
            self.check_choice(704, name, range(2))
        for name in ("WSet", "WSetRvrt", "WSetPct", "WSetPctRvrt"):
            if image.read(704, name) is None:
                raise IllegalValueError(f"{name} must be a number")
        if touched & _SETPOINT_POINTS:
            seconds = image.read(704, "WSetRvrtTms") or 0
            running = image.read(704, "WSetEna") == 1
            self._timer.restart(self.clock.monotonic(), seconds if running else 0)

    def report(self) -> dict[str, Any]:
        self.advance()
        return {
            "power_kw": round(self.storage.power_kw, 4),
            "soc_percent": round(self.soc_percent, 4),
            "charged_kwh": round(self.storage.charged_kwh, 5),
            "discharged_kwh": round(self.storage.discharged_kwh, 5),
            "setpoint_kw": self.setpoint_kw(),
            "reversion_remaining_s": self._timer.remaining_s(self.clock.monotonic()),
        }

    def saved(self) -> dict[str, float]:
        return {
            "soc_percent": self.soc_percent,
            "charged_kwh": self.storage.charged_kwh,
            "discharged_kwh": self.storage.discharged_kwh,
        }

    def restore(self, saved: dict[str, float]) -> None:
        self.storage = StorageState(
            stored_kwh=0.0,
            charged_kwh=saved.get("charged_kwh", 0.0),
            discharged_kwh=saved.get("discharged_kwh", 0.0),
        )
        self.soc_set(saved.get("soc_percent", self.asset.initial_soc_percent or 50.0))
