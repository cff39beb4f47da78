"""ENTSO-E Transparency Platform, RESTful API: asks for price, generation and load documents.

400 requests a minute per token, then a ban of ten minutes (429): Retry-After is passed on, and
without one the ban is assumed. The token travels in the query and never into a log or an error.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from apps.markets.feeds.entsoe import (
    GENERATION_PER_TYPE,
    LOAD,
    MAX_POWER_DOCUMENT_BYTES,
    WIND_SOLAR_FORECAST,
    Process,
)
from cariflex.common.errors import ExternalError
from cariflex.common.http import HttpClient

SYSTEM: Final = "entsoe"
DAY_AHEAD_PRICES: Final = "A44"
BAN_S: Final = 600.0


class EntsoeClient:
    """One operator's access, with its own token.

    Every method gives the raw answer for [start, end), at most a year: a document, a ZIP archive
    of documents, or an acknowledgement. "No matching data" comes with HTTP 200 or 400, so a 400
    with an acknowledgement is an answer too. Raises ExternalError: 401 and other refusals are not
    retryable; 429, 5xx and silence are.
    """

    def __init__(self, *, base_url: str, token: str, allow_loopback: bool) -> None:
        self._base_url = base_url
        self._token = token
        self._http = HttpClient(
            system=SYSTEM, base_url=base_url, read_timeout_s=30, allow_loopback=allow_loopback
        )
        # A year of quarter hours for every type is some 60 MB where a year of prices is 3 MB.
        self._http_large = HttpClient(
            system=SYSTEM,
            base_url=base_url,
            read_timeout_s=120,
            max_bytes=MAX_POWER_DOCUMENT_BYTES,
            allow_loopback=allow_loopback,
        )

    def day_ahead_prices(self, *, area: str, start: datetime, end: datetime) -> bytes:
        """The answer with day-ahead prices (A44) of a bidding zone."""
        zone = {"in_Domain": area, "out_Domain": area}
        return self._document(self._http, DAY_AHEAD_PRICES, zone, start, end)

    def generation_per_type(self, *, area: str, start: datetime, end: datetime) -> bytes:
        """The answer with realised generation per production type (A75)."""
        asked = {"processType": Process.REALISED.value, "in_Domain": area}
        return self._document(self._http_large, GENERATION_PER_TYPE, asked, start, end)

    def load(self, process: Process, *, area: str, start: datetime, end: datetime) -> bytes:
        """The answer with the total load (A65), realised or forecast day ahead."""
        asked = {"processType": process.value, "outBiddingZone_Domain": area}
        return self._document(self._http_large, LOAD, asked, start, end)

    def wind_solar_forecast(
        self,
        *,
        area: str,
        start: datetime,
        end: datetime,
        process: Process = Process.DAY_AHEAD,
    ) -> bytes:
        """The answer with the forecast of wind and solar (A69): day ahead, current or intraday."""
        asked = {"processType": process.value, "in_Domain": area}
        return self._document(self._http_large, WIND_SOLAR_FORECAST, asked, start, end)

    def _document(
        self,
        http: HttpClient,
        document_type: str,
        asked: dict[str, str],
        start: datetime,
        end: datetime,
    ) -> bytes:
        response = http.request(
            "GET",
            self._base_url,
            params={
                "securityToken": self._token,
                "documentType": document_type,
                **asked,
                "periodStart": _minute(start),
                "periodEnd": _minute(end),
            },
        )
        if response.status == 400 and b"Acknowledgement_MarketDocument" in response.content:
            return response.content
        try:
            http.expect(response, ok=frozenset({200}))
        except ExternalError as err:
            if err.status == 429 and err.retry_after_s is None:
                err.retry_after_s = BAN_S
            raise
        return response.content


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M")
