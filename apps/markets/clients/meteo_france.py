"""Météo-France, packages of AROME outre-mer: asks for the surface package of one hour of a run.

Two ways in: an API key (header `apikey`), or an application id that buys a token of one hour
(OAuth2 client credentials at portail-api.meteofrance.fr). Runs start at 00, 06, 12 and 18 UTC and
are out some seven hours, at worst more than ten hours later; an hour that is not out is 404. Paths
and product names were read in public code that calls the service; a HEAD is answered 405 there, a
subscription that is missing 403. The live service was never called.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from apps.markets.feeds.arome import MAX_FILE_BYTES, MAX_HOURS
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import HttpClient, HttpResponse

SYSTEM: Final = "meteo_france"
BASE_URL: Final = "https://public-api.meteofrance.fr/previnum/DPPaquetAROME-OM/v1"
TOKEN_URL: Final = "https://portail-api.meteofrance.fr/token"  # noqa: S105 - an address
GRID: Final = "0.025"
PACKAGE: Final = "SP1"
PRODUCTS: Final = {
    "ANTIL": "productOMAN",
    "GUYANE": "productOMGU",
    "INDIEN": "productOMOI",
    "NCALED": "productOMNC",
    "POLYN": "productOMPF",
}
"""The five domains with the names of their products."""
TOKEN_S: Final = 3_600.0
# A token is given up a minute before its end, so that it does not end on the way.
TOKEN_MARGIN_S: Final = 60.0
# The portal counts calls a minute.
QUOTA_PAUSE_S: Final = 60.0
_APPLICATION_ID: Final = re.compile(r"[A-Za-z0-9+/=_-]{8,512}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One of both: a key, or an application id."""

    api_key: str = ""
    application_id: str = ""

    def __post_init__(self) -> None:
        given = self.api_key or self.application_id
        if bool(self.api_key) == bool(self.application_id):
            raise DomainError(
                "meteo_france.token", "give an API key or an application id", field="token"
            )
        if not given.isascii() or not given.isprintable() or " " in given:
            raise DomainError("meteo_france.token", "holds signs that no key has", field="token")
        if self.application_id and not _APPLICATION_ID.fullmatch(self.application_id):
            raise DomainError("meteo_france.token", "is no application id", field="token")


class MeteoFranceClient:
    """One operator's access. A token is kept as long as the client lives and bought anew at 401."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        allow_loopback: bool,
        base_url: str = BASE_URL,
        token_url: str = TOKEN_URL,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._base_url = base_url.rstrip("/")
        self._token_url = token_url
        self._clock_s = clock_s
        self._token = ""
        self._token_until_s = 0.0
        self._http = HttpClient(
            system=SYSTEM,
            base_url=base_url,
            read_timeout_s=120,
            max_bytes=MAX_FILE_BYTES,
            allow_loopback=allow_loopback,
        )

    def surface_package(self, *, domain: str, run: datetime, step_hours: int) -> bytes | None:
        """The GRIB2 file (SP1) of an hour of a run; None while it is not out.

        Raises DomainError for a domain, a run or an hour that is none, ExternalError: 401 and 403
        are not retryable; 429 (with its pause), 5xx and silence are.
        """
        url = self._address(domain, run, step_hours)
        response = self._get(url, self._authorisation())
        if response.status == 401 and self._credentials.application_id:
            self._token = ""
            response = self._get(url, self._authorisation())
        if response.status == 404:
            return None
        return self._expect(response).content

    def _address(self, domain: str, run: datetime, step_hours: int) -> str:
        product = PRODUCTS.get(domain)
        if product is None:
            raise DomainError(
                "meteo_france.domain", f"is not one of {', '.join(PRODUCTS)}", field="domain"
            )
        start = run.astimezone(UTC)
        if start.hour % 6 or (start.minute, start.second, start.microsecond) != (0, 0, 0):
            raise DomainError("meteo_france.run", "is not 00, 06, 12 or 18 UTC", field="run")
        if not 0 <= step_hours <= MAX_HOURS:
            raise DomainError(
                "meteo_france.step", f"is not between 0 and {MAX_HOURS}", field="step_hours"
            )
        return (
            f"{self._base_url}/models/AROME-OM-{domain}/grids/{GRID}/packages/{PACKAGE}/{product}"
            f"?referencetime={start:%Y-%m-%dT%H:%M:%SZ}&time={step_hours:03}H&format=grib2"
        )

    def _get(self, url: str, headers: dict[str, str]) -> HttpResponse:
        return self._http.request("GET", url, headers=headers)

    def _authorisation(self) -> dict[str, str]:
        if self._credentials.api_key:
            return {"apikey": self._credentials.api_key}
        if not self._token or self._clock_s() >= self._token_until_s:
            self._buy_token()
        return {"Authorization": f"Bearer {self._token}"}

    def _buy_token(self) -> None:
        response = self._http.request(
            "POST",
            self._token_url,
            headers={
                "Authorization": f"Basic {self._credentials.application_id}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            data=b"grant_type=client_credentials",
        )
        # The portal answers a wrong application id with 400 or 401.
        if response.status == 400:
            raise ExternalError(
                SYSTEM, "no token for this application id", retryable=False, status=401
            )
        self._expect(response)
        try:
            answer = response.json()
            token, life_s = str(answer["access_token"]), float(answer.get("expires_in", TOKEN_S))
        except (KeyError, TypeError, ValueError, AttributeError):
            # The cause would quote the answer, which may hold the token.
            raise ExternalError(SYSTEM, "the token's answer is none", retryable=True) from None
        if not token.isascii() or not token.isprintable():
            raise ExternalError(SYSTEM, "the token's answer is none", retryable=True)
        self._token = token
        self._token_until_s = self._clock_s() + min(life_s, TOKEN_S) - TOKEN_MARGIN_S

    def _expect(self, response: HttpResponse) -> HttpResponse:
        try:
            return self._http.expect(response, ok=frozenset({200}))
        except ExternalError as err:
            if err.status == 429 and err.retry_after_s is None:
                err.retry_after_s = QUOTA_PAUSE_S
            raise
