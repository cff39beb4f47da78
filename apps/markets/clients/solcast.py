"""Solcast API: asks for forecasts of a place or of a registered rooftop site.

A home user has 10 calls a day, counted from midnight UTC; the answer to the eleventh is 429, as it
is when the platform is busy. Retry-After is passed on. Without it the pause is taken from
X-Rate-Limit-Reset (seconds since 1970, as older clients of the platform read it) against the
answer's own Date. The token travels in the Authorization header and never in an address or error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import HttpClient, HttpResponse

SYSTEM: Final = "solcast"
BASE_URL: Final = "https://api.solcast.com.au"
# "Busy" and "quota" look alike without headers: short enough for the first, bearable for the other.
BUSY_S: Final = 900.0
DAY_S: Final = 86_400.0
MAX_HOURS: Final = 336
RADIATION_PARAMETERS: Final = (
    "ghi,ghi10,ghi90,dni,dni10,dni90,dhi,dhi10,dhi90,air_temp,wind_speed_10m"
)
_RESOURCE: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_WHOLE: Final = re.compile(r"\d{1,12}")


@dataclass(frozen=True, slots=True)
class SolcastReply:
    """The raw document, and how many calls are left today where the platform says so."""

    content: bytes
    calls_left: int | None


class SolcastClient:
    """One operator's access, with its own token. Each call counts against the day's quota."""

    def __init__(self, *, token: str, allow_loopback: bool, base_url: str = BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = HttpClient(
            system=SYSTEM,
            base_url=base_url,
            read_timeout_s=30,
            allow_loopback=allow_loopback,
            headers={"Authorization": f"Bearer {token}"},
        )

    def radiation_forecast(
        self, *, latitude: float, longitude: float, hours: int = 48
    ) -> SolcastReply:
        """Radiation with P10 and P90, temperature and wind per quarter hour, from now on.

        Raises ExternalError: 401, 403 and 404 are not retryable; 429, 5xx and silence are.
        """
        return self._get(
            "/data/forecast/radiation_and_weather",
            {
                "latitude": f"{latitude:.4f}",
                "longitude": f"{longitude:.4f}",
                "hours": _hours(hours),
                "period": "PT15M",
                "output_parameters": RADIATION_PARAMETERS,
                "format": "json",
            },
        )

    def rooftop_forecast(self, *, resource_id: str, hours: int = 48) -> SolcastReply:
        """Power (`pv_estimate`, kW) of a site registered with the platform, per half hour.

        Raises DomainError for a resource id that is none, ExternalError as `radiation_forecast`.
        """
        if not _RESOURCE.fullmatch(resource_id):
            raise DomainError(
                "solcast.resource_id", "letters, digits and hyphens only", field="resource_id"
            )
        return self._get(
            f"/rooftop_sites/{resource_id}/forecasts", {"hours": _hours(hours), "format": "json"}
        )

    def _get(self, path: str, params: dict[str, str]) -> SolcastReply:
        response = self._http.request("GET", self._base_url + path, params=params)
        try:
            self._http.expect(response, ok=frozenset({200}))
        except ExternalError as err:
            if err.status == 429 and err.retry_after_s is None:
                err.retry_after_s = _until_reset_s(response)
            raise
        left = response.headers.get("x-rate-limit-remaining", "")
        return SolcastReply(response.content, int(left) if _WHOLE.fullmatch(left) else None)


def _until_reset_s(response: HttpResponse) -> float:
    reset = response.headers.get("x-rate-limit-reset", "")
    if not _WHOLE.fullmatch(reset):
        return BUSY_S
    try:
        answered = parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return BUSY_S
    pause_s = int(reset) - answered
    return pause_s if 0 < pause_s <= DAY_S else BUSY_S


def _hours(hours: int) -> str:
    return str(min(max(hours, 1), MAX_HOURS))
