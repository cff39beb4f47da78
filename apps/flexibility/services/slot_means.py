"""Handing what was measured and charged in each quarter hour to FlexMeasures, by the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict

from django.conf import settings
from django.db import transaction

from apps.assets.models import Device, Site
from apps.chargers.models import Session
from apps.chargers.ports import pricing
from apps.flexibility.choices import SensorRole
from apps.flexibility.clients.flexmeasures import FlexmeasuresClient, UnknownThere
from apps.flexibility.loads import SlotPowers, device_means, device_powers, site_powers
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresSensor
from apps.flexibility.services.provisioning import mapping_drop
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import DeliveryPolicy
from apps.outbox.services import outbox_add
from cariflex.common.errors import ExternalError
from cariflex.common.time import format_rfc3339, parse_rfc3339
from cariflex.common.units import QUARTER_HOUR, floor_slot, slots

DESTINATION: Final = "flexmeasures"
KIND: Final = "slot_means"
BACKFILL: Final = timedelta(hours=24)
# The last readings of a slot may still be on their way when it closes.
CLOSED_FOR: Final = timedelta(seconds=20)
# After a long silence several slots share one message: fewer, longer posts.
SLOTS_PER_MESSAGE: Final = 8
POLICY: Final = DeliveryPolicy(
    lease=timedelta(minutes=3),
    backoff_start=timedelta(seconds=15),
    backoff_max=timedelta(minutes=5),
    give_up_after=timedelta(hours=24),
    concurrency=1,
)


class Series(TypedDict):
    """Consecutive slot means of one quantity, kW; null where nothing was measured."""

    role: str
    site_id: int
    device_id: int | None
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive values to post to one sensor."""

    sensor_id: int
    start: datetime
    unit: str
    values: tuple[float, ...]
    prior: datetime | None = None
    """When it was known; None: when it is posted."""


@transaction.atomic
def slot_means_post(*, now: datetime) -> int:
    """Put every closed quarter hour that was not handed over yet into the outbox.

    Gives the number of messages. The cursor moves in the same transaction; what is older than
    24 hours is not handed over any more. Nothing is due before the account is set up.
    """
    account = FlexmeasuresAccount.objects.select_for_update().first()
    if account is None or account.provisioned_at is None:
        return 0
    end = floor_slot(now - CLOSED_FOR)
    start = max(account.slot_means_until or end - BACKFILL, end - BACKFILL)
    due = slots(start, end)
    messages = 0
    for first in range(0, len(due), SLOTS_PER_MESSAGE):
        chunk = due[first : first + SLOTS_PER_MESSAGE]
        messages += _message_add(account, chunk)
    if due or account.slot_means_until is None:
        account.slot_means_until = end
        account.save(update_fields=["slot_means_until"])
    return messages


def slot_means_deliver(message: OutboxMessage) -> None:
    """Post one message's means; FlexMeasures ignores what it has already.

    Raises ExternalError: retryable while FlexMeasures is away or does not know us (yet).
    """
    account = FlexmeasuresAccount.objects.first()
    if account is None or account.provisioned_at is None:
        raise ExternalError(DESTINATION, "the account is not set up yet", retryable=True)
    runs = _runs(message.payload)
    try:
        asyncio.run(_post(settings.FLEXMEASURES_URL, account.email, account.password, runs))
    except UnknownThere as err:
        mapping_drop()
        raise ExternalError(
            DESTINATION, "does not know this operator any more", retryable=True
        ) from err


def consecutive(values: dict[datetime, float]) -> list[tuple[datetime, tuple[float, ...]]]:
    """Quarter-hour values as runs without gaps: (start of the run, its values). Pure."""
    runs: list[tuple[datetime, list[float]]] = []
    for start in sorted(values):
        if runs and runs[-1][0] + len(runs[-1][1]) * QUARTER_HOUR == start:
            runs[-1][1].append(values[start])
        else:
            runs.append((start, [values[start]]))
    return [(start, tuple(run)) for start, run in runs]


