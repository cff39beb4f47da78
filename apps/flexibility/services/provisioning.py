"""Setting an operator up in FlexMeasures: account, service user, assets, sensors. Idempotent."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from apps.assets.models import Site
from apps.chargers.models import Evse
from apps.flexibility.choices import AssetKind, PlanReason
from apps.flexibility.clients.accounts import account_ensure
from apps.flexibility.clients.flexmeasures import FlexmeasuresClient, UnknownThere
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresAsset, FlexmeasuresSensor
from apps.flexibility.remote import AssetWanted, SiteFound, SiteWanted, sensor_unit, site_ensure
from apps.tenants.context import current_operator
from cariflex.common.errors import ExternalError

logger = logging.getLogger(__name__)

# Reserved for documentation (RFC 2606): FlexMeasures wants an address, it never writes to it.
EMAIL_DOMAIN: Final = "example.com"
# While one task sets the account up no other does; a killed task's turn ends after that.
BUSY: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class FlexmeasuresServer:
    """Where FlexMeasures is and what opens its account endpoint."""

    base_url: str
    provision_token: str


@dataclass(frozen=True, slots=True)
class ProvisionOutcome:
    """The account, ready, and how many things had to be created in FlexMeasures for that."""

    account: FlexmeasuresAccount
    created: int


class ProvisioningBusy(ExternalError):
    """Another task is setting the account up right now."""

    def __init__(self) -> None:
        super().__init__("flexmeasures", "is being set up", retryable=True, retry_after_s=15)


def provision(
    *, server: FlexmeasuresServer, now: datetime, verify: bool = False
) -> ProvisionOutcome:
    """Make sure that FlexMeasures knows this operator's sites, PV, batteries and their sensors.

    Costs nothing when all is mapped; `verify` asks FlexMeasures all the same and creates what is
    gone. Raises ExternalError (also when another task is at it).
    """
    account = account_row()
    if account.provisioned_at and not verify and not _sites_unmapped():
        return ProvisionOutcome(account, 0)
    if not _claim(account, now):
        raise ProvisioningBusy
    try:
        created = _provision_remote(account, server)
    except ExternalError:
        FlexmeasuresAccount.objects.filter(pk=account.pk).update(
            busy_until=None, last_error_code=PlanReason.NOT_PROVISIONED
        )
        raise
    account.provisioned_at = account.provisioned_at or now
    account.busy_until = None
    account.last_error_code = ""
    account.save()
    if created:
        logger.info("flexmeasures provisioned created=%d", created)
    return ProvisionOutcome(account, created)


def account_row() -> FlexmeasuresAccount:
    """The operator's account row; the password is stored before FlexMeasures ever sees it."""
    operator = current_operator()
    account, _ = FlexmeasuresAccount.objects.get_or_create(
        singleton=True,
        defaults={
            # The schema is unique, the name need not be: two operators never share an account.
            "name": f"{operator.name} ({operator.schema_name})",
            "username": f"cariflex-{operator.schema_name}",
            "email": f"cariflex-{operator.schema_name}@{EMAIL_DOMAIN}",
            "password": secrets.token_urlsafe(24),
        },
    )
    return account


@transaction.atomic
def mapping_drop() -> None:
    """Forget what we created in FlexMeasures: it does not know it any more (emptied database).

    The next `provision` starts from the account again, and slot means are posted anew.
    """
    FlexmeasuresAsset.objects.all().delete()
    FlexmeasuresAccount.objects.update(
        account_id=None,
        provisioned_at=None,
        busy_until=None,
        slot_means_until=None,
        last_error_code=PlanReason.MAPPING_LOST,
    )
    logger.warning("flexmeasures mapping dropped")


def _claim(account: FlexmeasuresAccount, now: datetime) -> bool:
    free = Q(busy_until__isnull=True) | Q(busy_until__lt=now)
    mine = FlexmeasuresAccount.objects.filter(free, pk=account.pk).update(busy_until=now + BUSY)
    return bool(mine)


