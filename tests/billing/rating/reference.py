"""A slow and obvious pricer, written from the text of OCPI 2.2.1 (and 2.3.0 for `tax_included`).

It reads the JSON of a tariff and of a session as they are, counts in exact fractions and shares
nothing with the engine: where the two disagree, one of them has misread the specification. It
takes well-formed input only. Sections named below are those of OCPI 2.2.1: mod_tariffs (11) and
mod_cdrs (10).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

Json = Mapping[str, Any]
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
MIDNIGHT = time(0, 0)
RESERVED, EXPIRED = "RESERVATION", "RESERVATION_EXPIRES"


@dataclass
class Line:
    """What one component earns; volumes in kWh, hours or times, money exact."""

    element: int
    component: int
    dimension: str
    price: Fraction
    vat: Fraction | None
    step_size: int
    tax_included: str
    volume: Fraction = Fraction(0)
    extra: Fraction = Fraction(0)
    """What the step size adds to the volume."""

    @property
    def billed_volume(self) -> Fraction:
        return self.volume + self.extra

    @property
    def _amount(self) -> Fraction:
        return self.billed_volume * self.price

    @property
    def _tax_factor(self) -> Fraction:
        if self.vat is None or self.tax_included == "N/A":
            return Fraction(1)
        return 1 + self.vat / 100

    @property
    def excl_vat(self) -> Fraction:
        return self._amount / self._tax_factor if self.tax_included == "YES" else self._amount

    @property
    def incl_vat(self) -> Fraction:
        return self._amount if self.tax_included == "YES" else self._amount * self._tax_factor


@dataclass(frozen=True)
class Priced:
    """The price before its bounds (`sum_`) and after them, with the lines that make it up."""

    lines: tuple[Line, ...]
    sum_excl_vat: Fraction
    sum_incl_vat: Fraction
    excl_vat: Fraction
    incl_vat: Fraction


@dataclass(frozen=True)
class Moment:
    """What the restrictions look at when a period starts (11.4.6)."""

    local: datetime
    energy_kwh: Fraction
    duration_s: Fraction
    period: Json


def price(tariff: Json, session: Json) -> Priced:
    """The exact price of a session (`time_zone`, times, `charging_periods`) under one tariff."""
    periods = session["charging_periods"]
    expired = session.get("reservation_expired")
    if expired is None:
        # "expires (i.e. driver does not start a charging session ...)" (11.4.4)
        expired = all(_is_reserved(period) for period in periods)
    lines: dict[tuple[int, int], Line] = {}
    fees_taken: set[str] = set()
    last_used: dict[str, Line] = {}
    for period, moment in _moments(session):
        is_reserved = _is_reserved(period)
        for dimension, kinds, volume in _used(period, is_reserved, expired):
            fee = f"{dimension} {kinds}"
            found = None if fee in fees_taken else component_at(tariff, dimension, kinds, moment)
            if found is None:
                continue
            if dimension == "FLAT":
                fees_taken.add(fee)
            element, component = found
            line = lines.setdefault(found, _line(tariff, element, component, is_reserved))
            line.volume += volume
            if volume > 0:
                last_used[line.dimension] = line
    _steps(lines.values(), last_used)
    ordered = tuple(lines[key] for key in sorted(lines))
    excl = sum((line.excl_vat for line in ordered), Fraction(0))
    incl = sum((line.incl_vat for line in ordered), Fraction(0))
    bounded = _bounded(tariff, excl, incl)
    return Priced(ordered, excl, incl, *bounded)


def _used(
    period: Json, is_reserved: bool, expired: bool
) -> Iterable[tuple[str, tuple[str | None, ...], Fraction]]:
    """What a period may be billed for: dimension, reservation restrictions in order, volume."""
    if not is_reserved:
        yield "FLAT", (None,), Fraction(1)
        for dimension in ("ENERGY", "TIME", "PARKING_TIME"):
            yield dimension, (None,), _volume(period, dimension) or Fraction(0)
        return
    # "A reservation can only have FLAT and TIME" (11.4.6, reservation). The fee of an expired one
    # is "an additional expiration fee" (11.3.1, example 17); its time is "calculated based on the
    # RESERVATION_EXPIRES Tariff Element" where both have one (11.4.4, note).
    yield "FLAT", (RESERVED,), Fraction(1)
    if expired:
        yield "FLAT", (EXPIRED,), Fraction(1)
    yield (
        "TIME",
        (EXPIRED, RESERVED) if expired else (RESERVED,),
        _volume(period, "RESERVATION_TIME") or Fraction(0),
    )


def _line(tariff: Json, element: int, component: int, is_reserved: bool) -> Line:
    found = tariff["elements"][element]["price_components"][component]
    vat = found.get("vat")
    return Line(
        element,
        component,
        ("RESERVATION_" if is_reserved else "") + found["type"],
        _number(found["price"]),
        None if vat is None else _number(vat),
        int(found.get("step_size", 1)),
        tariff.get("tax_included", "NO"),
    )


def component_at(
    tariff: Json, dimension: str, kinds: tuple[str | None, ...], moment: Moment
) -> tuple[int, int] | None:
    """ "the first Tariff Element with a Price Component for that dimension in the list with
    matching Tariff Restrictions" (11.3.1); none: "there will be no costs for that dimension".
    """
    for kind in kinds:
        for number, element in enumerate(tariff["elements"]):
            rules: Json = element.get("restrictions") or {}
            if rules.get("reservation") != kind or not _matches(rules, moment):
                continue
            for place, component in enumerate(element["price_components"]):
                if component["type"] == dimension:
                    return number, place
    return None


def _matches(rules: Json, moment: Moment) -> bool:
    """ "active if and only if all of the properties in its TariffRestrictions match" (11.4.6)."""
    day, clock = moment.local.date(), moment.local.time()
    checks = [_clock_matches(rules, clock)]
    if rules.get("start_date"):
        checks.append(day >= date.fromisoformat(rules["start_date"]))
    if rules.get("end_date"):
        checks.append(day < date.fromisoformat(rules["end_date"]))
    if rules.get("day_of_week"):
        checks.append(DAYS[day.weekday()] in rules["day_of_week"])
    for name, value in (("kwh", moment.energy_kwh), ("duration", moment.duration_s)):
        if rules.get(f"min_{name}") is not None:
            checks.append(value >= _number(rules[f"min_{name}"]))
        if rules.get(f"max_{name}") is not None:
            checks.append(value < _number(rules[f"max_{name}"]))
    for name in ("current", "power"):
        checks.append(_draw_matches(rules, moment.period, name))
    return all(checks)


def _clock_matches(rules: Json, clock: time) -> bool:
    start = time.fromisoformat(rules["start_time"]) if rules.get("start_time") else None
    end = time.fromisoformat(rules["end_time"]) if rules.get("end_time") else None
    if start is None and end is None:
        return True
    start = start or MIDNIGHT
    # "To stop at end of the day use: 00:00"
    if end is None or end == MIDNIGHT:
        return clock >= start
    if start == end:
        return True
    if end < start:
        # "If end_time < start_time then the period wraps around to the next day."
        return clock >= start or clock < end
    return start <= clock < end


def _draw_matches(rules: Json, period: Json, name: str) -> bool:
    """min_/max_ power or current. The car draws "more than, or equal to" all through the period
    when its lowest value does, and "less than" when its highest one does. What is not told does
    not match.
    """
    mean = _volume(period, name.upper())
    least, most = (_volume(period, f"{end}_{name.upper()}") for end in ("MIN", "MAX"))
    if least is None and mean is None and most is None:
        mean = _concluded(period, name)
    least, most = _first(least, mean, most), _first(most, mean, least)
    minimum, maximum = rules.get(f"min_{name}"), rules.get(f"max_{name}")
    if minimum is not None and (least is None or least < _number(minimum)):
        return False
    return maximum is None or (most is not None and most < _number(maximum))


def _concluded(period: Json, name: str) -> Fraction | None:
    """What a period draws that does not tell: nothing without energy and charging time; else the
    mean power is known by definition, and the current is not (the voltage is not told).
    """
    energy, hours = _volume(period, "ENERGY"), _volume(period, "TIME")
    if not energy and not hours:
        return Fraction(0)
    if name == "power" and energy is not None and hours:
        return energy / hours
    return None


def _steps(lines: Iterable[Line], last_used: Mapping[str, Line]) -> None:
    """Step sizes: once for ENERGY, once for TIME and PARKING_TIME combined (10.3.1, step_size).

    "In the cases that TIME and PARKING_TIME Tariff Elements are both used, step_size is only
    taken into account for the total parking duration". The step of the last component used counts
    for the total of its dimension, and that component is billed for what is added. A reservation
    is rounded by itself (examples 16 to 18 of 11.3.1).
    """
    rounded = ["ENERGY", "RESERVATION_TIME"]
    rounded.append("PARKING_TIME" if "PARKING_TIME" in last_used else "TIME")
    every = list(lines)
    for dimension in rounded:
        last = last_used.get(dimension)
        if last is None or last.step_size == 0:
            continue
        units = 1000 if dimension == "ENERGY" else 3600
        total = sum(line.volume for line in every if line.dimension == dimension) * units
        steps = ceil(Fraction(total) / last.step_size)
        last.extra = Fraction(steps * last.step_size - total) / units if total > 0 else Fraction(0)


def _bounded(tariff: Json, excl: Fraction, incl: Fraction) -> tuple[Fraction, Fraction]:
    """Both bounds apply, without and with VAT each for itself (11.3.1, notes on min_price and
    max_price). A bound that tells no amount with VAT binds the price without it only; but a price
    that bears no VAT is given none, and none is lower with VAT than without. A lowest amount with
    VAT holds against a highest one that tells none.
    """
    lowest = Fraction(0)
    for bound, pick in (("min_price", max), ("max_price", min)):
        given = tariff.get(bound)
        if given is None:
            continue
        before = pick(excl, _number(given.get("excl_vat", given.get("before_taxes"))))
        after = given.get("incl_vat", given.get("after_taxes"))
        if after is not None:
            incl = pick(incl, _number(after))
            lowest = _number(after)
        else:
            incl = max(before if incl == excl else max(incl, before), lowest)
        excl = before
    return excl, incl


def _moments(session: Json) -> Iterable[tuple[Json, Moment]]:
    """Each period with what was true when it started.

    A reservation "ends when the driver starts charging" (11.4.6): the duration of the charging
    session begins there, and before it the duration is that of the reservation.
    """
    zone = ZoneInfo(session["time_zone"])
    periods: Sequence[Json] = session["charging_periods"]
    charged = [_instant(one["start_date_time"]) for one in periods if not _is_reserved(one)]
    begin = _instant(session["start_date_time"])
    if charged and _is_reserved(periods[0]):
        begin = charged[0]
    energy = Fraction(0)
    for period in periods:
        at = _instant(period["start_date_time"])
        origin = _instant(session["start_date_time"]) if _is_reserved(period) else begin
        yield period, Moment(at.astimezone(zone), energy, _seconds(at - origin), period)
        energy += _volume(period, "ENERGY") or 0


def _is_reserved(period: Json) -> bool:
    """ "Time [...] during which the EVSE has been reserved and not yet been in use" (10.4.3)."""
    return bool(_volume(period, "RESERVATION_TIME")) and not any(
        _volume(period, dimension) for dimension in ("ENERGY", "TIME", "PARKING_TIME")
    )


def _volume(period: Json, dimension: str) -> Fraction | None:
    for found in period["dimensions"]:
        if found["type"] == dimension:
            return _number(found["volume"])
    return None


def _first(*values: Fraction | None) -> Fraction | None:
    return next((value for value in values if value is not None), None)


def _number(value: object) -> Fraction:
    if isinstance(value, float):
        raise TypeError("numbers come as Decimal, int or text: a float is not what was written")
    return Fraction(str(value))


def _instant(text: str) -> datetime:
    """ "The absence of the timezone designator implies a UTC timestamp" (types, DateTime)."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _seconds(length: timedelta) -> Fraction:
    return Fraction(length // timedelta(microseconds=1), 1_000_000)
