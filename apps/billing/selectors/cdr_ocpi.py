"""A CDR as the OCPI 2.2.1 object that a partner gets (§10.3.1)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from apps.billing.choices import AccountKind
from apps.billing.models import Cdr
from apps.tenants.context import current_operator
from cariflex.common.money import round_half_up

# OCPI writes numbers with 4 decimals; volumes of periods keep theirs, so that whoever prices them
# finds our total.
_PLACES = 4
_LONGEST_PLAIN, _LONGEST_TOKEN = 512, 36
_TOKEN_TYPES = {
    "ISO14443": "RFID",
    "ISO15693": "RFID",
    "Central": "APP_USER",
    "DirectPayment": "AD_HOC_USER",
    "NoAuthorization": "AD_HOC_USER",
}
_STANDARDS = {
    "cCCS1": "IEC_62196_T1_COMBO",
    "cCCS2": "IEC_62196_T2_COMBO",
    "cG105": "CHADEMO",
    "cTesla": "TESLA_S",
    "cType1": "IEC_62196_T1",
    "cType2": "IEC_62196_T2",
    "s309-1P-16A": "IEC_60309_2_single_16",
    "s309-3P-16A": "IEC_60309_2_three_16",
    "s309-3P-32A": "IEC_60309_2_three_32",
    "sBS1361": "DOMESTIC_G",
    "sCEE-7-7": "DOMESTIC_F",
    "sType2": "IEC_62196_T2",
    "sType3": "IEC_62196_T3C",
}
_DC = {"cCCS1", "cCCS2", "cG105"}
_MOST_ONE_PHASE_KW = 7.4
# ISO 3166-1 alpha-2 to alpha-3, for where our operators are.
_COUNTRIES = {
    "AG": "ATG", "AI": "AIA", "AW": "ABW", "BB": "BRB", "BL": "BLM", "BQ": "BES", "CU": "CUB",
    "CW": "CUW", "DM": "DMA", "DO": "DOM", "FR": "FRA", "GD": "GRD", "GF": "GUF", "GP": "GLP",
    "GY": "GUY", "HT": "HTI", "JM": "JAM", "KN": "KNA", "LC": "LCA", "MF": "MAF", "MQ": "MTQ",
    "MS": "MSR", "PM": "SPM", "PR": "PRI", "RE": "REU", "SR": "SUR", "SX": "SXM", "TC": "TCA",
    "TT": "TTO", "VC": "VCT", "VG": "VGB", "VI": "VIR", "YT": "MYT",
}  # fmt: skip
_COSTS = (
    ("total_fixed_cost", ("FLAT",)),
    ("total_energy_cost", ("ENERGY",)),
    ("total_time_cost", ("TIME",)),
    ("total_parking_cost", ("PARKING_TIME",)),
    ("total_reservation_cost", ("RESERVATION_TIME", "RESERVATION_FLAT")),
)
_NATURES = {"Transaction.Begin": "Start", "Transaction.End": "End"}


def cdr_ocpi(cdr: Cdr) -> dict[str, Any]:
    """The object with Decimals for numbers: write it with `exact_json.exact_dumps`.

    Its token is whole. `cdr` comes with its account and, for a credit, the CDR it takes back.
    """
    operator = current_operator()
    country, party = operator.country_code, operator.party_id
    content: dict[str, Any] = {
        "country_code": country,
        "party_id": party,
        "id": cdr.reference,
        "start_date_time": _time(cdr.started_at),
        "end_date_time": _time(cdr.ended_at),
        "session_id": str(cdr.session_id),
        "cdr_token": _token(cdr, country, party),
        "auth_method": cdr.auth_method,
        "cdr_location": _location(cdr, country, party),
        "currency": cdr.currency,
        "tariffs": [{"country_code": country, "party_id": party, **cdr.tariff_content}],
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
        "type": _TOKEN_TYPES.get(cdr.id_token_type, "OTHER"),
        "contract_id": uid,
    }


def _location(cdr: Cdr, country: str, party: str) -> dict[str, Any]:
    place = cdr.location
    kind = place.get("connector_type") or ""
    place_country = place.get("country_code") or country
    number = cdr.evse_id or 0
    station = "".join(sign for sign in cdr.station_id.upper() if sign.isalnum())
    return {
        "id": cdr.station_id[:36],
        "name": cdr.station_name or cdr.station_id,
        "address": (cdr.station_name or cdr.station_id)[:45],
        "city": (cdr.commune or "#NA")[:45],
        "country": _COUNTRIES.get(place_country, "FRA"),
        "coordinates": {
            "latitude": f"{place.get('latitude') or 0:.6f}",
            "longitude": f"{place.get('longitude') or 0:.6f}",
        },
        "evse_uid": (place.get("evse_uid") or cdr.station_id)[:36],
        "evse_id": f"{country}*{party or 'XXX'}*E{station}*{number}"[:48],
        "connector_id": str(place.get("connector_id") or 1),
        # A station that told no type is taken for the socket of the region's law.
        "connector_standard": _STANDARDS.get(kind, "IEC_62196_T2"),
        "connector_format": "CABLE" if kind.startswith("c") else "SOCKET",
        "connector_power_type": _power_type(kind, place.get("rated_power_kw")),
    }


def _power_type(kind: str, rated_power_kw: float | None) -> str:
    if kind in _DC:
        return "DC"
    return "AC_1_PHASE" if (rated_power_kw or 0) <= _MOST_ONE_PHASE_KW else "AC_3_PHASE"


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
