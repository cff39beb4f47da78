"""Energy-Charts (Fraunhofer ISE): asks for day-ahead prices of a bidding zone; needs no key.

What is known of the service was read in reports of its users, the live one was never called:
`start` and `end` are taken as seconds since 1970 and both bounds count; a span without prices is
answered 404 "no content available" (enoch85/ge-spot issue 49, evcc-io/evcc issue 33597); dates
without a time broke it for days (mampfes/ha_epex_spot issue 280), so seconds are sent.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from apps.markets.feeds.energy_charts import NotYetPublishedError
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import HttpClient

SYSTEM: Final = "energy_charts"
BASE_URL: Final = "https://api.energy-charts.info"
# Nothing is said about how long a refusal lasts.
BUSY_S: Final = 600.0
# Such as FR, DE-LU or IT-Centre-North.
_ZONE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


class EnergyChartsClient:
    """The open service; there is no token."""

    def __init__(self, *, allow_loopback: bool, base_url: str = BASE_URL) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = HttpClient(
            system=SYSTEM, base_url=base_url, read_timeout_s=30, allow_loopback=allow_loopback
        )

    def day_ahead_prices(self, *, zone: str, start: datetime, end: datetime) -> bytes:
        """The raw answer with the prices of bidding zone `zone` over [start, end).

        Raises DomainError for a zone that is none, NotYetPublishedError when there is no price
        yet, ExternalError: 400 is not retryable; 429, 5xx and silence are.
        """
        if not _ZONE.fullmatch(zone):
            raise DomainError(
                "energy_charts.zone", "letters, digits and hyphens only", field="zone"
            )
        response = self._http.request(
            "GET",
            f"{self._base_url}/price",
            params={
                "bzn": zone,
                "start": str(int(start.timestamp())),
                # Both bounds count: the slot that begins at `end` is another day's.
                "end": str(int(end.timestamp()) - 1),
            },
        )
        if response.status == 404 and "no content" in response.text[:1_000].lower():
            raise NotYetPublishedError
        try:
            self._http.expect(response, ok=frozenset({200}))
        except ExternalError as err:
            if err.status == 429 and err.retry_after_s is None:
                err.retry_after_s = BUSY_S
            raise
        return response.content