def _message_add(account: FlexmeasuresAccount, chunk: Sequence[datetime]) -> int:
    start, end = chunk[0], chunk[-1] + QUARTER_HOUR
    series = _series(start, end, chunk)
    if not series:
        return 0
    outbox_add(
        destination=DESTINATION,
        kind=KIND,
        payload={"start": format_rfc3339(start), "series": series},
        order_key=KIND,
        # A new set-up of the account starts from nothing: the same slot is handed over again.
        dedupe_key=f"{KIND}:{account.provisioned_at:%Y%m%dT%H%M%S}:{format_rfc3339(start)}",
    )
    return 1


def _series(start: datetime, end: datetime, chunk: Sequence[datetime]) -> list[Series]:
    sites_by_device = dict(Device.objects.values_list("pk", "site_id"))
    found: list[Series] = []
    by_device = device_powers(device_ids=list(sites_by_device), start=start, end=end)
    for device_id, powers in by_device.items():
        site_id = sites_by_device[device_id]
        _append(found, SensorRole.POWER, site_id, device_id, powers, chunk)
    socs = device_means(
        quantity="soc_percent", device_ids=list(sites_by_device), start=start, end=end
    )
    for device_id, means in socs.items():
        _append(found, SensorRole.SOC, sites_by_device[device_id], device_id, means, chunk)
    for site_id in Site.objects.order_by("pk").values_list("pk", flat=True):
        for role, powers in site_powers(site_id=site_id, start=start, end=end).items():
            _append(found, role, site_id, None, powers, chunk)
    # Stations are counted at the operator's first site until each names its own.
    first = Site.objects.order_by("pk").values_list("pk", flat=True).first()
    if first is not None:
        for role, values in _sessions(start, end).items():
            _append(found, role, first, None, values, chunk)
    return found


def _sessions(start: datetime, end: datetime) -> dict[SensorRole, SlotPowers]:
    """Energy (kWh) and cost (EUR, incl. VAT) of the sessions that ended, by quarter hour."""
    energy: SlotPowers = {}
    cost: SlotPowers = {}
    ended = list(
        Session.objects.filter(ended_at__gte=start, ended_at__lt=end).values_list(
            "pk", "ended_at", "energy_kwh"
        )
    )
    known = pricing()
    costs = known.costs_of([pk for pk, _, _ in ended]) if known is not None and ended else {}
    for pk, ended_at, energy_kwh in ended:
        slot = floor_slot(ended_at or start)
        energy[slot] = energy.get(slot, 0.0) + float(energy_kwh)
        if pk in costs:
            cost[slot] = cost.get(slot, 0.0) + float(costs[pk].amount)
    return {SensorRole.SESSION_ENERGY: energy, SensorRole.SESSION_COST: cost}


def _append(
    found: list[Series],
    role: SensorRole,
    site_id: int,
    device_id: int | None,
    powers: SlotPowers,
    chunk: Sequence[datetime],
) -> None:
    values = [None if slot not in powers else round(powers[slot], 4) for slot in chunk]
    if any(value is not None for value in values):
        found.append(Series(role=role, site_id=site_id, device_id=device_id, values=values))


def _runs(payload: dict[str, Any]) -> list[Run]:
    """What to post; a series may begin at a start of its own and say when it was known."""
    sensors = {
        (sensor.role, sensor.asset.site_id, sensor.asset.device_id): sensor
        for sensor in FlexmeasuresSensor.objects.filter(asset__evse__isnull=True).select_related(
            "asset"
        )
    }
    runs: list[Run] = []
    for series in payload["series"]:
        sensor = sensors.get((series["role"], series["site_id"], series["device_id"]))
        if sensor is None:
            # The device was removed or is not set up yet: a later message tells its later slots.
            continue
        start = parse_rfc3339(series.get("start") or payload["start"])
        prior = parse_rfc3339(series["prior"]) if series.get("prior") else None
        known = {
            start + number * QUARTER_HOUR: value
            for number, value in enumerate(series["values"])
            if value is not None
        }
        runs.extend(
            Run(sensor.sensor_id, run_start, sensor.unit, values, prior)
            for run_start, values in consecutive(known)
        )
    return runs


async def _post(base_url: str, email: str, password: str, runs: Sequence[Run]) -> None:
    async with FlexmeasuresClient(base_url=base_url, email=email, password=password) as client:
        await client.values_post_all(runs)
