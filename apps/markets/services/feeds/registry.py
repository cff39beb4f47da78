"""The feeds that can be asked."""

from __future__ import annotations

from typing import Final

from apps.markets.services.feeds.adapter import Registry
from apps.markets.services.feeds.entsoe import EntsoeAdapter

REGISTRY: Final = Registry()
REGISTRY.add(EntsoeAdapter())
