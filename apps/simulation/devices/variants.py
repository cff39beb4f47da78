"""Devices of other SunSpec model sets than the islands': what real plants mix.

* `FloatPv`: models 1, 111 (float) or 101, 120, 121, 122, 123, 160 with two strings.
* `ReserveBattery`: models 1, 103, 120, 124, 802, the older way to steer storage.
* `GridMeter`: models 1, 203; power positive for import.

Units and signs here are those of the wire.
"""

from typing import Any

from apps.simulation.clock import Clock
from apps.simulation.devices.device import (
    IllegalValueError,
    ReversionTimer,
    SimulatedDevice,
    grid_frequency_hz,
)
from apps.simulation.devices.pv import WRITABLE_123, PvInverter
from apps.simulation.devices.storage import StorageRating, StorageState, storage_step
from apps.simulation.devices.sunspec_image import SunspecImage
from apps.simulation.island import IslandDevice

_STRINGS = 2
_PV_STOR = 82  # DERTyp of model 120
_BOTH_LIMITS = 3  # StorCtl_Mod of model 124
_VOLTS = 231.0


class FloatPv(PvInverter):
    """A single-phase roof that says more of itself: float or integer model, ratings, strings."""

    def __init__(
        self, operator: str, asset: IslandDevice, clock: Clock, *, inverter_model: int = 111
    ) -> None:
        models = (1, inverter_model, 120, 121, 122, 123, 160)
        image = SunspecImage(models, writable=WRITABLE_123, repeats={160: _STRINGS})
        super().__init__(operator, asset, clock, image=image, inverter_model=inverter_model)

    def _prepare(self) -> None:
        super()._prepare()
        image, rated_w = self.image, self.asset.rated_power_kw * 1000
        for model_id, name in ((120, "WRtg"), (121, "WMax")):
            image.write(model_id, f"{name}_SF", 0)
            image.scale(model_id, name, rated_w)
        image.write(120, "DERTyp", 4)
        for name, exponent in {"DCA_SF": -2, "DCV_SF": -1, "DCW_SF": 0}.items():
            image.write(160, name, exponent)
        image.write(160, "N", _STRINGS)

    def _refresh(self) -> None:
        super()._refresh()
        image = self.image
        image.write(122, "ActWh", round(self.produced_kwh * 1000))
        for number in range(1, _STRINGS + 1):
            power_w = self.production_kw * 1000 / 0.97 / _STRINGS
            image.write(160, f"module{number}.ID", number)
            image.scale(160, f"module{number}.DCW", power_w)
            image.scale(160, f"module{number}.DCV", 380.0)
            image.scale(160, f"module{number}.DCA", power_w / 380.0)


