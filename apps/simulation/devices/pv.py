"""A PV inverter: SunSpec models 1, 103 (three phase inverter) and 123 (immediate controls).

On the wire W is positive for production. WMaxLimPct limits the power (percent of the rating)
while WMaxLim_Ena is 1; WMaxLimPct_RvrtTms counts down from the last write to the limit and then
sets WMaxLim_Ena to 0. Conn = 0 disconnects; Conn_RvrtTms connects again. Window and ramp times
are stored without effect: a limit holds at once. The sun follows real time at any speed.
"""

from typing import Any

from apps.simulation.clock import Clock
from apps.simulation.devices.device import (
    IllegalValueError,
    ReversionTimer,
    SimulatedDevice,
    grid_frequency_hz,
)
from apps.simulation.devices.solar import available_power_kw
from apps.simulation.devices.sunspec_image import SunspecImage
from apps.simulation.island import IslandDevice

MODELS = (1, 103, 123)
_LIMIT_POINTS = {"WMaxLimPct", "WMaxLimPct_RvrtTms", "WMaxLim_Ena"}
_CONNECTION_POINTS = {"Conn", "Conn_RvrtTms"}
_STORED_POINTS = {"Conn_WinTms", "WMaxLimPct_WinTms", "WMaxLimPct_RmpTms"}
WRITABLE_123 = {(123, name) for name in _LIMIT_POINTS | _CONNECTION_POINTS | _STORED_POINTS}
_SLEEPING, _MPPT, _THROTTLED, _OFF = 2, 4, 5, 1
_NIGHT_KW = 0.005
_LONGEST_STEP_S = 10.0
"""After a longer gap (a suspended machine) only this much energy is counted."""


