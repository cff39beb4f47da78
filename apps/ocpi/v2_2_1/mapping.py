"""Between 2.2.1 and the model inside (2.3.0).

What 2.2.1 cannot say and so is lost on the way out (`DOWN`):

- Location: parking places, help line; EVSE: its parking, accepted providers; Connector:
  capabilities (ISO 15118). Words of open lists that 2.2.1 does not know are left out; a kind of
  image becomes OTHER; a parking type is left out. A connector's standard stays as it is (there is
  no word for "other", and a location without its connectors would be wrong).
- Price: the taxes are one sum (incl_vat - excl_vat); their names, rates and accounts are lost.
  `taxes` None (nothing said) is incl_vat absent.
- Tariff: 2.2.1 prices are without VAT. Prices that include taxes (`tax_included` YES) are divided
  by 1 + VAT and rounded to 8 decimals; a component without a rate keeps its price. `N/A` and `NO`
  are the same in 2.2.1, and come back as `NO`.
- Token: a type that 2.2.1 does not know (EMAID) becomes OTHER.
- Credentials: `hub_party_id` becomes a role HUB.

On the way in (`UP`): an incl_vat becomes one tax named VAT without a rate; a role HUB stays and is
`hub_party_id` too. Everything else is the same in both.
"""

import decimal
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec.structs import replace

from apps.ocpi.objects.charging import PriceComponent, TariffElement
from apps.ocpi.objects.context import Context
from apps.ocpi.objects.places import BusinessDetails, EnergyMix, Image
from apps.ocpi.objects.recast import each, known, opt, recast
from apps.ocpi.objects.talk import CredentialsRole
from apps.ocpi.objects.words import (
    CAPABILITIES_2_2_1,
    FACILITIES_2_2_1,
    IMAGE_CATEGORIES,
    IMPACTS,
    PARKING_TYPES_2_2_1,
    RESTRICTIONS_2_2_1,
    SOURCES,
    TOKEN_TYPES_2_2_1,
)
from apps.ocpi.v2_2_1 import schemas as old
from apps.ocpi.v2_3_0 import schemas as new

VAT = "VAT"
_PLACES = Decimal("0.00000001")
_HUNDRED = Decimal(100)
# Sums of numbers of the wire keep every digit.
_EXACT = decimal.Context(prec=60)


def price_up(price: old.Price) -> new.Price:
    """excl_vat and incl_vat as an amount and its tax."""
    if price.incl_vat is None:
        return new.Price(before_taxes=price.excl_vat)
    tax = new.TaxAmount(name=VAT, amount=_EXACT.subtract(price.incl_vat, price.excl_vat))
    return new.Price(before_taxes=price.excl_vat, taxes=[tax])


def price_down(price: new.Price) -> old.Price:
    """The taxes as one sum."""
    if price.taxes is None:
        return old.Price(excl_vat=price.before_taxes)
    after = price.before_taxes
    for tax in price.taxes:
        after = _EXACT.add(after, tax.amount)
    return old.Price(excl_vat=price.before_taxes, incl_vat=after)


def _limit_up(price: old.Price) -> new.PriceLimit:
    return new.PriceLimit(before_taxes=price.excl_vat, after_taxes=price.incl_vat)


def _limit_down(limit: new.PriceLimit) -> old.Price:
    return old.Price(excl_vat=limit.before_taxes, incl_vat=limit.after_taxes)


def net_component(component: PriceComponent) -> PriceComponent:
    """A price that includes VAT without it."""
    if component.vat is None or component.vat <= 0:
        return component
    net = component.price * _HUNDRED / (_HUNDRED + component.vat)
    digits = f"{net.quantize(_PLACES, ROUND_HALF_UP):f}".rstrip("0").rstrip(".")
    return replace(component, price=Decimal(digits))


def net_elements(tariff: new.Tariff) -> list[TariffElement]:
    """The elements with prices without taxes."""
    if tariff.tax_included != "YES":
        return tariff.elements
    return [
        replace(element, price_components=[net_component(one) for one in element.price_components])
        for element in tariff.elements
    ]


def image_down(image: Image) -> Image:
    """With a category that older versions know."""
    return image if image.category in IMAGE_CATEGORIES else replace(image, category="OTHER")


