"""ENTSO-E Transparency Platform, RESTful API: asks for day-ahead price documents.

400 requests a minute per token, then a ban of ten minutes (429): Retry-After is passed on, and
without one the ban is assumed. The token travels in the query and never into a log or an error.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cariflex.common.errors import ExternalError
from cariflex.common.http import HttpClient

SYSTEM: Final = "entsoe"
DAY_AHEAD_PRICES: Final = "A44"
BAN_S: Final = 600.0


class EntsoeClient:
    """One operator's access, with its own token."""

    def __init__(self, *, base_url: str, token: str, allow_loopback: bool) -> None:
        self._base_url = base_url
        self._token = token
        self._http = HttpClient(
            system=SYSTEM, base_url=base_url, read_timeout_s=30, allow_loopback=allow_loopback
        )

    def day_ahead_prices(self, *, area: str, start: datetime, end: datetime) -> bytes:
        """The raw document for [start, end): a publication or an acknowledgement.

        "No matching data" comes with HTTP 200 or 400, so a 400 with an XML body is an answer too.
        Raises ExternalError: 401 and other refusals are not retryable; 429, 5xx and silence are.
        """
        response = self._http.request(
            "GET",
            self._base_url,
            params={
                "securityToken": self._token,
                "documentType": DAY_AHEAD_PRICES,
                "in_Domain": area,
                "out_Domain": area,
                "periodStart": _minute(start),
                "periodEnd": _minute(end),
            },
        )
        if response.status == 400 and b"Acknowledgement_MarketDocument" in response.content:
            return response.content
        try:
            self._http.expect(response, ok=frozenset({200}))
        except ExternalError as err:
            if err.status == 429 and err.retry_after_s is None:
                err.retry_after_s = BAN_S
            raise
        return response.content


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M")
