"""Météo-France: the weather of the plants' cells from the runs of AROME outre-mer.

One file of a run holds an hour of the whole domain, so every file is fetched once and serves all
cells; what was taken of it waits in the operator's cache until the run is whole. A fetch that is
cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.cache import cache

from apps.markets.choices import Feed
from apps.markets.clients.meteo_france import (
    BASE_URL,
    PRODUCTS,
    TOKEN_URL,
    Credentials,
    MeteoFranceClient,
)
from apps.markets.feeds.arome import (
    MAX_HOURS,
    Place,
    SurfaceValues,
    grib_check,
    is_within,
    surface_read,
)
from apps.markets.feeds.arome_extract import extract_encode, extract_read
from apps.markets.models import FeedAccess
from apps.markets.pv.grouping import Cell
from apps.markets.selectors.pv import weather_cells, weather_request
from apps.markets.services.feeds.adapter import Fetched, Reading, Wanted
from apps.markets.services.feeds.weather import missing_words, request_cell, weather_batches
from cariflex.common.errors import DomainError, ExternalError

RUN_EVERY: Final = timedelta(hours=6)
# First files are out 6 h 30 min after the start of a run, the last as a rule within 8 hours.
OUT_AFTER: Final = timedelta(hours=7)
LOOK_AGAIN: Final = timedelta(minutes=15)
RUNS_BACK: Final = 3
BUDGET_S: Final = 150.0
"""The engine's claim of a request ends after five minutes."""
KEPT_S: Final = 86_400
DEFAULT_DOMAIN: Final = "ANTIL"


class MeteoFranceAdapter:
    """The area is a name of one's own. Settings: `domain` (ANTIL), `login` (key or application),
    `token_url`. The token is the API key or the application id."""

    feed = Feed.METEO_FRANCE

    def __init__(self, *, budget_s: float = BUDGET_S) -> None:
        self._budget_s = budget_s

    def check(self, access: FeedAccess) -> None:
        """GRIB can be read here, the domain is known and the credentials are some."""
        grib_check()
        _domain(access)
        _credentials(access)

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """The plants' cells within the domain; the files are fetched for the first of them."""
        day = now.astimezone(UTC).date()
        return [Wanted(weather_request(cell), day) for cell in _cells(access)]

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """The extract of the newest run that is out for the cell; nothing before one is."""
        client = MeteoFranceClient(
            credentials=_credentials(access),
            base_url=access.base_url or BASE_URL,
            token_url=str(access.settings.get("token_url") or TOKEN_URL),
            allow_loopback=allow_loopback,
        )
        cell = request_cell(wanted.request)
        cells = sorted({cell, *_cells(access)})
        newest = _run_before(now - OUT_AFTER)
        for back in range(RUNS_BACK):
            fetch = _Run(client, access, newest - back * RUN_EVERY, cells, self._budget_s)
            content = fetch.extract(cell)
            if content is not None:
                return (Fetched(content, name=f"AROME {_domain(access)} {fetch.run:%Y-%m-%dT%HZ}"),)
        return ()

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """Radiation, temperature and wind by the hour."""
        said = extract_read(fetched.content)
        next_run = said.run + RUN_EVERY + OUT_AFTER
        return Reading(
            batches=weather_batches(self.feed, request_cell(wanted.request), said.weather),
            published_at=now,
            again_after=max(next_run - now, LOOK_AGAIN),
            document_id=f"{said.run:%Y-%m-%dT%H:%MZ}",
            faults=missing_words(said.weather.missing),
        )


class _Run:
    """One run as far as it is fetched."""

    def __init__(
        self,
        client: MeteoFranceClient,
        access: FeedAccess,
        run: datetime,
        cells: list[Cell],
        budget_s: float,
    ) -> None:
        self.run = run
        self._client = client
        self._access = access
        self._cells = cells
        self._deadline_s = time.monotonic() + budget_s

    def extract(self, cell: Cell) -> bytes | None:
        """The extract of a cell; None while the run is not out.

        The last hour is asked for first: it comes out last. Raises ExternalError when the time is
        up before all hours are in, DomainError for a file that is none.
        """
        last = self._hour(MAX_HOURS)
        if last is None:
            return None
        hours: dict[int, dict[str, Any]] = {}
        for hour in range(MAX_HOURS):
            found = self._hour(hour)
            if found is None:
                raise ExternalError(
                    self._access.feed, f"hour {hour} of the run is not out", retryable=True
                )
            hours[hour] = found
            if time.monotonic() > self._deadline_s and hour < MAX_HOURS - 1:
                raise ExternalError(
                    self._access.feed,
                    f"{hour + 2} of {MAX_HOURS + 1} hours are in: goes on at the next try",
                    retryable=True,
                )
        hours[MAX_HOURS] = last
        return extract_encode(
            model=f"AROME-OM-{_domain(self._access)}",
            run=self.run,
            hours=[SurfaceValues(**one["cells"][_mark(cell)]) for one in hours.values()],
            files={hour: one["sha256"] for hour, one in hours.items()},
        )

    def _hour(self, step_hours: int) -> dict[str, Any] | None:
        """What is needed of an hour's file, from the cache or from the service."""
        key = f"markets.arome.{self._access.pk}.{self.run:%Y%m%d%H}.{step_hours}"
        kept: dict[str, Any] | None = cache.get(key)
        if kept is not None and _has(kept["cells"], self._cells):
            return kept
        content = self._client.surface_package(
            domain=_domain(self._access), run=self.run, step_hours=step_hours
        )
        if content is None:
            return None
        places = [Place(cell.latitude, cell.longitude) for cell in self._cells]
        values = surface_read(content, run=self.run, step_hours=step_hours, places=places)
        taken = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "cells": {
                _mark(cell): asdict(one) for cell, one in zip(self._cells, values, strict=True)
            },
        }
        cache.set(key, taken, KEPT_S)
        return taken


def _cells(access: FeedAccess) -> list[Cell]:
    domain = _domain(access)
    return [
        cell for cell in weather_cells() if is_within(domain, Place(cell.latitude, cell.longitude))
    ]


def _mark(cell: Cell) -> str:
    return f"{cell.south},{cell.west}"


def _has(kept: Mapping[str, Any], cells: list[Cell]) -> bool:
    return all(_mark(cell) in kept for cell in cells)


def _run_before(at: datetime) -> datetime:
    """The last start of a run (00, 06, 12 or 18 UTC) at or before an instant."""
    utc = at.astimezone(UTC)
    return utc.replace(hour=utc.hour // 6 * 6, minute=0, second=0, microsecond=0)


def _domain(access: FeedAccess) -> str:
    domain = str(access.settings.get("domain") or DEFAULT_DOMAIN)
    if domain not in PRODUCTS:
        raise DomainError("market.domain", f"is not one of {', '.join(PRODUCTS)}", field="domain")
    return domain


def _credentials(access: FeedAccess) -> Credentials:
    login = access.settings.get("login", "key")
    if login not in {"key", "application"}:
        raise DomainError("market.login", "is not one of key, application", field="login")
    if not access.token:
        raise DomainError("market.token", "must not be empty", field="token")
    if login == "key":
        return Credentials(api_key=access.token)
    return Credentials(application_id=access.token)