def business_down(details: BusinessDetails) -> BusinessDetails:
    """With a logo that older versions know."""
    return replace(details, logo=opt(image_down, details.logo))


def energy_mix_down(mix: EnergyMix) -> EnergyMix:
    """Without sources and impacts that older versions do not know."""
    sources, impacts = mix.energy_sources, mix.environ_impact
    return replace(
        mix,
        energy_sources=sources and [one for one in sources if one.source in SOURCES],
        environ_impact=impacts and [one for one in impacts if one.category in IMPACTS],
    )


def token_type_down(word: str) -> Any:
    """The type in 2.2.1."""
    return word if word in TOKEN_TYPES_2_2_1 else "OTHER"


def _connector_up(connector: old.Connector, context: Context) -> new.Connector:
    return recast(connector, new.Connector)


def _connector_down(connector: new.Connector, context: Context) -> old.Connector:
    return recast(connector, old.Connector)


def _evse_up(evse: old.Evse, context: Context) -> new.Evse:
    connectors = [_connector_up(one, context) for one in evse.connectors]
    return recast(evse, new.Evse, connectors=connectors)


def _evse_down(evse: new.Evse, context: Context) -> old.Evse:
    return recast(
        evse,
        old.Evse,
        connectors=[_connector_down(one, context) for one in evse.connectors],
        capabilities=known(evse.capabilities, CAPABILITIES_2_2_1),
        parking_restrictions=known(evse.parking_restrictions, RESTRICTIONS_2_2_1),
        images=each(image_down, evse.images),
    )


def _location_up(location: old.Location, context: Context) -> new.Location:
    return recast(
        location,
        new.Location,
        evses=each(lambda evse: _evse_up(evse, context), location.evses),
        publish_allowed_to=each(
            lambda one: recast(one, new.PublishTokenType), location.publish_allowed_to
        ),
    )


def _location_down(location: new.Location, context: Context) -> old.Location:
    kind = location.parking_type
    return recast(
        location,
        old.Location,
        evses=each(lambda evse: _evse_down(evse, context), location.evses),
        publish_allowed_to=each(_allowed_down, location.publish_allowed_to),
        parking_type=kind if kind in PARKING_TYPES_2_2_1 else None,
        facilities=known(location.facilities, FACILITIES_2_2_1),
        images=each(image_down, location.images),
        operator=opt(business_down, location.operator),
        suboperator=opt(business_down, location.suboperator),
        owner=opt(business_down, location.owner),
        energy_mix=opt(energy_mix_down, location.energy_mix),
    )


def _allowed_down(allowed: new.PublishTokenType) -> old.PublishTokenType:
    return recast(allowed, old.PublishTokenType, type=opt(token_type_down, allowed.type))


def _cdr_token_up(token: old.CdrToken, context: Context) -> new.CdrToken:
    return recast(token, new.CdrToken)


def _cdr_token_down(token: new.CdrToken, context: Context) -> old.CdrToken:
    return recast(token, old.CdrToken, type=token_type_down(token.type))


def _session_up(session: old.Session, context: Context) -> new.Session:
    return recast(
        session,
        new.Session,
        cdr_token=_cdr_token_up(session.cdr_token, context),
        total_cost=opt(price_up, session.total_cost),
    )


def _session_down(session: new.Session, context: Context) -> old.Session:
    return recast(
        session,
        old.Session,
        cdr_token=_cdr_token_down(session.cdr_token, context),
        total_cost=opt(price_down, session.total_cost),
    )


def _tariff_up(tariff: old.Tariff, context: Context) -> new.Tariff:
    return recast(
        tariff,
        new.Tariff,
        tax_included="NO",
        min_price=opt(_limit_up, tariff.min_price),
        max_price=opt(_limit_up, tariff.max_price),
    )


def _tariff_down(tariff: new.Tariff, context: Context) -> old.Tariff:
    return recast(
        tariff,
        old.Tariff,
        elements=net_elements(tariff),
        min_price=opt(_limit_down, tariff.min_price),
        max_price=opt(_limit_down, tariff.max_price),
        energy_mix=opt(energy_mix_down, tariff.energy_mix),
    )


