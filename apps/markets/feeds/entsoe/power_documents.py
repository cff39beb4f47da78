"""Generation and load documents (GL_MarketDocument): bytes in, mean power per slot out.

A75 generation per type, A65 total load, A69 wind and solar forecast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from lxml import etree

from apps.markets.feeds.entsoe.archive import documents_read
from apps.markets.feeds.entsoe.curve import Span, curve_type, filled, span_read
from apps.markets.feeds.entsoe.errors import DocumentError
from apps.markets.feeds.entsoe.markup import (
    child,
    children,
    expect,
    fail,
    instant,
    text,
    whole_number,
)
from apps.markets.feeds.entsoe.power import Direction, PowerDocument, PowerSeries, Process
from apps.markets.feeds.entsoe.power_points import powers_stated

GENERATION_PER_TYPE: Final = "A75"
LOAD: Final = "A65"
WIND_SOLAR_FORECAST: Final = "A69"
MEGAWATT: Final = "MAW"
# Solar, wind offshore, wind onshore: all that A69 forecasts.
WIND_SOLAR_TYPES: Final = frozenset({"B16", "B18", "B19"})
# A year of quarter hours for twenty types, at 87 bytes a point.
MAX_POWER_DOCUMENT_BYTES: Final = 64_000_000
_PSR_TYPE: Final = re.compile(r"B[0-9]{2}")


@dataclass(frozen=True, slots=True)
class _Kind:
    document_type: str
    words: str
    processes: frozenset[Process]
    directions: frozenset[Direction]
    psr_types: frozenset[str] | None = None
    has_psr_type: bool = True


_GENERATION: Final = _Kind(
    GENERATION_PER_TYPE,
    "generation per type",
    frozenset({Process.REALISED}),
    frozenset(Direction),
)
_LOAD: Final = _Kind(
    LOAD,
    "load",
    frozenset({Process.REALISED, Process.DAY_AHEAD}),
    frozenset({Direction.CONSUMPTION}),
    has_psr_type=False,
)
_FORECAST: Final = _Kind(
    WIND_SOLAR_FORECAST,
    "wind and solar forecast",
    frozenset({Process.DAY_AHEAD, Process.CURRENT, Process.INTRADAY}),
    frozenset({Direction.GENERATION}),
    psr_types=WIND_SOLAR_TYPES,
)
_DOMAINS: Final = {
    Direction.GENERATION: "inBiddingZone_Domain.mRID",
    Direction.CONSUMPTION: "outBiddingZone_Domain.mRID",
}
# (direction, psr_type): what makes two periods speak of the same thing.
_Key = tuple[Direction, str | None]


@dataclass(slots=True)
class _Block:
    span: Span
    power_mw: list[float]
    line: int | None

    @property
    def end(self) -> datetime:
        return self.span.start + len(self.power_mw) * self.span.resolution


@dataclass(slots=True)
class _Part:
    document_id: str
    revision: int
    created_at: datetime
    process: Process
    blocks: dict[_Key, list[_Block]] = field(default_factory=dict)


def generation_document_read(content: bytes, *, area: str) -> PowerDocument:
    """Read an A75 answer: generation per type, and apart from it what storage plants draw.

    As `load_document_read` otherwise.
    """
    return _power_document_read(content, area, _GENERATION)


def load_document_read(content: bytes, *, area: str) -> PowerDocument:
    """Read an A65 answer: the total load of a bidding zone (EIC `area`), actual or day ahead.

    The answer is one document or a ZIP archive of them; gaps are filled by curve type A03 alone.
    Raises DocumentError (which element, which rule), also where two periods of the same kind
    differ about a slot, and NotYetPublishedError.
    """
    return _power_document_read(content, area, _LOAD)


def wind_solar_document_read(content: bytes, *, area: str) -> PowerDocument:
    """Read an A69 answer: forecast of solar (B16), wind offshore (B18) and onshore (B19).

    As `load_document_read` otherwise.
    """
    return _power_document_read(content, area, _FORECAST)


def _power_document_read(content: bytes, area: str, kind: _Kind) -> PowerDocument:
    parts = documents_read(
        content,
        root_name="GL_MarketDocument",
        kind=f"{kind.words} document",
        max_bytes=MAX_POWER_DOCUMENT_BYTES,
        read=lambda root: _part(root, area, kind),
    )
    newest = max(parts, key=lambda p: (p.created_at, p.revision))
    blocks: dict[_Key, list[_Block]] = {}
    for part in parts:
        if part.process is not newest.process:
            raise DocumentError(
                "GL_MarketDocument/process.processType",
                f"{part.process} and {newest.process} are mixed in one answer",
            )
        for key, found in part.blocks.items():
            blocks.setdefault(key, []).extend(found)
    if not blocks:
        raise DocumentError("GL_MarketDocument/TimeSeries", f"no {kind.words} series for {area}")
    return PowerDocument(
        document_id=newest.document_id,
        revision=newest.revision,
        created_at=newest.created_at,
        area=area,
        document_type=kind.document_type,
        process=newest.process,
        series=tuple(_series(blocks, area, newest.process)),
    )


def _series(blocks: dict[_Key, list[_Block]], area: str, process: Process) -> Iterator[PowerSeries]:
    for direction, psr_type in sorted(blocks, key=lambda k: (k[0] != "generation", k[1] or "")):
        for run in _runs(blocks[direction, psr_type]):
            yield PowerSeries(
                area=area,
                psr_type=psr_type,
                direction=direction,
                quality=process.quality,
                start=run.span.start,
                resolution=run.span.resolution,
                power_mw=tuple(run.power_mw),
            )


def _part(root: etree._Element, area: str, kind: _Kind) -> _Part:
    expect(root, "type", kind.document_type)
    said = text(root, "process.processType")
    if said not in kind.processes:
        known = ", ".join(sorted(kind.processes))
        fail(root, "process.processType", f"{said[:40]!r} is not one of {known}")
    part = _Part(
        document_id=text(root, "mRID", default=""),
        revision=whole_number(root, "revisionNumber", default=1),
        created_at=instant(root, "createdDateTime"),
        process=Process(said),
    )
    for series in children(root, "TimeSeries"):
        key = (_direction(series, area, kind), _psr_type(series, kind))
        expect(series, "quantity_Measure_Unit.name", MEGAWATT)
        curve = curve_type(series)
        for period in children(series, "Period"):
            part.blocks.setdefault(key, []).append(_block(period, curve))
    return part


def _direction(series: etree._Element, area: str, kind: _Kind) -> Direction:
    stated = [d for d in Direction if any(True for _ in children(series, _DOMAINS[d]))]
    allowed = " or ".join(_DOMAINS[d] for d in Direction if d in kind.directions)
    if len(stated) != 1 or stated[0] not in kind.directions:
        names = " and ".join(_DOMAINS[d] for d in stated) or "no domain"
        fail(series, "Domain.mRID", f"expected {allowed} alone, found {names}")
    expect(series, _DOMAINS[stated[0]], area)
    return stated[0]


def _psr_type(series: etree._Element, kind: _Kind) -> str | None:
    if not kind.has_psr_type:
        return None
    holder = child(series, "MktPSRType")
    said = text(holder, "psrType")
    if kind.psr_types is not None and said not in kind.psr_types:
        known = ", ".join(sorted(kind.psr_types))
        fail(holder, "psrType", f"{said[:40]!r} is not one of {known}")
    if not _PSR_TYPE.fullmatch(said):
        fail(holder, "psrType", f"{said[:40]!r} is not a production type (B01 to B25)")
    return said


def _block(period: etree._Element, curve: str) -> _Block:
    span = span_read(period)
    line: Any = period.sourceline
    return _Block(span, filled(period, span, curve, powers_stated(period, span)), line)


def _runs(blocks: list[_Block]) -> list[_Block]:
    """Join periods that follow one another; where they overlap they must agree."""
    runs: list[_Block] = []
    for block in sorted(blocks, key=lambda b: b.span.start):
        last = runs[-1] if runs else block
        if last is block or block.span.start > last.end:
            runs.append(block)
        elif block.span.resolution == last.span.resolution:
            _join(last, block)
        elif block.span.start == last.end:
            runs.append(block)
        else:
            raise DocumentError(
                "Period/resolution",
                f"{block.span.start:%Y-%m-%dT%H:%MZ} is stated in two resolutions",
                line=block.line,
            )
    return runs


def _join(last: _Block, block: _Block) -> None:
    resolution = last.span.resolution
    offset, rest = divmod(block.span.start - last.span.start, resolution)
    if rest:
        raise DocumentError(
            "Period/timeInterval",
            f"{block.span.start:%Y-%m-%dT%H:%MZ} covers a slot of another period only in part",
            line=block.line,
        )
    stated = last.power_mw[offset : offset + len(block.power_mw)]
    for number, (earlier, later) in enumerate(zip(stated, block.power_mw, strict=False)):
        if earlier != later:
            raise DocumentError(
                "Period/Point",
                f"{block.span.start + number * resolution:%Y-%m-%dT%H:%MZ} has two values"
                f" ({earlier:g} and {later:g} MW)",
                line=block.line,
            )
    last.power_mw.extend(block.power_mw[len(stated) :])
