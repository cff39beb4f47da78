"""What was charged: a CDR (2.1.1, 2.2.1, 2.3.0), a Session, or the short form, to one shape."""

from collections.abc import Mapping
from decimal import Decimal

from apps.billing.rating.fields import ALWAYS, BARE, CDR, SESSION, Shape, close_to, fields_unknown
from apps.billing.rating.model import ChargingPeriod, Note, RatingProblem, SessionCharged, Version
from apps.billing.rating.reading import Json, Reading, join, not_one_of, shown
from apps.billing.rating.times import zone_named, zone_of_country

_FIELD_OF = {
    "ENERGY": "energy_kwh",
    "TIME": "time_h",
    "PARKING_TIME": "parking_time_h",
    "RESERVATION_TIME": "reservation_time_h",
    "MIN_CURRENT": "min_current_a",
    "MAX_CURRENT": "max_current_a",
    "MIN_POWER": "min_power_kw",
    "MAX_POWER": "max_power_kw",
    "CURRENT": "current_a",
    "POWER": "power_kw",
    "STATE_OF_CHARGE": "soc_percent",
}
_BILLED = ("ENERGY", "TIME", "PARKING_TIME", "RESERVATION_TIME")
_NOT_PRICED = ("ENERGY_IMPORT", "ENERGY_EXPORT", "FLAT")
"""Known, without influence: sessions only, and FLAT of 2.1.1, which the tariff tells anyway."""
_DIMENSIONS = (*_FIELD_OF, *_NOT_PRICED)


def cdr_version(content: Json) -> Version | None:
    """The OCPI version a CDR or Session is written in; None for the short form."""
    if "stop_date_time" in content or "auth_id" in content or "location" in content:
        return "2.1.1"
    cost = content.get("total_cost")
    if isinstance(cost, Mapping) and "before_taxes" in cost:
        return "2.3.0"
    if content.keys() & {"cdr_location", "cdr_token", "total_energy", "total_cost", "kwh"}:
        return "2.2.1"
    return None


def session_parse(
    content: object, time_zone: str | None = None, where: str = ""
) -> tuple[SessionCharged, tuple[Note, ...]]:
    """The session and what is odd about how it is written; periods stay in their order.

    `time_zone` (IANA) wins over the content's; see `_time_zone`. Raises RatingProblem.
    """
    reading = Reading()
    content = reading.mapping(content, where)
    version = cdr_version(content)
    shape, others = _shapes(content, version)
    reading.notes += fields_unknown(content, shape, where, others=others, allowed=ALWAYS)
    rule = "A session starts and ends (UTC)."
    end_key = "stop_date_time" if content.get("stop_date_time") is not None else "end_date_time"
    start = reading.moment(
        reading.required(content, "start_date_time", where, rule), join(where, "start_date_time")
    )
    end = reading.moment(reading.required(content, end_key, where, rule), join(where, end_key))
    if end < start:
        raise RatingProblem(
            "session.ends_before_start", "The session ends before it starts.", join(where, end_key)
        )
    rule = "A session has one charging period or more."
    periods = reading.entries(content, "charging_periods", where, rule)
    path = join(where, "charging_periods")
    zone, derived = _time_zone(reading, content, time_zone, where)
    session = SessionCharged(
        start_date_time=start,
        end_date_time=end,
        charging_periods=tuple(
            _period(reading, period, f"{path}[{index}]") for index, period in enumerate(periods)
        ),
        time_zone=zone,
        time_zone_derived=derived,
        reservation_expired=_expired(reading, content, where),
        currency=_text(reading, content, "currency", where),
        total_energy_kwh=_number(reading, content, "total_energy", where),
        total_time_h=_number(reading, content, "total_time", where),
        **_claimed_cost(reading, content, where),
    )
    return session, tuple(reading.notes)


def _shapes(content: Json, version: Version | None) -> tuple[Shape, list[Shape]]:
    if version is None:
        return BARE, [CDR["2.2.1"], CDR["2.1.1"], SESSION]
    if "kwh" in content and "cdr_location" not in content:
        return SESSION, [CDR["2.2.1"]]
    return CDR[version], [shape for name, shape in CDR.items() if name != version]


def _period(reading: Reading, content: Json, where: str) -> ChargingPeriod:
    rule = "A charging period says when it starts."
    start = reading.required(content, "start_date_time", where, rule)
    values: dict[str, Decimal] = {}
    rule = "A charging period lists what was used."
    for index, dimension in enumerate(reading.entries(content, "dimensions", where, rule)):
        _dimension(reading, dimension, f"{where}.dimensions[{index}]", values)
    return ChargingPeriod(
        start_date_time=reading.moment(start, join(where, "start_date_time")),
        tariff_id=_text(reading, content, "tariff_id", where),
        **values,
    )


