"""EDF SEI open data: asks for the production records of an island and for its average costs.

Opendatasoft Explore v2.1, `exports/json`: every record of a span, no paging. Open to everyone; a
portal may give a key, which travels in the Authorization header. The quota of a portal is counted
until midnight UTC: 429 with `reset_time` in the body or X-RateLimit-Reset (seconds since 1970) in
the headers (help.opendatasoft.com, Explore API v2, "Quotas" and "Errors handling"). The live
portals were never called.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from apps.markets.feeds.edf_sei import MAX_DOCUMENT_BYTES, STAMP_FIELDS, Island
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import HttpClient, HttpResponse
from cariflex.common.time import parse_rfc3339

SYSTEM: Final = "edf_sei"
# The live data sets, one an island; as electricitymaps-contrib names them. Others go by settings.
LIVE_PORTALS: Final = {
    Island.GUADELOUPE: ("https://opendata-guadeloupe.edf.fr", "mix-temps-reel-guadeloupe"),
    Island.MARTINIQUE: (
        "https://opendata-martinique.edf.fr",
        "production-delectricite-par-filiere-en-temps-reel",
    ),
}
COST_PORTAL: Final = "https://opendata.edf.fr"
COST_DATASET: Final = "courbe-de-charge-de-la-production-delectricite-par-filiere"
BUSY_S: Final = 900.0
DAY_S: Final = 86_400.0
_DATASET: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")
_WHOLE: Final = re.compile(r"\d{1,12}")


class EdfSeiClient:
    """One portal; `token` is a portal's API key, where there is one."""

    def __init__(self, *, base_url: str, allow_loopback: bool, token: str = "") -> None:
        self._base_url = base_url.rstrip("/")
        self._http = HttpClient(
            system=SYSTEM,
            base_url=base_url,
            read_timeout_s=60,
            max_bytes=MAX_DOCUMENT_BYTES,
            allow_loopback=allow_loopback,
            headers={"Authorization": f"Apikey {token}"} if token else {},
        )

    def records(
        self,
        *,
        dataset: str,
        start: datetime,
        end: datetime,
        stamp_field: str = STAMP_FIELDS[0],
        territory: Island | None = None,
    ) -> bytes:
        """The raw records of a data set whose stamp is in [start, end), ordered by it, in UTC.

        Raises DomainError for a data set or a field that is none, ExternalError: 400, 401, 403
        and 404 are not retryable; 429 (with the pause until the quota's end), 5xx and silence are.
        """
        if not _DATASET.fullmatch(dataset):
            raise DomainError("edf_sei.dataset", "is no identifier of a data set", field="dataset")
        if stamp_field not in STAMP_FIELDS:
            raise DomainError(
                "edf_sei.stamp", f"is not one of {', '.join(STAMP_FIELDS)}", field="stamp_field"
            )
        where = [
            f"{stamp_field} >= date'{_instant(start)}'",
            f"{stamp_field} < date'{_instant(end)}'",
        ]
        if territory is not None:
            where.append(f'territoire = "{territory.value}"')
        response = self._http.request(
            "GET",
            f"{self._base_url}/api/explore/v2.1/catalog/datasets/{dataset}/exports/json",
            params={
                "where": " and ".join(where),
                "order_by": stamp_field,
                "timezone": "UTC",
                "limit": "-1",
            },
        )
        try:
            self._http.expect(response, ok=frozenset({200}))
        except ExternalError as err:
            if err.status == 429 and err.retry_after_s is None:
                err.retry_after_s = _until_reset_s(response)
            raise
        return response.content


def _until_reset_s(response: HttpResponse) -> float:
    """The seconds from the answer's own Date until the quota begins anew, BUSY_S if unsaid."""
    reset = response.headers.get("x-ratelimit-reset", "")
    try:
        answered = parsedate_to_datetime(response.headers["date"])
        if _WHOLE.fullmatch(reset):
            until = datetime.fromtimestamp(int(reset), UTC)
        else:
            until = parse_rfc3339(str(response.json()["reset_time"]))
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return BUSY_S
    pause_s = (until - answered).total_seconds()
    return pause_s if 0 < pause_s <= DAY_S else BUSY_S


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