_COSTS = (
    "total_fixed_cost",
    "total_energy_cost",
    "total_time_cost",
    "total_parking_cost",
    "total_reservation_cost",
)


def _cdr_up(cdr: old.Cdr, context: Context) -> new.Cdr:
    return recast(
        cdr,
        new.Cdr,
        cdr_token=_cdr_token_up(cdr.cdr_token, context),
        tariffs=each(lambda tariff: _tariff_up(tariff, context), cdr.tariffs),
        total_cost=price_up(cdr.total_cost),
        **{name: opt(price_up, getattr(cdr, name)) for name in _COSTS},
    )


def _cdr_down(cdr: new.Cdr, context: Context) -> old.Cdr:
    return recast(
        cdr,
        old.Cdr,
        cdr_token=_cdr_token_down(cdr.cdr_token, context),
        tariffs=each(lambda tariff: _tariff_down(tariff, context), cdr.tariffs),
        total_cost=price_down(cdr.total_cost),
        **{name: opt(price_down, getattr(cdr, name)) for name in _COSTS},
    )


def _token_up(token: old.Token, context: Context) -> new.Token:
    return recast(token, new.Token)


def _token_down(token: new.Token, context: Context) -> old.Token:
    return recast(token, old.Token, type=token_type_down(token.type))


def _with_token_up(target: Any) -> Callable[[Any, Context], Any]:
    return lambda value, context: recast(value, target, token=_token_up(value.token, context))


def _with_token_down(target: Any) -> Callable[[Any, Context], Any]:
    return lambda value, context: recast(value, target, token=_token_down(value.token, context))


def _credentials_up(credentials: old.Credentials, context: Context) -> new.Credentials:
    hub = next((role for role in credentials.roles if role.role == "HUB"), None)
    return recast(
        credentials,
        new.Credentials,
        hub_party_id=hub and hub.country_code + hub.party_id,
    )


def _credentials_down(credentials: new.Credentials, context: Context) -> old.Credentials:
    roles = credentials.roles
    hub = credentials.hub_party_id
    if hub and not any(role.role == "HUB" for role in roles):
        details = roles[0].business_details
        roles = [
            *roles,
            CredentialsRole(
                role="HUB", business_details=details, country_code=hub[:2], party_id=hub[2:]
            ),
        ]
    return recast(credentials, old.Credentials, roles=roles)


UP: dict[type, Callable[[Any, Context], Any]] = {
    old.AuthorizationInfo: _with_token_up(new.AuthorizationInfo),
    old.Cdr: _cdr_up,
    old.CdrToken: _cdr_token_up,
    old.Connector: _connector_up,
    old.Credentials: _credentials_up,
    old.Evse: _evse_up,
    old.Location: _location_up,
    old.Price: lambda price, context: price_up(price),
    old.PublishTokenType: lambda one, context: recast(one, new.PublishTokenType),
    old.ReserveNow: _with_token_up(new.ReserveNow),
    old.Session: _session_up,
    old.StartSession: _with_token_up(new.StartSession),
    old.Tariff: _tariff_up,
    old.Token: _token_up,
    old.VersionDetails: lambda one, context: recast(one, new.VersionDetails),
}
"""Types that are not here are the same in both versions."""

DOWN: dict[type, Callable[[Any, Context], Any]] = {
    new.AuthorizationInfo: _with_token_down(old.AuthorizationInfo),
    new.Cdr: _cdr_down,
    new.CdrToken: _cdr_token_down,
    new.Connector: _connector_down,
    new.Credentials: _credentials_down,
    EnergyMix: lambda mix, context: energy_mix_down(mix),
    new.Evse: _evse_down,
    new.Location: _location_down,
    new.Price: lambda price, context: price_down(price),
    new.ReserveNow: _with_token_down(old.ReserveNow),
    new.Session: _session_down,
    new.StartSession: _with_token_down(old.StartSession),
    new.Tariff: _tariff_down,
    new.Token: _token_down,
    new.VersionDetails: lambda one, context: recast(one, old.VersionDetails),
}

FIELDS_UP: dict[str, dict[str, tuple[str, Callable[[Any, Context], Any] | None]]] = {}
"""Patched fields that have another name or shape inside: none."""
