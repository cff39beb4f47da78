"""Open-Meteo forecast API: asks for radiation, temperature and wind of a place.

Free of a key for non-commercial use only (600 calls a minute, 5,000 an hour, 10,000 a day); the
paid host takes `apikey` in the query, which never goes into a log or an error. A 429 has no
Retry-After but says which limit was met, and the pause follows from that.
"""

from __future__ import annotations

from typing import Final

from apps.markets.feeds.open_meteo import INSTANTS, RADIATION
from cariflex.common.errors import ExternalError
from cariflex.common.http import HttpClient, HttpResponse

SYSTEM: Final = "open_meteo"
BASE_URL: Final = "https://api.open-meteo.com/v1/forecast"
MINUTE_PAUSE_S: Final = 60.0
HOUR_PAUSE_S: Final = 3_600.0
MAX_FORECAST_DAYS: Final = 16


class OpenMeteoClient:
    """One operator's access; `api_key` belongs to the paid host."""

    def __init__(
        self, *, allow_loopback: bool, base_url: str = BASE_URL, api_key: str | None = None
    ) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._http = HttpClient(
            system=SYSTEM, base_url=base_url, read_timeout_s=30, allow_loopback=allow_loopback
        )

    def forecast(self, *, latitude: float, longitude: float, days: int = 3) -> bytes:
        """The raw quarter-hourly forecast, from 00:00 UTC today over `days` days (1 to 16).

        Raises ExternalError: 400, 401 and 403 are not retryable; 429, 5xx and silence are.
        """
        params = {
            "latitude": f"{latitude:.4f}",
            "longitude": f"{longitude:.4f}",
            "minutely_15": ",".join(RADIATION + INSTANTS),
            "forecast_days": str(min(max(days, 1), MAX_FORECAST_DAYS)),
            "timezone": "GMT",
            "timeformat": "iso8601",
            "temperature_unit": "celsius",
            "wind_speed_unit": "ms",
        }
        if self._api_key is not None:
            params["apikey"] = self._api_key
        response = self._http.request("GET", self._base_url, params=params)
        try:
            self._http.expect(response, ok=frozenset({200}))
        except ExternalError as err:
            if err.status == 429 and err.retry_after_s is None:
                err.retry_after_s = _pause_s(response)
            raise
        return response.content


def _pause_s(response: HttpResponse) -> float:
    """The pause after "Minutely|Hourly|Daily API request limit exceeded"; an hour for the last too,
    because a try an hour costs nothing and the end of their day is not told."""
    return MINUTE_PAUSE_S if "minutely" in response.text[:1_000].lower() else HOUR_PAUSE_S
