"""Generation and load documents (GL_MarketDocument) made of the day of an island."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from apps.simulation.market.grid import GridSlot
from apps.simulation.market.sky import RESOLUTION

_NAMESPACE = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
_MINUTE = "%Y-%m-%dT%H:%MZ"
_STORAGE = "B25"
PSR_TYPES = {
    "B01": ("bioenergies",),
    "B05": ("charbon",),
    "B06": ("diesel", "moteurs_diesels", "turbines_combustion"),
    "B09": ("geothermie",),
    "B11": ("hydraulique",),
    "B16": ("photovoltaique",),
    "B19": ("eolien",),
}
"""Production type of ENTSO-E -> the fields of EDF SEI that it sums."""


@dataclass(frozen=True)
class PowerColumn:
    """One TimeSeries: MW per slot; `domain` is "in" for generation, "out" for what is drawn."""

    domain: str
    psr_type: str | None
    power_mw: Sequence[float]


def generation_columns(slots: Sequence[GridSlot]) -> list[PowerColumn]:
    """A75: each production type, then what storage gives, then what it draws."""
    columns = [
        PowerColumn("in", psr, [_sum(slot, fields) for slot in slots])
        for psr, fields in PSR_TYPES.items()
    ]
    columns.append(PowerColumn("in", _STORAGE, [max(0.0, slot.storage_mw) for slot in slots]))
    columns.append(PowerColumn("out", _STORAGE, [max(0.0, -slot.storage_mw) for slot in slots]))
    return [one for one in columns if any(one.power_mw) or one.psr_type in ("B16", "B19")]


def load_columns(slots: Sequence[GridSlot], *, is_forecast: bool) -> list[PowerColumn]:
    """A65: the total load."""
    load = [slot.load_forecast_mw if is_forecast else slot.load_mw for slot in slots]
    return [PowerColumn("out", None, load)]


def forecast_columns(slots: Sequence[GridSlot]) -> list[PowerColumn]:
    """A69: solar and wind on land."""
    return [
        PowerColumn("in", "B16", [slot.solar_forecast_mw for slot in slots]),
        PowerColumn("in", "B19", [slot.wind_forecast_mw for slot in slots]),
    ]


def power_document(
    columns: Sequence[PowerColumn],
    *,
    document_type: str,
    process: str,
    domain: str,
    start: datetime,
    now: datetime,
) -> bytes:
    """The document with one TimeSeries per column, PT15M and curve type A03."""
    root = etree.Element(f"{{{_NAMESPACE}}}GL_MarketDocument", nsmap={None: _NAMESPACE})
    _add(root, "mRID", f"cariflex-synthetic-{document_type}-{process}-{start:%Y%m%d%H%M}")
    _add(root, "revisionNumber", "1")
    _add(root, "type", document_type)
    _add(root, "process.processType", process)
    _add(root, "createdDateTime", now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    end = start + len(columns[0].power_mw) * RESOLUTION
    _interval(_add(root, "time_Period.timeInterval"), start, end)
    for number, column in enumerate(columns, start=1):
        series = _add(root, "TimeSeries")
        _add(series, "mRID", str(number))
        _add(series, f"{column.domain}BiddingZone_Domain.mRID", domain).set("codingScheme", "A01")
        _add(series, "quantity_Measure_Unit.name", "MAW")
        _add(series, "curveType", "A03")
        if column.psr_type:
            _add(_add(series, "MktPSRType"), "psrType", column.psr_type)
        _period(_add(series, "Period"), column.power_mw, start, end)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def known_until(now: datetime, *, delay: timedelta) -> datetime:
    """The end of the last quarter hour that is out when each comes `delay` after its end."""
    at = (now - delay).astimezone(UTC)
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def _period(
    period: etree._Element, power_mw: Sequence[float], start: datetime, end: datetime
) -> None:
    _interval(_add(period, "timeInterval"), start, end)
    _add(period, "resolution", "PT15M")
    before = None
    for position, megawatts in enumerate(power_mw, start=1):
        text = f"{megawatts:.2f}"
        if text == before:
            continue
        point = _add(period, "Point")
        _add(point, "position", str(position))
        _add(point, "quantity", text)
        before = text


def _sum(slot: GridSlot, fields: Sequence[str]) -> float:
    return sum(slot.power_mw.get(name, 0.0) for name in fields)


def _interval(parent: etree._Element, start: datetime, end: datetime) -> None:
    _add(parent, "start", start.strftime(_MINUTE))
    _add(parent, "end", end.strftime(_MINUTE))


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    made = etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}")
    made.text = text
    return made
