"""What a charge point operator told us of, in the shape of 2.3.0."""

from typing import Any


def location_object() -> dict[str, Any]:
    """LOC1: EVSE1 with connector 1, and EVSE2, which was taken away."""
    evse = {
        "uid": "EVSE1", "status": "AVAILABLE", "last_updated": "2026-03-10T12:00:00Z",
        "connectors": [
            {
                "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET",
                "power_type": "AC_3_PHASE", "max_voltage": 230, "max_amperage": 32,
                "last_updated": "2026-03-10T12:00:00Z",
            }
        ],
    }  # fmt: skip
    return {
        "country_code": "FR", "party_id": "CPO", "id": "LOC1", "publish": True,
        "address": "Quai 1", "city": "Fort-de-France", "country": "MTQ",
        "coordinates": {"latitude": "14.60000", "longitude": "-61.06000"},
        "time_zone": "America/Martinique", "last_updated": "2026-03-10T12:00:00Z",
        "evses": [evse, {**evse, "uid": "EVSE2", "status": "REMOVED"}],
    }  # fmt: skip


def session_object() -> dict[str, Any]:
    """SES1 at LOC1."""
    return {
        "country_code": "FR", "party_id": "CPO", "id": "SES1", "status": "ACTIVE",
        "location_id": "LOC1", "evse_uid": "EVSE1", "connector_id": "1",
    }  # fmt: skip
