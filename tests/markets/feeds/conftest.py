from collections.abc import Iterator

import pytest
from django.core.cache import cache

from apps.markets.choices import Feed
from tests.markets.feeds.scene import SCENES, Scene


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(params=list(SCENES), ids=lambda feed: feed.value)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Each feed in turn."""
    if request.param == Feed.METEO_FRANCE:
        pytest.importorskip("eccodes")
    with SCENES[request.param]() as running:
        yield running
