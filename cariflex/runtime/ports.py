"""Every port of one checkout, derived from CARIFLEX_PORT, so that two checkouts run side by side.

Standard library only: the supervisor imports this before anything is installed.
"""

from dataclasses import dataclass

DEFAULT_PORT = 5000
DEVICE_OFFSET = 20
DEVICES_PER_OPERATOR = 20
SPAN = 60
"""A checkout uses the ports [base, base + SPAN)."""


@dataclass(frozen=True)
class Ports:
    """The ports of one checkout; `base` is the one that people see."""

    base: int = DEFAULT_PORT

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 65535 - SPAN:
            raise ValueError(f"CARIFLEX_PORT must be 1024 to {65535 - SPAN}, not {self.base}")

    @property
    def web(self) -> int:
        return self.base

    @property
    def flexmeasures(self) -> int:
        return self.base + 1

    @property
    def postgres(self) -> int:
        return self.base + 2

    @property
    def redis(self) -> int:
        return self.base + 3

    @property
    def simulated_devices_control(self) -> int:
        return self.base + 4

    @property
    def simulated_entsoe(self) -> int:
        return self.base + 5

    @property
    def simulated_stations_control(self) -> int:
        return self.base + 6

    @property
    def stations_tls(self) -> int:
        return self.base + 7

    @property
    def simulated_roaming(self) -> int:
        return self.base + 8

    def device(self, operator_index: int, number: int) -> int:
        """The Modbus TCP port of simulated device `number` (0-19) of an operator."""
        if not 0 <= number < DEVICES_PER_OPERATOR:
            raise ValueError(f"device number must be 0 to {DEVICES_PER_OPERATOR - 1}")
        return self.base + DEVICE_OFFSET + operator_index * DEVICES_PER_OPERATOR + number

    def listening(self) -> dict[str, int]:
        """The ports that must be free before a start, by the name of who listens."""
        return {
            "web": self.web,
            "flexmeasures": self.flexmeasures,
            "postgres": self.postgres,
            "redis": self.redis,
            "stations by TLS": self.stations_tls,
            "simulated devices control": self.simulated_devices_control,
            "simulated ENTSO-E": self.simulated_entsoe,
            "simulated stations control": self.simulated_stations_control,
            "simulated roaming partners": self.simulated_roaming,
        }
