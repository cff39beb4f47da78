"""ENTSO-E Transparency Platform: reads a day-ahead price document (A44).

Pure: bytes in, dataclasses out. The reader resolves no entity, loads no DTD and opens no network.
Elements are matched by local name because the namespace changes with each schema version
(`publicationdocument:7:0`, `:7:3`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from lxml import etree

from cariflex.common.errors import DomainError

QUARTER_HOUR: Final = timedelta(minutes=15)
RESOLUTIONS: Final = {
    "PT15M": QUARTER_HOUR,
    "PT30M": timedelta(minutes=30),
    "PT60M": timedelta(minutes=60),
    "PT1H": timedelta(minutes=60),
}
DAY_AHEAD_CONTRACT: Final = "A01"
CURVE_FIXED_BLOCKS: Final = "A01"
CURVE_VARIABLE_BLOCKS: Final = "A03"
NO_MATCHING_DATA: Final = "999"
MAX_DOCUMENT_BYTES: Final = 5_000_000
# One standard request may span a year; nothing larger is a price document.
MAX_PERIOD: Final = timedelta(days=367)
# The harmonised limits of the coupled auction are -500 and +4000..5000 EUR/MWh; wider is nonsense.
MAX_PRICE_EUR_PER_MWH: Final = Decimal(99_999)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z")
_POSITION: Final = re.compile(r"[0-9]{1,6}")
_AMOUNT: Final = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")


class DocumentError(DomainError):
    """A document that breaks a rule: `element` names where (with its line), `rule` says which."""

    def __init__(self, element: str, rule: str, *, line: int | None = None) -> None:
        self.element = element
        self.rule = rule
        self.line = line
        where = element if line is None else f"{element} (line {line})"
        super().__init__("entsoe.document", f"{where}: {rule}")


class NotYetPublishedError(DomainError):
    """The platform answered "no matching data" (Acknowledgement, reason code 999)."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("entsoe.not_published", "not published yet")


@dataclass(frozen=True, slots=True)
class PublishedPrice:
    """One market time unit: `[start, start + resolution)` in UTC and its price."""

    start: datetime
    resolution: timedelta
    price_eur_per_mwh: Decimal


@dataclass(frozen=True, slots=True)
class PriceDocument:
    """A day-ahead price publication, every slot filled, ordered by start."""

    document_id: str
    revision: int
    created_at: datetime
    area: str
    prices: tuple[PublishedPrice, ...]

    @property
    def start(self) -> datetime:
        """First instant priced."""
        return self.prices[0].start

    @property
    def end(self) -> datetime:
        """First instant no longer priced."""
        return self.prices[-1].start + self.prices[-1].resolution


@dataclass(frozen=True, slots=True)
class _Slot:
    price: PublishedPrice
    sequence: int
    period: etree._Element


def price_document_read(content: bytes, *, area: str) -> PriceDocument:
    """Read an A44 document of one bidding zone (EIC `area`).

    Curve type A03 leaves out every position that repeats the one before it, also at the end of
    the period; they are filled. Where several series price the same slot, the lowest
    classification sequence wins. Raises DocumentError (which element, which rule) and
    NotYetPublishedError.
    """
    root = _root(content)
    name = _local(root)
    if name == "Acknowledgement_MarketDocument":
        _refuse_acknowledgement(root)
    if name != "Publication_MarketDocument":
        raise DocumentError(name, "is neither a price publication nor an acknowledgement")
    slots: list[_Slot] = []
    for series in _children(root, "TimeSeries"):
        slots.extend(_series_slots(series, area))
    if not slots:
        raise DocumentError(
            "Publication_MarketDocument/TimeSeries", f"no day-ahead price series for {area}"
        )
    return PriceDocument(
        document_id=_text(root, "mRID", default=""),
        revision=_whole_number(root, "revisionNumber", default=1),
        created_at=_instant(root, "createdDateTime"),
        area=area,
        prices=tuple(_lowest_sequence(slots)),
    )


