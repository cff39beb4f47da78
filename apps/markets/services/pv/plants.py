"""Setting up the plants whose production is forecast."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from django.db import transaction

from apps.assets.choices import DeviceKind
from apps.assets.models import Device
from apps.markets.models import PvArray, PvPlant
from apps.markets.pv import plant as pure
from apps.markets.selectors.pv import plant_model
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

DEFAULT_TILT_DEGREES: Final = 15.0
SOUTH_DEGREES: Final = 180.0
MAX_RESOURCE: Final = 32
"""With the word of its request it must fit into the 40 signs of a request."""
_RESOURCE_SIGNS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
)


@transaction.atomic
def pv_plant_save(
    *,
    device: Device,
    arrays: Sequence[pure.PvArray],
    inverter_limit_kw: float | None = None,
    latitude: float | None = None,
    longitude: float | None = None,
    altitude_m: float = 0.0,
    loss_percent: float = pure.DEFAULT_LOSS_PERCENT,
    power_coefficient_percent_per_c: float = pure.DEFAULT_POWER_COEFFICIENT_PERCENT_PER_C,
    solcast_resource_id: str = "",
    enabled: bool = True,
) -> PvPlant:
    """The plant of a PV device with these arrays, made or brought up to date.

    Without an inverter limit it is the device's rated power (kW); without a place the device's or
    its site's counts. Safe to repeat. Raises DomainError (code `pv.plant`) that names the field.
    """
    # Two who save at once come one after the other; the last one's arrays stay, not both.
    Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    plant = PvPlant.objects.filter(device=device).first() or PvPlant(device=device)
    plant.device = device
    plant.latitude, plant.longitude, plant.altitude_m = latitude, longitude, altitude_m
    plant.inverter_limit_kw = (
        device.rated_power_kw if inverter_limit_kw is None else inverter_limit_kw
    )
    plant.loss_percent = loss_percent
    plant.power_coefficient_percent_per_c = power_coefficient_percent_per_c
    plant.solcast_resource_id = solcast_resource_id
    plant.enabled = enabled
    rows = [PvArray(**asdict(array)) for array in arrays]
    _check(plant, rows)
    plant.save()
    _arrays_replace(plant, rows)
    return plant


def _check(plant: PvPlant, rows: list[PvArray]) -> None:
    if (plant.latitude is None) != (plant.longitude is None):
        raise pure.PlantError("latitude", "must be given together with the longitude")
    resource_id = plant.solcast_resource_id
    if len(resource_id) > MAX_RESOURCE or not _RESOURCE_SIGNS.issuperset(resource_id):
        raise pure.PlantError(
            "solcast_resource_id", f"must be at most {MAX_RESOURCE} letters, digits and hyphens"
        )
    plant_model(plant, rows)


def pv_plants_ensure() -> list[PvPlant]:
    """Give each PV device without a plant the usual one; gives those that were made.

    15 degrees to the south (azimuth 180), as many kWp as the device has kW. A device that cannot
    have one (no place known, no fit code) is left out and told in the log. One query when none is
    due.
    """
    due = Device.objects.filter(kind=DeviceKind.PV, pv_plant=None).select_related("site")
    made = []
    for device in due.order_by("code"):
        try:
            plant = _default_make(device)
        except DomainError as err:
            logger.warning("no default PV plant device=%s error=%s", device.code, err)
            continue
        if plant is not None:
            made.append(plant)
    return made


@transaction.atomic
def _default_make(device: Device) -> PvPlant | None:
    Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    if PvPlant.objects.filter(device=device).exists():
        # Another run made it, or somebody who knows better: it stays.
        return None
    array = pure.PvArray(DEFAULT_TILT_DEGREES, SOUTH_DEGREES, device.rated_power_kw)
    return pv_plant_save(device=device, arrays=[array])


def _arrays_replace(plant: PvPlant, rows: list[PvArray]) -> None:
    """Only when they differ: a plant saved again changes no row."""
    known = plant.arrays.values_list("tilt_degrees", "azimuth_degrees", "peak_kwp")
    if list(known) == [(row.tilt_degrees, row.azimuth_degrees, row.peak_kwp) for row in rows]:
        return
    plant.arrays.all().delete()
    for row in rows:
        row.plant = plant
    PvArray.objects.bulk_create(rows)
