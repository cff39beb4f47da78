"""A CDR as the OCPI 2.2.1 object that a partner gets (§10.3.1)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from apps.billing import ocpi_words
from apps.billing.choices import AccountKind
from apps.billing.models import Cdr
from apps.tenants.context import current_operator
from cariflex.common.money import round_half_up

# OCPI writes numbers with 4 decimals; volumes of periods keep theirs, so that whoever prices them
# finds our total.
_PLACES = 4
_LONGEST_PLAIN, _LONGEST_TOKEN = 512, 36
_COSTS = (
    ("total_fixed_cost", ("FLAT",)),
    ("total_energy_cost", ("ENERGY",)),
    ("total_time_cost", ("TIME",)),
    ("total_parking_cost", ("PARKING_TIME",)),
    ("total_reservation_cost", ("RESERVATION_TIME", "RESERVATION_FLAT")),
)
_NATURES = {"Transaction.Begin": "Start", "Transaction.End": "End"}


def cdr_ocpi(cdr: Cdr, *, party: tuple[str, str] | None = None) -> dict[str, Any]:
    """The object with Decimals for numbers: write it with `exact_json.exact_dumps`.

    Its token is whole. `cdr` comes with its account and, for a credit, the CDR it takes back.
    `party`: the country code and party id of whose CDR it is; None: the operator's own.
    """
    operator = current_operator()
    country, party_id = party or (operator.country_code, operator.party_id)
    content: dict[str, Any] = {
        "country_code": country,
        "party_id": party_id,
        "id": cdr.reference,
        "start_date_time": _time(cdr.started_at),
        "end_date_time": _time(cdr.ended_at),
        "session_id": str(cdr.session_id),
        "cdr_token": _token(cdr, country, party_id),
        "auth_method": cdr.auth_method,
        "cdr_location": _location(cdr, country, party_id),
        "currency": cdr.currency,
        "tariffs": [{**cdr.tariff_content, "country_code": country, "party_id": party_id}],
        "charging_periods": cdr.charging_periods,
        "total_cost": _price(cdr.total_excl_vat, cdr.total_incl_vat),
        "total_energy": _number(cdr.energy_kwh),
        "total_time": _number(cdr.total_time_h),
        "total_parking_time": _number(cdr.parking_time_h),
        **_costs(cdr.rating.get("dimensions", {})),
        "last_updated": _time(cdr.issued_at),
    }
    if cdr.location.get("serial_number"):
        content["meter_id"] = cdr.location["serial_number"]
    if cdr.signed_data:
        content["signed_data"] = _signed(cdr.signed_data)
    if cdr.discharged_kwh:
        # 2.2.1 has no field for it, and it is not billed here.
        content["remark"] = f"Discharged {_number(cdr.discharged_kwh).normalize():f} kWh."
    if cdr.credit and cdr.credit_reference is not None:
        content |= {"credit": True, "credit_reference_id": cdr.credit_reference.reference}
    return content


def _token(cdr: Cdr, country: str, party: str) -> dict[str, str]:
    account = cdr.account
    if account is not None and account.kind == AccountKind.EMSP and account.party_id:
        country, party = account.party_country_code, account.party_id
    uid = cdr.id_token[:_LONGEST_TOKEN]
    return {
        "country_code": country,
        "party_id": party,
        "uid": uid,
        "type": ocpi_words.TOKEN_TYPES.get(cdr.id_token_type, "OTHER"),
        "contract_id": uid,
    }


def _location(cdr: Cdr, country: str, party: str) -> dict[str, Any]:
    place = cdr.location
    kind = place.get("connector_type") or ""
    return {
        "id": ocpi_words.location_id(cdr.station_id),
        "name": cdr.station_name or cdr.station_id,
        "address": (cdr.station_name or cdr.station_id)[:45],
        "city": (cdr.commune or ocpi_words.NOT_AVAILABLE)[:45],
        "country": ocpi_words.country(place.get("country_code") or country),
        "coordinates": {
            "latitude": f"{place.get('latitude') or 0:.6f}",
            "longitude": f"{place.get('longitude') or 0:.6f}",
        },
        "evse_uid": ocpi_words.evse_uid(cdr.station_id, cdr.evse_id),
        "evse_id": ocpi_words.evse_id(country, party, cdr.station_id, cdr.evse_id),
        "connector_id": str(place.get("connector_id") or 1),
        "connector_standard": ocpi_words.connector_standard(kind),
        "connector_format": ocpi_words.connector_format(kind),
        "connector_power_type": ocpi_words.power_type(kind, place.get("rated_power_kw")),
    }


def _costs(dimensions: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Decimal]]:
    """What each dimension costs; left out where the tariff has no price for it."""
    costs = {}
    for name, kinds in _COSTS:
        found = [dimensions[kind] for kind in kinds if kind in dimensions]
        excl = sum((Decimal(one["excl_vat"]) for one in found), Decimal(0))
        incl = sum((Decimal(one["incl_vat"]) for one in found), Decimal(0))
        if excl or incl:
            costs[name] = _price(excl, incl)
    return costs


def _signed(values: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    first = values[0]
    content: dict[str, Any] = {
        "encoding_method": first["encoding_method"][:36] or "unknown",
        "signed_values": [
            {
                "nature": _NATURES.get(value["context"], "Intermediate"),
                "plain_data": _plain(value["signed_data"]),
                "signed_data": value["signed_data"],
            }
            for value in values
        ],
    }
    if key := next((value["public_key"] for value in values if value["public_key"]), ""):
        content["public_key"] = key[:_LONGEST_PLAIN]
    return content


def _plain(signed_data: str) -> str:
    """What was signed, where it can be read: OCPP sends it in Base64 (2.0.1 §2.46)."""
    try:
        text = base64.b64decode(signed_data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = signed_data
    if text.startswith("OCMF|"):
        text = text.split("|")[1]
    return text[:_LONGEST_PLAIN]


def _price(excl: Decimal, incl: Decimal) -> dict[str, Decimal]:
    return {"excl_vat": _number(excl), "incl_vat": _number(incl)}


def _number(value: Decimal) -> Decimal:
    return round_half_up(value, _PLACES)


def _time(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