def quarter_hours(prices: tuple[PublishedPrice, ...]) -> Iterator[tuple[datetime, Decimal]]:
    """Give the same prices per quarter hour (start UTC, EUR/MWh)."""
    for price in prices:
        for step in range(price.resolution // QUARTER_HOUR):
            yield price.start + step * QUARTER_HOUR, price.price_eur_per_mwh


def _root(content: bytes) -> etree._Element:
    if len(content) > MAX_DOCUMENT_BYTES:
        raise DocumentError("document", f"is larger than {MAX_DOCUMENT_BYTES} bytes")
    if content[:4] == b"PK\x03\x04":
        raise DocumentError("document", "is a ZIP archive, not a price document")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as err:
        raise DocumentError("document", f"is not well-formed XML: {err.msg}") from err
    if root is None:
        raise DocumentError("document", "is empty")
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs lack it
        raise DocumentError("DOCTYPE", "a document type declaration is not accepted")
    return root


def _refuse_acknowledgement(root: etree._Element) -> NoReturn:
    reasons = [
        (_text(reason, "code"), _text(reason, "text", default=""))
        for reason in _children(root, "Reason")
    ]
    for code, text in reasons:
        if code == NO_MATCHING_DATA:
            raise NotYetPublishedError(text)
    said = "; ".join(f"{code} {text}".strip() for code, text in reasons) or "no reason given"
    raise DocumentError("Acknowledgement_MarketDocument/Reason", f"request refused: {said}")


def _series_slots(series: etree._Element, area: str) -> Iterator[_Slot]:
    contract = _text(series, "contract_MarketAgreement.type", default=DAY_AHEAD_CONTRACT)
    if contract != DAY_AHEAD_CONTRACT:
        return
    _expect(series, "in_Domain.mRID", area)
    _expect(series, "out_Domain.mRID", area)
    _expect(series, "currency_Unit.name", "EUR")
    _expect(series, "price_Measure_Unit.name", "MWH")
    sequence = _whole_number(
        series, "classificationSequence_AttributeInstanceComponent.position", default=1
    )
    curve = _text(series, "curveType", default=CURVE_FIXED_BLOCKS)
    if curve not in (CURVE_FIXED_BLOCKS, CURVE_VARIABLE_BLOCKS):
        _fail(series, "curveType", f"{curve!r} is not one of A01, A03")
    for period in _children(series, "Period"):
        for price in _period_prices(period, curve):
            yield _Slot(price, sequence, period)


def _period_prices(period: etree._Element, curve: str) -> Iterator[PublishedPrice]:
    interval = _child(period, "timeInterval")
    start, end = _instant(interval, "start"), _instant(interval, "end")
    resolution_text = _text(period, "resolution")
    resolution = RESOLUTIONS.get(resolution_text)
    if resolution is None:
        known = ", ".join(RESOLUTIONS)
        _fail(period, "resolution", f"{resolution_text!r} is not one of {known}")
    if not timedelta(0) < end - start <= MAX_PERIOD:
        _fail(period, "timeInterval", f"{end - start} is not a period between 0 and one year")
    if (end - start) % resolution or start.timestamp() % QUARTER_HOUR.total_seconds():
        _fail(period, "timeInterval", f"is not a whole number of {resolution_text} slots")
    # 92, 96 or 100 quarter hours a day: the clock change is in the interval, not in a constant.
    amounts = _amounts(period, slot_count=(end - start) // resolution)
    current: Decimal | None = None
    for position in range(1, (end - start) // resolution + 1):
        stated = amounts.get(position)
        if stated is None and (curve == CURVE_FIXED_BLOCKS or current is None):
            _fail(period, "Point", f"position {position} is missing (curve type {curve})")
        current = stated if stated is not None else current
        assert current is not None  # noqa: S101 - the branch above refuses the other case
        yield PublishedPrice(start + (position - 1) * resolution, resolution, current)


def _amounts(period: etree._Element, *, slot_count: int) -> dict[int, Decimal]:
    amounts: dict[int, Decimal] = {}
    for point in _children(period, "Point"):
        text = _text(point, "position")
        if not _POSITION.fullmatch(text) or not 1 <= int(text) <= slot_count:
            _fail(point, "position", f"{text!r} is not a position between 1 and {slot_count}")
        position = int(text)
        if position in amounts:
            _fail(point, "position", f"{position} is given twice")
        amounts[position] = _amount(point)
    return amounts


def _amount(point: etree._Element) -> Decimal:
    text = _text(point, "price.amount")
    try:
        amount = Decimal(text) if _AMOUNT.fullmatch(text) else None
    except InvalidOperation:
        amount = None
    if amount is None:
        _fail(point, "price.amount", f"{text[:40]!r} is not a decimal number")
    if abs(amount) > MAX_PRICE_EUR_PER_MWH:
        _fail(point, "price.amount", f"{amount} EUR/MWh is beyond {MAX_PRICE_EUR_PER_MWH}")
    return amount


def _lowest_sequence(slots: list[_Slot]) -> list[PublishedPrice]:
    taken: dict[datetime, _Slot] = {}
    for slot in sorted(slots, key=lambda s: (s.sequence, s.price.start)):
        steps = slot.price.resolution // QUARTER_HOUR
        quarters = [slot.price.start + step * QUARTER_HOUR for step in range(steps)]
        earlier = [taken[q] for q in quarters if q in taken]
        if not earlier:
            taken.update(dict.fromkeys(quarters, slot))
            continue
        clash = next((e for e in earlier if e.sequence == slot.sequence), None)
        if clash is not None and clash.price != slot.price:
            _fail(
                slot.period,
                "Point",
                f"{slot.price.start:%Y-%m-%dT%H:%MZ} has two prices in sequence {slot.sequence}",
            )
        if len(earlier) != len(quarters):
            _fail(
                slot.period,
                "resolution",
                f"sequence {slot.sequence} covers {slot.price.start:%Y-%m-%dT%H:%MZ} only in part",
            )
    kept = {slot.price.start: slot.price for slot in taken.values()}
    return [kept[start] for start in sorted(kept)]


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _children(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    return (child for child in parent if isinstance(child.tag, str) and _local(child) == name)


def _child(parent: etree._Element, name: str) -> etree._Element:
    found = next(_children(parent, name), None)
    if found is None:
        _fail(parent, name, "is missing")
    return found


def _text(parent: etree._Element, name: str, *, default: str | None = None) -> str:
    found = next(_children(parent, name), None)
    text = "" if found is None or len(found) else (found.text or "").strip()
    if text:
        return text
    if default is None:
        _fail(parent, name, "is missing or empty")
    return default


def _whole_number(parent: etree._Element, name: str, *, default: int) -> int:
    text = _text(parent, name, default=str(default))
    if not _POSITION.fullmatch(text):
        _fail(parent, name, f"{text[:40]!r} is not a whole number")
    return int(text)


def _instant(parent: etree._Element, name: str) -> datetime:
    text = _text(parent, name)
    if not _INSTANT.fullmatch(text):
        _fail(parent, name, f"{text[:40]!r} is not a UTC instant (yyyy-mm-ddThh:mmZ)")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        _fail(parent, name, f"{text[:40]!r} is not an existing instant")


def _expect(parent: etree._Element, name: str, wanted: str) -> None:
    text = _text(parent, name)
    if text != wanted:
        _fail(parent, name, f"is {text[:40]!r}, expected {wanted!r}")


def _fail(parent: etree._Element, name: str, rule: str) -> NoReturn:
    line: Any = parent.sourceline
    raise DocumentError(f"{_local(parent)}/{name}", rule, line=line)
