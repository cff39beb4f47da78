"""The demo: two operators whose islands are simulated, set up as a person would by hand."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django_tenants.utils import schema_context

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.assets.choices import DeviceKind
from apps.assets.services import device_register, site_register
from apps.billing.services import tariff_register
from apps.chargers.models import AdHocSettings
from apps.chargers.services import station_register, token_register
from apps.chargers.services.ad_hoc import ad_hoc_settings_save
from apps.chargers.services.ad_hoc.rehearsal import NAME as TEST_PROVIDER
from apps.console.services.demo_billing import demo_billing_seed
from apps.console.services.demo_markets import PRICE_AREA, demo_markets_seed
from apps.console.services.demo_roaming import DemoPartner, demo_roaming_seed
from apps.console.services.demo_tariffs import demo_tariffs_seed
from apps.markets.services.sources import market_source_configure
from apps.simulation.island import (
    ROAMING_COUNTRY,
    ROAMING_PARTIES,
    Island,
    IslandDevice,
    load_island,
    operators,
    roaming_invitation,
    station_password,
    user_password,
)
from apps.tenants.context import operator_context
from apps.tenants.directory import forget_operators
from apps.tenants.models import Operator
from apps.tenants.services import domain_add, operator_create
from cariflex.common.time import parse_rfc3339, utc_now

POLL_PERIOD_S = 2.0
TARIFF_FROM = parse_rfc3339("2026-01-01T04:00:00Z")
PRICE_PER_KWH_EXCL_VAT = Decimal("0.3500")
VAT_PERCENT = Decimal("8.5")
"""The normal rate of Guadeloupe and Martinique (CGI art. 296)."""

TERRITORIES = {"America/Guadeloupe": "GP", "America/Martinique": "MQ"}
"""Whose taxes apply; the islands' OCPI country is France."""
_ROLE_BY_USERNAME = {
    "admin": Role.OPERATOR_ADMIN,
    "operations": Role.OPERATIONS,
    "billing": Role.BILLING,
    "analyst": Role.ANALYST,
    "partner": Role.PARTNER_API,
}


@dataclass(frozen=True)
class SeedReport:
    """What stands after the seed."""

    operators: int
    devices: int
    stations: int


def demo_seed(*, reset_passwords: bool = False) -> SeedReport:
    """The platform and both demo operators, complete; safe to repeat and to interrupt."""
    _platform(reset_passwords=reset_passwords)
    devices = stations = 0
    for index, schema_name in enumerate(operators()):
        island = load_island(schema_name)
        _operator(island, is_first=index == 0)
        with operator_context(schema_name), transaction.atomic():
            roles_ensure()
            _users(reset_passwords=reset_passwords)
            _assets(island)
            _chargers(island)
            demo_billing_seed(
                territory=TERRITORIES[island.time_zone],
                time_zone=island.time_zone,
                cards=[car.id_token for car in island.cars],
            )
            demo_tariffs_seed(valid_from=TARIFF_FROM)
            # After the tariffs: the one that follows a market follows the auction.
            demo_markets_seed(
                island=island.name,
                territory=TERRITORIES[island.time_zone],
                time_zone=island.time_zone,
                now=utc_now(),
            )
            demo_roaming_seed(roaming_partners(schema_name))
        devices += len(island.devices)
        stations += len(island.stations)
    return SeedReport(operators=len(operators()), devices=devices, stations=stations)


def roaming_partners(operator: str) -> list[DemoPartner]:
    """The simulated roaming partners of a demo operator."""
    return [
        DemoPartner(
            kind=kind,
            role=role,
            country_code=ROAMING_COUNTRY,
            party_id=party_id,
            name=name,
            token=roaming_invitation(settings.DEMO_SECRET, operator, kind),
        )
        for kind, (role, party_id, name) in ROAMING_PARTIES.items()
    ]


def _platform(*, reset_passwords: bool) -> None:
    with schema_context("public"):
        platform, _created = Operator.objects.get_or_create(
            schema_name="public", defaults={"name": "Cariflex", "time_zone": "UTC"}
        )
        domain_add(operator=platform, domain=f"platform.{settings.BASE_DOMAIN}", is_primary=True)
        user_ensure(
            username="platform",
            password=user_password(settings.DEMO_SECRET),
            is_superuser=True,
            reset_password=reset_passwords,
        )
    forget_operators()


def _operator(island: Island, *, is_first: bool) -> None:
    domains = [f"{island.operator}.{settings.BASE_DOMAIN}"]
    if is_first:
        domains += [settings.BASE_DOMAIN, "127.0.0.1"]
    operator_create(
        schema_name=island.operator,
        name=island.name,
        domains=domains,
        time_zone=island.time_zone,
        country_code=island.country_code,
        party_id="CF" + island.operator[0].upper(),
    )


def _users(*, reset_passwords: bool) -> None:
    password = user_password(settings.DEMO_SECRET)
    for username, role in _ROLE_BY_USERNAME.items():
        user_ensure(username=username, password=password, role=role, reset_password=reset_passwords)


def _assets(island: Island) -> None:
    site = site_register(
        code=island.operator,
        name=island.name,
        time_zone=island.time_zone,
        latitude=island.latitude,
        longitude=island.longitude,
        grid_import_limit_kw=600.0,
        grid_export_limit_kw=600.0,
    )
    for device in island.devices:
        device_register(
            site=site,
            code=device.code,
            name=device.name,
            commune=device.commune,
            kind=DeviceKind(device.kind),
            host="127.0.0.1",
            port=settings.PORTS.device(island.index, device.port_offset),
            unit_id=device.unit_id,
            poll_period_s=POLL_PERIOD_S,
            rated_power_kw=device.rated_power_kw,
            latitude=device.latitude,
            longitude=device.longitude,
            **_storage(device),
        )
    market_source_configure(area=PRICE_AREA, token="demo", base_url=settings.ENTSOE_URL)  # noqa: S106


def _storage(device: IslandDevice) -> dict[str, Any]:
    """What only a battery has; the demo may steer its batteries and nothing else."""
    if device.kind != DeviceKind.BATTERY:
        return {}
    return {
        "capacity_kwh": device.capacity_kwh,
        "soc_min_percent": device.soc_min_percent,
        "soc_max_percent": device.soc_max_percent,
        "charging_efficiency": device.charging_efficiency,
        "discharging_efficiency": device.discharging_efficiency,
        "control_enabled": True,
    }


def _chargers(island: Island) -> None:
    tariff_register(
        name="Standard",
        currency="EUR",
        price_per_kwh_excl_vat=PRICE_PER_KWH_EXCL_VAT,
        vat_percent=VAT_PERCENT,
        valid_from=TARIFF_FROM,
    )
    # What a person chose since stays.
    if not AdHocSettings.objects.exists():
        ad_hoc_settings_save(provider=TEST_PROVIDER, authorised_amount=Decimal("30.00"))
    for station in island.stations:
        station_register(
            station_id=station.station_id,
            password=station_password(settings.DEMO_SECRET, island.operator, station.station_id),
            name=station.name,
            commune=station.commune,
            latitude=station.latitude,
            longitude=station.longitude,
            rated_power_kw=station.rated_power_kw,
            evses=station.evses,
            connector_type=station.connector_type,
        )
    for car in island.cars:
        token_register(id_token=car.id_token, note=f"{car.capacity_kwh:g} kWh")
