"""Each feed that is asked over HTTP beside its stand-in, set up in the same way for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from apps.markets.choices import Feed
from apps.markets.models import FeedAccess, FeedRequest
from apps.markets.services.feeds.engine import feeds_fetch
from apps.markets.services.pv.plants import pv_plants_ensure
from apps.markets.services.sources import feed_access_configure
from tests.contracts import meteo_france_fake as meteo
from tests.contracts import solcast_fake as solcast
from tests.contracts.edf_sei_fake import edf_sei_fake
from tests.contracts.energy_charts_fake import energy_charts_fake
from tests.contracts.meteo_france_fake import meteo_france_fake
from tests.contracts.open_meteo_fake import open_meteo_fake
from tests.contracts.solcast_fake import solcast_fake
from tests.markets.pv.world import pv_device

# 08:00 in Guadeloupe, 13:00 in Paris.
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
EDF_KEY = "portal-key-0123"
OPEN_METEO_KEY = "paid-key-0123"


@dataclass
class Scene:
    """A feed, its stand-in, and how an operator has access to it."""

    feed: Feed
    fake: Any
    access: dict[str, Any]
    token: str = ""

    def configure(self, *, token: str | None = None) -> FeedAccess:
        """The access of the operator whose schema is current; one PV plant beside it."""
        if not FeedAccess.objects.exists():
            pv_device()
            pv_plants_ensure()
        return feed_access_configure(
            feed=self.feed, token=self.token if token is None else token, **self.access
        )

    @property
    def calls(self) -> int:
        return len(self.fake.server.requests)


def fetch(now: datetime = NOW) -> list[FeedRequest]:
    return feeds_fetch(now=now, allow_loopback=True)


@cache
def grib_file(run: datetime, step_hours: int) -> bytes:
    # Not at the top: ecCodes may not be installed.
    from tests.contracts.grib_files import surface_file

    return surface_file(run, step_hours)


@contextmanager
def _energy_charts() -> Iterator[Scene]:
    with energy_charts_fake() as fake:
        yield Scene(Feed.ENERGY_CHARTS, fake, {"area": "FR", "base_url": fake.url})


@contextmanager
def _edf_sei() -> Iterator[Scene]:
    with edf_sei_fake() as fake:
        fake.api_key = EDF_KEY
        access = {"area": "Guadeloupe", "base_url": fake.url}
        yield Scene(Feed.EDF_SEI, fake, access, EDF_KEY)


@contextmanager
def _solcast() -> Iterator[Scene]:
    with solcast_fake() as fake:
        fake.now = NOW
        yield Scene(Feed.SOLCAST, fake, {"area": "", "base_url": fake.url}, solcast.TOKEN)


@contextmanager
def _open_meteo() -> Iterator[Scene]:
    with open_meteo_fake() as fake:
        fake.api_key = OPEN_METEO_KEY
        yield Scene(Feed.OPEN_METEO, fake, {"area": "", "base_url": fake.url}, OPEN_METEO_KEY)


@contextmanager
def _meteo_france() -> Iterator[Scene]:
    with meteo_france_fake() as fake:
        fake.file = grib_file
        access = {"area": "", "base_url": fake.url, "settings": {"token_url": fake.token_url}}
        yield Scene(Feed.METEO_FRANCE, fake, access, meteo.API_KEY)


SCENES: dict[Feed, Callable[[], Any]] = {
    Feed.ENERGY_CHARTS: _energy_charts,
    Feed.EDF_SEI: _edf_sei,
    Feed.SOLCAST: _solcast,
    Feed.OPEN_METEO: _open_meteo,
    Feed.METEO_FRANCE: _meteo_france,
}
