"""Which fields OCPI defines, so that an unknown or misspelled one is told and never dropped.

Tables: mod_tariffs, mod_cdrs, mod_sessions, mod_locations and types of 2.1.1, 2.2.1 and 2.3.0.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Union

from apps.billing.rating.model import Note, Version

Shape = Mapping[str, Union["Shape", None]]
"""Field names; None where what is inside is not looked at."""


def _shape(names: str, **nested: Shape) -> Shape:
    return {**dict.fromkeys(names.split()), **nested}


_PRICE_221 = _shape("excl_vat incl_vat")
_PRICE_230 = _shape("before_taxes", taxes=_shape("name account_number percentage amount"))
_LIMIT_230 = _shape("before_taxes after_taxes")
_TEXT = _shape("language text")
_ENERGY_MIX = _shape(
    "is_green_energy supplier_name energy_product_name",
    energy_sources=_shape("source percentage"),
    environ_impact=_shape("category amount source"),
)
_RESTRICTIONS_211 = _shape(
    "start_time end_time start_date end_date min_kwh max_kwh min_power max_power min_duration"
    " max_duration day_of_week"
)
_RESTRICTIONS = {**_RESTRICTIONS_211, **_shape("min_current max_current reservation")}
_COMPONENT_211 = _shape("type price step_size")
_COMPONENT = {**_COMPONENT_211, "vat": None}
_TARIFF_211 = _shape(
    "id currency tariff_alt_url last_updated",
    tariff_alt_text=_TEXT,
    energy_mix=_ENERGY_MIX,
    elements=_shape("", price_components=_COMPONENT_211, restrictions=_RESTRICTIONS_211),
)
_TARIFF_221 = {
    **_TARIFF_211,
    **_shape(
        "country_code party_id type start_date_time end_date_time",
        min_price=_PRICE_221,
        max_price=_PRICE_221,
        elements=_shape("", price_components=_COMPONENT, restrictions=_RESTRICTIONS),
    ),
}
_TARIFF_230 = {
    **_TARIFF_221,
    # preauthorize_amount: 2.3.0 with payments.
    **_shape("tax_included preauthorize_amount", min_price=_LIMIT_230, max_price=_LIMIT_230),
}
TARIFF: Mapping[Version, Shape] = {
    "2.1.1": _TARIFF_211,
    "2.2.1": _TARIFF_221,
    "2.3.0": _TARIFF_230,
}

_PERIOD_211 = _shape("start_date_time", dimensions=_shape("type volume"))
_PERIOD = {**_PERIOD_211, "tariff_id": None}
_TOKEN = _shape("country_code party_id uid type contract_id")
_SIGNED = _shape(
    "encoding_method encoding_method_version public_key url",
    signed_values=_shape("nature plain_data signed_data"),
)
_CDR_LOCATION = _shape(
    "id name address city postal_code state country evse_uid evse_id connector_id"
    " connector_standard connector_format connector_power_type",
    coordinates=_shape("latitude longitude"),
)
_CDR_211 = _shape(
    "id start_date_time stop_date_time auth_id auth_method location meter_id currency total_cost"
    " total_energy total_time total_parking_time remark last_updated",
    tariffs=_TARIFF_211,
    charging_periods=_PERIOD_211,
)


def _cdr(tariff: Shape, price: Shape) -> Shape:
    return _shape(
        "country_code party_id id start_date_time end_date_time session_id auth_method"
        " authorization_reference meter_id currency total_energy total_time total_parking_time"
        " remark invoice_reference_id credit credit_reference_id home_charging_compensation"
        " last_updated",
        cdr_token=_TOKEN,
        cdr_location=_CDR_LOCATION,
        tariffs=tariff,
        charging_periods=_PERIOD,
        signed_data=_SIGNED,
        total_cost=price,
        total_fixed_cost=price,
        total_energy_cost=price,
        total_time_cost=price,
        total_parking_cost=price,
        total_reservation_cost=price,
    )


CDR: Mapping[Version, Shape] = {
    "2.1.1": _CDR_211,
    "2.2.1": _cdr(_TARIFF_221, _PRICE_221),
    "2.3.0": _cdr(_TARIFF_230, _PRICE_230),
}
SESSION = _shape(
    "country_code party_id id start_date_time end_date_time kwh auth_method"
    " authorization_reference location_id evse_uid connector_id meter_id currency status"
    " last_updated",
    cdr_token=_TOKEN,
    charging_periods=_PERIOD,
    total_cost={**_PRICE_221, **_PRICE_230},
)
"""A Session object of 2.2.1 or 2.3.0."""
BARE = _shape(
    "time_zone start_date_time end_date_time reservation_expired currency",
    charging_periods=_PERIOD,
)
"""The short form: what pricing needs and nothing else."""
ALWAYS = frozenset({"time_zone", "reservation_expired"})
"""What may stand in a session of any form, beside what OCPI defines."""


def fields_unknown(
    content: Mapping[str, object],
    shape: Shape,
    where: str = "",
    *,
    others: Iterable[Shape] = (),
    allowed: frozenset[str] = frozenset(),
) -> list[Note]:
    """A note for each field that `shape` does not have; one of `others` is told as such."""
    notes: list[Note] = []
    if content.keys() <= shape.keys():
        for key in _nested(shape):
            inner = shape[key]
            if inner is not None and key in content:
                path = f"{where}.{key}" if where else key
                nested = [other[key] for other in others if other.get(key)]
                _inside(content[key], inner, path, [one for one in nested if one], notes)
        return notes
    for key, value in content.items():
        path = f"{where}.{key}" if where else str(key)
        if key in shape:
            inner = shape[key]
            if inner is not None:
                nested = [other[key] for other in others if other.get(key)]
                _inside(value, inner, path, [one for one in nested if one], notes)
        elif key in allowed:
            continue
        elif any(key in other for other in others):
            text = f'"{key}" is a field of another OCPI version than the one read here.'
            notes.append(Note("field.other_version", text, path))
        else:
            notes.append(Note("field.unknown", _unknown(key, [*shape, *allowed]), path))
    return notes


_NESTED: dict[int, tuple[str, ...]] = {}


def _nested(shape: Shape) -> tuple[str, ...]:
    """The fields with something inside that is looked at; the shapes here are constants."""
    found = _NESTED.get(id(shape))
    if found is None:
        found = tuple(key for key, inner in shape.items() if inner is not None)
        _NESTED[id(shape)] = found
    return found


def _inside(
    value: object, shape: Shape, where: str, others: Sequence[Shape], notes: list[Note]
) -> None:
    if isinstance(value, Mapping):
        notes += fields_unknown(value, shape, where, others=others)
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            if isinstance(entry, Mapping):
                notes += fields_unknown(entry, shape, f"{where}[{index}]", others=others)


def _unknown(key: str, known: Iterable[str]) -> str:
    meant = close_to(key, known)
    hint = f' Did you mean "{meant}"?' if meant else ""
    return f'"{key}" is not a field of OCPI here: it has no influence on the price.{hint}'


def close_to(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    plain = {_bare(name): name for name in known}
    close = get_close_matches(_bare(word), plain, 1, 0.7)
    return plain[close[0]] if close else None


def _bare(word: str) -> str:
    return str(word).casefold().replace("-", "").replace("_", "").replace(" ", "")
