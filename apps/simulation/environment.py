"""What the environment tells a simulator: ports, folder, secret and speed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cariflex.runtime.ports import DEFAULT_PORT, Ports

_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class SimulationEnvironment:
    """`speed` is how many simulated seconds pass in batteries and cars per real second."""

    ports: Ports
    folder: Path
    secret: str
    speed: float

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> "SimulationEnvironment":
        """The settings of this process; ValueError when one makes no sense."""
        given = os.environ if environ is None else environ
        speed = float(given.get("CARIFLEX_SIM_SPEED") or 1)
        if not 0 < speed <= 1000:
            raise ValueError(f"CARIFLEX_SIM_SPEED must be above 0 and at most 1000, not {speed}")
        var = Path(given.get("CARIFLEX_VAR") or _CHECKOUT / "var")
        return cls(
            ports=Ports(int(given.get("CARIFLEX_PORT") or DEFAULT_PORT)),
            folder=var / "simulation",
            secret=given.get("CARIFLEX_DEMO_SECRET", ""),
            speed=speed,
        )