def _sites_unmapped() -> bool:
    """Whether anything that FlexMeasures shall know has no sensor there yet: three queries."""
    known = set(
        FlexmeasuresSensor.objects.values_list(
            "asset__site_id", "asset__device_id", "asset__evse_id", "role"
        )
    )
    return any(
        (site.site_id, asset.device_id, asset.evse_id, role) not in known
        for site in sites_wanted()
        for asset in (site.site, *site.devices)
        for role in asset.roles
    )


def _provision_remote(account: FlexmeasuresAccount, server: FlexmeasuresServer) -> int:
    ensured = account_ensure(
        base_url=server.base_url,
        provision_token=server.provision_token,
        name=account.name,
        username=account.username,
        email=account.email,
        password=account.password,
    )
    if ensured.created and account.provisioned_at:
        # The account was there and is gone: whatever we mapped belongs to an emptied database.
        mapping_drop()
        account.refresh_from_db()
    account.account_id = ensured.account_id
    account.save(update_fields=["account_id"])
    sites = sites_wanted()
    try:
        found, version = asyncio.run(
            _sites_ensure(server.base_url, account, ensured.account_id, sites)
        )
    except UnknownThere:
        mapping_drop()
        raise
    account.server_version = version
    for site in found:
        _mapping_store(site)
    return int(ensured.created) + sum(site.created for site in found)


async def _sites_ensure(
    base_url: str, account: FlexmeasuresAccount, account_id: int, sites: Sequence[SiteWanted]
) -> tuple[list[SiteFound], str]:
    async with FlexmeasuresClient(
        base_url=base_url, email=account.email, password=account.password
    ) as client:
        await client.log_in()
        found = [await site_ensure(client, account_id=account_id, wanted=site) for site in sites]
        return found, client.server_version


def sites_wanted() -> list[SiteWanted]:
    """Every site with its PV, batteries and EVSEs as FlexMeasures shall know them."""
    wanted: list[SiteWanted] = []
    # Stations are counted at the operator's first site until each names its own.
    evses = _evses_wanted()
    for site in Site.objects.order_by("pk").prefetch_related("devices"):
        place = (site.latitude or 0.0, site.longitude or 0.0)
        devices = tuple(
            AssetWanted(
                device_id=device.pk,
                kind=AssetKind(device.kind),
                name=device.code,
                latitude=device.latitude or place[0],
                longitude=device.longitude or place[1],
            )
            for device in sorted(site.devices.all(), key=lambda device: device.pk)
            if device.kind in (AssetKind.PV, AssetKind.BATTERY)
        )
        asset = AssetWanted(None, AssetKind.SITE, site.code, *place)
        wanted.append(SiteWanted(site.pk, site.time_zone, asset, (*devices, *evses)))
        evses = ()
    return wanted


def _evses_wanted() -> tuple[AssetWanted, ...]:
    rows = Evse.objects.order_by("pk").values_list(
        "pk", "evse_id", "station__station_id", "station__latitude", "station__longitude"
    )
    return tuple(
        AssetWanted(
            device_id=None,
            kind=AssetKind.EVSE,
            name=f"{station_id} EVSE {number}",
            latitude=latitude or 0.0,
            longitude=longitude or 0.0,
            evse_id=pk,
        )
        for pk, number, station_id, latitude, longitude in rows
    )


@transaction.atomic
def _mapping_store(site: SiteFound) -> None:
    for found in site.assets:
        wanted = found.wanted
        mine = {"device_id": wanted.device_id, "evse_id": wanted.evse_id}
        of_site = {} if wanted.device_id or wanted.evse_id else {"site_id": site.site_id}
        asset, _ = FlexmeasuresAsset.objects.filter(**mine, **of_site).update_or_create(
            defaults={
                "site_id": site.site_id,
                **mine,
                "asset_id": found.asset_id,
                "kind": wanted.kind,
                "name": wanted.name,
            },
        )
        for role, sensor_id in found.sensor_ids.items():
            FlexmeasuresSensor.objects.update_or_create(
                asset=asset,
                role=role,
                defaults={"sensor_id": sensor_id, "unit": sensor_unit(role)},
            )
