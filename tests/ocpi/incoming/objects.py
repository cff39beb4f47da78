"""Objects of a partner FR*ABC in the words of OCPI 2.2.1."""

from typing import Any

from tests.chargers.conftest import TOKEN

EARLIER, AT, LATER = "2026-03-10T09:00:00Z", "2026-03-10T10:00:00Z", "2026-03-10T11:00:00Z"


def connector(connector_id: str = "1", at: str = AT, **fields: Any) -> dict[str, Any]:
    return {
        "id": connector_id, "standard": "IEC_62196_T2", "format": "SOCKET",
        "power_type": "AC_3_PHASE", "max_voltage": 230, "max_amperage": 32, "last_updated": at,
        **fields,
    }  # fmt: skip


def evse(uid: str = "E1", at: str = AT, **fields: Any) -> dict[str, Any]:
    return {
        "uid": uid, "status": "AVAILABLE", "connectors": [connector(at=at)], "last_updated": at,
        **fields,
    }  # fmt: skip


def location(location_id: str = "LOC1", at: str = AT, **fields: Any) -> dict[str, Any]:
    return {
        "country_code": "FR", "party_id": "ABC", "id": location_id, "publish": True,
        "address": "1 rue", "city": "Basse-Terre", "country": "GLP", "postal_code": "97100",
        "coordinates": {"latitude": "16.00000", "longitude": "-61.70000"},
        "time_zone": "America/Guadeloupe", "evses": [evse(at=at)], "last_updated": at, **fields,
    }  # fmt: skip


def token(uid: str = "ABCD1234", at: str = AT, **fields: Any) -> dict[str, Any]:
    return {
        "country_code": "FR", "party_id": "ABC", "uid": uid, "type": "RFID",
        "contract_id": "FR-ABC-C12345678", "issuer": "ABC", "valid": True,
        "whitelist": "ALLOWED", "last_updated": at, **fields,
    }  # fmt: skip


def tariff(
    tariff_id: str = "T1", at: str = AT, price: float = 0.3, **fields: Any
) -> dict[str, Any]:
    component = {"type": "ENERGY", "price": price, "vat": 8.5, "step_size": 1}
    return {
        "country_code": "FR", "party_id": "ABC", "id": tariff_id, "currency": "EUR",
        "elements": [{"price_components": [component]}], "last_updated": at, **fields,
    }  # fmt: skip


def cdr_token(uid: str = TOKEN, **fields: Any) -> dict[str, Any]:
    return {
        "country_code": "GP", "party_id": "CFG", "uid": uid, "type": "RFID",
        "contract_id": "GP-CFG-C1", **fields,
    }  # fmt: skip


def period(start: str = EARLIER, kwh: float = 10) -> dict[str, Any]:
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": kwh}]}


def session(session_id: str = "S1", at: str = AT, **fields: Any) -> dict[str, Any]:
    return {
        "country_code": "FR", "party_id": "ABC", "id": session_id, "start_date_time": EARLIER,
        "kwh": 1, "cdr_token": cdr_token(), "auth_method": "WHITELIST", "location_id": "LOC1",
        "evse_uid": "E1", "connector_id": "1", "currency": "EUR", "status": "ACTIVE",
        "last_updated": at, **fields,
    }  # fmt: skip


def cdr(cdr_id: str = "C1", at: str = AT, **fields: Any) -> dict[str, Any]:
    """10 kWh at 0.30: 3.00 before 8.5 % VAT, 3.255 with it."""
    return {
        "country_code": "FR", "party_id": "ABC", "id": cdr_id, "start_date_time": EARLIER,
        "end_date_time": AT, "cdr_token": cdr_token(), "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "LOC1", "address": "1 rue", "city": "Basse-Terre", "postal_code": "97100",
            "country": "GLP", "coordinates": {"latitude": "16.00000", "longitude": "-61.70000"},
            "evse_uid": "E1", "evse_id": "FR*ABC*E1", "connector_id": "1",
            "connector_standard": "IEC_62196_T2", "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR", "tariffs": [tariff()], "charging_periods": [period()],
        "total_cost": {"excl_vat": 3.0, "incl_vat": 3.255}, "total_energy": 10, "total_time": 1,
        "last_updated": at, **fields,
    }  # fmt: skip
