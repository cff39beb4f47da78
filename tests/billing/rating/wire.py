"""A cut session on its way to a partner: the OCPI 2.2.1 CDR as text, and read again."""

from apps.billing.rating import Price, json_read, json_write, session_parse
from apps.billing.rating.cutting import CutSession
from apps.billing.rating.model import ChargingPeriod, SessionCharged
from tests.billing.rating.strategies import Json, written

DIMENSIONS = {
    "ENERGY": "energy_kwh",
    "TIME": "time_h",
    "PARKING_TIME": "parking_time_h",
    "RESERVATION_TIME": "reservation_time_h",
    "MIN_CURRENT": "min_current_a",
    "MAX_CURRENT": "max_current_a",
    "MIN_POWER": "min_power_kw",
    "MAX_POWER": "max_power_kw",
}


def period_dump(period: ChargingPeriod) -> Json:
    """A charging period as OCPI JSON."""
    return {
        "start_date_time": written(period.start_date_time),
        "dimensions": [
            {"type": name, "volume": getattr(period, field)}
            for name, field in DIMENSIONS.items()
            if getattr(period, field) is not None
        ],
        "tariff_id": period.tariff_id,
    }


def session_dump(session: SessionCharged) -> Json:
    """A session in the short form."""
    content: Json = {
        "time_zone": session.time_zone,
        "start_date_time": written(session.start_date_time),
        "end_date_time": written(session.end_date_time),
        "charging_periods": [period_dump(one) for one in session.charging_periods],
    }
    if session.reservation_expired is not None:
        content["reservation_expired"] = session.reservation_expired
    return content


def cdr_text(cut: CutSession, tariff: Json, cost: Price) -> str:
    """The CDR that the operator sends: no time zone in it (CdrLocation has none)."""
    rounded = cost.rounded(4)
    content = session_dump(cut.session) | {
        "country_code": "FR",
        "party_id": "CFX",
        "id": "CDR1",
        "currency": "EUR",
        "tariffs": [tariff],
        "total_cost": {"excl_vat": rounded.excl_vat, "incl_vat": rounded.incl_vat},
        "total_energy": cut.energy_kwh,
        "last_updated": "2027-01-02T00:00:00Z",
    }
    del content["time_zone"]
    return json_write(content)


def cdr_read(text: str, time_zone: str) -> SessionCharged:
    """The session of a CDR as the partner reads it, who knows the zone from the location."""
    content = json_read(text)
    session, _ = session_parse(content, time_zone)
    return session