class ReserveBattery(SimulatedDevice):
    """A hybrid inverter's battery under model 124.

    OutWRte and InWRte are the window of its power in percent of WChaMax: it discharges at most
    OutWRte and charges at most InWRte; a negative end forces the other direction. Each counts
    while its bit of StorCtl_Mod is set. InOutWRte_RvrtTms counts down from the last write and
    then clears StorCtl_Mod.
    """

    def __init__(self, operator: str, asset: IslandDevice, clock: Clock) -> None:
        names = ("OutWRte", "InWRte", "InOutWRte_RvrtTms", "StorCtl_Mod", "InOutWRte_WinTms")
        writable = {(124, name) for name in names}
        super().__init__(
            operator, asset, SunspecImage((1, 103, 120, 124, 802), writable=writable), clock
        )
        self.rating = StorageRating(
            capacity_kwh=asset.capacity_kwh or 0.0,
            power_kw=asset.rated_power_kw,
            soc_min_percent=asset.soc_min_percent or 0.0,
            soc_max_percent=asset.soc_max_percent or 100.0,
        )
        self.storage = StorageState(
            stored_kwh=self.rating.capacity_kwh * (asset.initial_soc_percent or 50.0) / 100
        )
        self._timer = ReversionTimer()
        self._prepare()

    def _prepare(self) -> None:
        image, rated_w = self.image, self.rating.power_kw * 1000
        for name, exponent in {"W_SF": 1, "WH_SF": 0, "V_SF": -1, "A_SF": -1, "Hz_SF": -2}.items():
            image.write(103, name, exponent)
        image.write(103, "Evt1", 0)
        image.write(120, "DERTyp", _PV_STOR)
        for name in ("WRtg", "MaxChaRte", "MaxDisChaRte"):
            image.write(120, f"{name}_SF", 1)
            image.scale(120, name, rated_w)
        for name, exponent in {"WChaMax_SF": 1, "InOutWRte_SF": -2, "ChaState_SF": -2}.items():
            image.write(124, name, exponent)
        image.scale(124, "WChaMax", rated_w)
        for name in ("StorCtl_Mod", "OutWRte", "InWRte", "InOutWRte_RvrtTms"):
            image.write(124, name, 0)
        for name, exponent in {"SoC_SF": -1, "SoH_SF": 0, "WHRtg_SF": 2, "V_SF": -1}.items():
            image.write(802, name, exponent)
        image.write(802, "Evt1", 0)
        image.write(802, "SoH", 98)
        image.scale(802, "WHRtg", self.rating.capacity_kwh * 1000)

    def setpoint_kw(self) -> float:
        """What the window makes of a wish for rest (charging positive); 0 without limits."""
        mode = self.image.read(124, "StorCtl_Mod") or 0
        rated_kw = self.rating.power_kw
        most = (self.image.scaled(124, "InWRte") or 0.0) / 100 * rated_kw if mode & 1 else rated_kw
        least = -(self.image.scaled(124, "OutWRte") or 0.0) / 100 * rated_kw
        return max(least if mode & 2 else -rated_kw, min(most, 0.0))

    def advance(self) -> None:
        now_s = self.clock.monotonic()
        if self._timer.expiry_by(now_s) is not None:
            self._timer.stop()
            self.image.write(124, "StorCtl_Mod", 0)
        self.storage = storage_step(
            self.storage,
            self.rating,
            setpoint_kw=self.setpoint_kw(),
            duration_s=now_s - self.advanced_at_s,
        )
        self.advanced_at_s = now_s

    def _refresh(self) -> None:
        image, injected_w = self.image, -self.storage.power_kw * 1000
        soc_percent = self.storage.stored_kwh / self.rating.capacity_kwh * 100
        image.scale(103, "W", injected_w)
        image.scale(103, "WH", self.storage.discharged_kwh * 1000)
        image.scale(103, "A", abs(injected_w) / _VOLTS)
        for phase in "ABC":
            image.scale(103, f"PhVph{phase}", _VOLTS)
        image.scale(103, "Hz", grid_frequency_hz(self.clock.monotonic(), self.seed))
        image.scale(124, "ChaState", soc_percent)
        image.scale(802, "SoC", soc_percent)
        image.scale(802, "V", 512.0)

    def _obey(self, touched: set[str]) -> None:
        image = self.image
        self.check_choice(124, "StorCtl_Mod", range(_BOTH_LIMITS + 1))
        for name in ("OutWRte", "InWRte"):
            if not -100 <= (image.scaled(124, name) or 0.0) <= 100:
                raise IllegalValueError(f"{name} must be -100 to 100 percent")
        seconds = image.read(124, "InOutWRte_RvrtTms") or 0
        self._timer.restart(
            self.clock.monotonic(), seconds if image.read(124, "StorCtl_Mod") else 0
        )

    def report(self) -> dict[str, Any]:
        self.advance()
        return {"power_kw": self.storage.power_kw, "setpoint_kw": self.setpoint_kw()}

    def saved(self) -> dict[str, float]:
        return {"stored_kwh": self.storage.stored_kwh}

    def restore(self, saved: dict[str, float]) -> None:
        self.storage = StorageState(stored_kwh=saved["stored_kwh"])


class GridMeter(SimulatedDevice):
    """A three-phase meter; what it measures is set from outside. `import_w` may be negative."""

    def __init__(self, operator: str, asset: IslandDevice, clock: Clock) -> None:
        super().__init__(operator, asset, SunspecImage((1, 203), writable=set()), clock)
        self.import_w = 0.0
        self._imported_wh = 5000.0
        self._exported_wh = 2000.0
        scale_factors = {"A_SF": -1, "V_SF": -1, "W_SF": 0, "Hz_SF": -2, "TotWh_SF": 0}
        for name, exponent in scale_factors.items():
            self.image.write(203, name, exponent)
        self.image.write(203, "Evt", 0)

    def advance(self) -> None:
        now_s = self.clock.monotonic()
        energy_wh = self.import_w * (now_s - self.advanced_at_s) / 3600
        self._imported_wh += max(0.0, energy_wh)
        self._exported_wh += max(0.0, -energy_wh)
        self.advanced_at_s = now_s

    def _refresh(self) -> None:
        image = self.image
        image.scale(203, "W", self.import_w)
        image.scale(203, "A", self.import_w / _VOLTS)
        image.scale(203, "PhV", _VOLTS)
        image.scale(203, "PPV", _VOLTS * 3**0.5)
        for phase in "ABC":
            image.scale(203, f"Wph{phase}", self.import_w / 3)
            image.scale(203, f"Aph{phase}", self.import_w / 3 / _VOLTS)
            image.scale(203, f"PhVph{phase}", _VOLTS)
        image.scale(203, "Hz", grid_frequency_hz(self.clock.monotonic(), self.seed))
        image.scale(203, "TotWhImp", self._imported_wh)
        image.scale(203, "TotWhExp", self._exported_wh)

    def _obey(self, touched: set[str]) -> None:
        """A meter takes no command."""

    def report(self) -> dict[str, Any]:
        return {"import_w": self.import_w}

    def saved(self) -> dict[str, float]:
        return {"imported_wh": self._imported_wh, "exported_wh": self._exported_wh}

    def restore(self, saved: dict[str, float]) -> None:
        self._imported_wh, self._exported_wh = saved["imported_wh"], saved["exported_wh"]