class PvInverter(SimulatedDevice):
    """A roof under the sun of its place."""

    def __init__(
        self,
        operator: str,
        asset: IslandDevice,
        clock: Clock,
        *,
        image: SunspecImage | None = None,
        inverter_model: int = 103,
    ) -> None:
        image = image or SunspecImage(MODELS, writable=WRITABLE_123)
        super().__init__(operator, asset, image, clock)
        self._inverter_model = inverter_model
        self.produced_kwh = 2000.0 + self.seed % 5000
        self._limit_timer = ReversionTimer()
        self._connection_timer = ReversionTimer()
        self._prepare()
        self.available_kw, self.production_kw = self._now_kw()

    def _scale_factor(self, name: str, exponent: int) -> None:
        """The float models have none."""
        if not self.image.has(self._inverter_model, name):
            return
        self.image.write(self._inverter_model, name, exponent)

    def _prepare(self) -> None:
        image, inverter = self.image, self._inverter_model
        scale_factors = {"A_SF": -2, "V_SF": -1, "W_SF": 0, "Hz_SF": -2, "VA_SF": 0, "VAr_SF": 0}
        scale_factors |= {"PF_SF": -1, "WH_SF": 0, "Tmp_SF": -1}
        for name, exponent in scale_factors.items():
            self._scale_factor(name, exponent)
        for name in ("Evt1", "Evt2"):
            image.write(inverter, name, 0)
        for name, exponent in {"WMaxLimPct_SF": -2, "OutPFSet_SF": -2}.items():
            image.write(123, name, exponent)
        for name in ("Conn_WinTms", "Conn_RvrtTms", "WMaxLimPct_WinTms", "WMaxLimPct_RvrtTms"):
            image.write(123, name, 0)
        for name in ("WMaxLimPct_RmpTms", "WMaxLim_Ena", "OutPFSet_Ena", "VArPct_Ena"):
            image.write(123, name, 0)
        image.write(123, "Conn", 1)
        image.write(123, "WMaxLimPct", 10000)
        image.write(123, "OutPFSet", 100)

    def advance(self) -> None:
        now_s = self.clock.monotonic()
        if self._limit_timer.expiry_by(now_s) is not None:
            self.image.write(123, "WMaxLim_Ena", 0)
            self._limit_timer.stop()
        if self._connection_timer.expiry_by(now_s) is not None:
            self.image.write(123, "Conn", 1)
            self._connection_timer.stop()
        elapsed_s = min(now_s - self.advanced_at_s, _LONGEST_STEP_S)
        before_kw = self.production_kw
        self.available_kw, self.production_kw = self._now_kw()
        self.produced_kwh += (before_kw + self.production_kw) / 2 * elapsed_s / 3600
        self.advanced_at_s = now_s

    def _now_kw(self) -> tuple[float, float]:
        """(available, fed in) power now."""
        asset = self.asset
        available = available_power_kw(
            self.clock.utc(),
            latitude=asset.latitude,
            longitude=asset.longitude,
            rated_power_kw=asset.rated_power_kw,
            seed=self.seed,
        )
        if not self.image.read(123, "Conn"):
            return available, 0.0
        return available, min(available, self.limit_kw())

    def limit_kw(self) -> float:
        """The limit in force; the rating when none is enabled."""
        if not self.image.read(123, "WMaxLim_Ena"):
            return self.asset.rated_power_kw
        percent = self.image.scaled(123, "WMaxLimPct") or 0.0
        return self.asset.rated_power_kw * percent / 100

    def _refresh(self) -> None:
        image, power_w = self.image, self.production_kw * 1000
        inverter = self._inverter_model
        now_s = self.clock.monotonic()
        volts = 231.0 + 0.4 * self.production_kw + self.seed % 7 * 0.3
        amperes = power_w / 3 / volts
        image.scale(inverter, "A", amperes * 3)
        for phase in "ABC":
            image.scale(inverter, f"Aph{phase}", amperes)
            image.scale(inverter, f"PhVph{phase}", volts)
        for pair in ("AB", "BC", "CA"):
            image.scale(inverter, f"PPVph{pair}", volts * 3**0.5)
        image.scale(inverter, "W", power_w)
        image.scale(inverter, "VA", power_w)
        image.scale(inverter, "VAr", 0)
        image.scale(inverter, "PF", 100.0)
        image.scale(inverter, "Hz", grid_frequency_hz(now_s, self.seed))
        image.scale(inverter, "WH", self.produced_kwh * 1000)
        image.scale(inverter, "TmpCab", 29.0 + 4.0 * self.production_kw)
        image.write(inverter, "St", self._status())

    def _status(self) -> int:
        if not self.image.read(123, "Conn"):
            return _OFF
        if self.available_kw < _NIGHT_KW:
            return _SLEEPING
        return _THROTTLED if self.production_kw < self.available_kw - 1e-9 else _MPPT

    def _obey(self, touched: set[str]) -> None:
        image, now_s = self.image, self.clock.monotonic()
        self.check_choice(123, "WMaxLim_Ena", range(2))
        self.check_choice(123, "Conn", range(2))
        if not 0 <= (image.scaled(123, "WMaxLimPct") or 0.0) <= 100:
            raise IllegalValueError("WMaxLimPct must be 0 to 100 percent")
        if touched & _LIMIT_POINTS:
            enabled = image.read(123, "WMaxLim_Ena")
            seconds = image.read(123, "WMaxLimPct_RvrtTms") or 0
            self._limit_timer.restart(now_s, seconds if enabled else 0)
        if touched & _CONNECTION_POINTS:
            connected = image.read(123, "Conn")
            seconds = image.read(123, "Conn_RvrtTms") or 0
            self._connection_timer.restart(now_s, 0 if connected else seconds)
        self.available_kw, self.production_kw = self._now_kw()

    def report(self) -> dict[str, Any]:
        self.advance()
        return {
            "power_kw": 0.0 - round(self.production_kw, 4),
            "available_kw": round(self.available_kw, 4),
            "energy_kwh": round(self.produced_kwh, 5),
            "limit_enabled": bool(self.image.read(123, "WMaxLim_Ena")),
            "limit_percent": self.image.scaled(123, "WMaxLimPct"),
            "reversion_remaining_s": self._limit_timer.remaining_s(self.clock.monotonic()),
        }

    def saved(self) -> dict[str, float]:
        return {"produced_kwh": self.produced_kwh}

    def restore(self, saved: dict[str, float]) -> None:
        self.produced_kwh = saved.get("produced_kwh", self.produced_kwh)