def _dimension(reading: Reading, content: Json, where: str, values: dict[str, Decimal]) -> None:
    kind, given = content.get("type"), content.get("volume")
    if kind is None or given is None:
        reading.required(content, "type", where, "A dimension has a type.")
        reading.required(content, "volume", where, "A dimension has a volume.")
    volume = reading.number(given, where, "volume")
    field = _FIELD_OF.get(kind) if isinstance(kind, str) else None
    if field is None:
        _other_dimension(reading, kind, join(where, "type"))
        return
    if field in values:
        raise RatingProblem(
            "dimension.twice", f"{kind} stands twice in one charging period.", join(where, "type")
        )
    if volume < 0 and kind in _BILLED:
        raise RatingProblem(
            "volume.negative",
            f"{kind} of {volume}: a negative volume is not priced. Bill energy given back apart.",
            join(where, "volume"),
        )
    values[field] = volume


def _other_dimension(reading: Reading, kind: object, where: str) -> None:
    if kind in _NOT_PRICED:
        text = f"{kind} is not billed from a charging period; it has no influence on the price."
        reading.note("dimension.not_priced", text, where)
        return
    meant = close_to(kind, _DIMENSIONS) if isinstance(kind, str) else None
    if not isinstance(kind, str) or meant in _BILLED:
        not_one_of(kind, _DIMENSIONS, where)
    hint = f' Did you mean "{meant}"?' if meant else ""
    text = f"{shown(kind)} is not a dimension of OCPI: it is not priced.{hint}"
    reading.note("dimension.unknown", text, where)


def _time_zone(
    reading: Reading, content: Json, time_zone: str | None, where: str
) -> tuple[str | None, bool]:
    """The caller's zone, else the session's own, else the location's, else its address's.

    With it, whether it was concluded from the address.

    A country tells a zone only where it has one; France needs the postal code, because Guadeloupe
    and Martinique are four to six hours from Paris (CdrLocation has no time zone).
    """
    path = join(where, "time_zone")
    own = _text(reading, content, "time_zone", where)
    if own is not None:
        zone_named(own, path)
    if time_zone is not None:
        zone_named(time_zone)
        if own is not None and own != time_zone:
            text = f"The session says {own}; {time_zone} was asked for and is used."
            reading.note("time_zone.differs", text, path)
        return time_zone, False
    if own is not None:
        return own, False
    for key in ("cdr_location", "location"):
        place = content.get(key)
        if isinstance(place, Mapping):
            return _zone_of_place(reading, place, join(where, key))
    return None, False


def _zone_of_place(reading: Reading, place: Json, where: str) -> tuple[str | None, bool]:
    own = _text(reading, place, "time_zone", where)
    if own is not None:
        zone_named(own, join(where, "time_zone"))
        return own, False
    zone = zone_of_country(place.get("country"), place.get("postal_code"))
    return zone, zone is not None


def _expired(reading: Reading, content: Json, where: str) -> bool | None:
    value = content.get("reservation_expired")
    return None if value is None else reading.flag(value, join(where, "reservation_expired"))


def _claimed_cost(reading: Reading, content: Json, where: str) -> dict[str, Decimal | None]:
    """What the CDR says it costs, positive for a credit CDR too: the prices are compared."""
    cost = content.get("total_cost")
    path = join(where, "total_cost")
    excl = incl = None
    if isinstance(cost, Mapping):
        excl = _number(reading, cost, "excl_vat", path)
        incl = _number(reading, cost, "incl_vat", path)
        if "before_taxes" in cost:
            excl = _number(reading, cost, "before_taxes", path)
            incl = _with_taxes(reading, cost.get("taxes"), excl, join(path, "taxes"))
    elif cost is not None:
        excl = reading.number(cost, path)
    if content.get("credit") is True:
        text = "This is a credit CDR: it is priced like the CDR that it takes back."
        reading.note("cdr.credit", text, join(where, "credit"))
        excl, incl = (None if amount is None else abs(amount) for amount in (excl, incl))
    return {"total_cost_excl_vat": excl, "total_cost_incl_vat": incl}


def _with_taxes(
    reading: Reading, taxes: object, before: Decimal | None, where: str
) -> Decimal | None:
    if before is None or not isinstance(taxes, list | tuple):
        return before
    for index, tax in enumerate(taxes):
        path = f"{where}[{index}]"
        content = reading.mapping(tax, path)
        amount = reading.required(content, "amount", path, "A tax has an amount.")
        before += reading.number(amount, join(path, "amount"))
    return before


def _text(reading: Reading, content: Json, key: str, where: str) -> str | None:
    value = content.get(key)
    return None if value is None else reading.text(value, join(where, key))


def _number(reading: Reading, content: Json, key: str, where: str) -> Decimal | None:
    value = content.get(key)
    return None if value is None else reading.number(value, join(where, key))
