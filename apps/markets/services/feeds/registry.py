"""The feeds that can be asked."""

from __future__ import annotations

from typing import Final

from apps.markets.services.feeds.adapter import Registry
from apps.markets.services.feeds.edf_sei import EdfSeiAdapter
from apps.markets.services.feeds.energy_charts import EnergyChartsAdapter
from apps.markets.services.feeds.entsoe import EntsoeAdapter
from apps.markets.services.feeds.epex import EpexAdapter
from apps.markets.services.feeds.meteo_france import MeteoFranceAdapter
from apps.markets.services.feeds.open_meteo import OpenMeteoAdapter
from apps.markets.services.feeds.solcast import SolcastAdapter

REGISTRY: Final = Registry()
REGISTRY.add(EntsoeAdapter())
REGISTRY.add(EnergyChartsAdapter())
REGISTRY.add(EpexAdapter())
REGISTRY.add(EdfSeiAdapter())
REGISTRY.add(SolcastAdapter())
REGISTRY.add(OpenMeteoAdapter())
REGISTRY.add(MeteoFranceAdapter())
