"""The plot of a series: its values by slot, how sure each is, gaps, the band of its percentiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from django.utils.translation import gettext as _

from apps.console.viewmodels.data_words import (
    QUALITIES,
    unit_decimals,
    unit_text,
)
from apps.markets.choices import Quality
from apps.markets.models import Series
from apps.markets.selectors.series import KnownValue


class Charted(Protocol):
    """A slot with what is known of it."""

    @property
    def start(self) -> datetime: ...

    @property
    def known(self) -> KnownValue | None: ...


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """Values over slot starts (UTC epoch seconds, the end of the window last) in `unit`.

    `qualities` names how sure each value is; `low` and `high` are empty without a band, `measured`
    where nothing is measured beside it. `gaps` are stretches for which nothing is known.
    """

    unit: str
    decimals: int
    step_s: int
    times_s: tuple[float, ...]
    values: tuple[float | None, ...]
    qualities: tuple[str | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    gaps: tuple[tuple[float, float], ...]
    start_s: float
    end_s: float
    now_s: float
    words: Mapping[str, str]
    measured: tuple[float | None, ...] = ()


def series_chart(
    *,
    series: Series,
    slots: Sequence[Charted],
    start: datetime,
    end: datetime,
    now: datetime,
    band: Mapping[str, Sequence[KnownValue]],
) -> SeriesChart:
    """The plot of slots; `band` has the values of p10 and p90 where there are any."""
    starts = [slot.start for slot in slots]
    edges = {name: _by_start(band.get(name, ())) for name in ("p10", "p90")}
    own = {slot.start: slot.known.value for slot in slots if slot.known}
    if edges["p10"] or edges["p90"]:
        edges = {name: values or own for name, values in edges.items()}
    has_band = bool(edges["p10"] and edges["p90"])
    return SeriesChart(
        unit=unit_text(series.unit),
        decimals=unit_decimals(series.unit),
        step_s=series.resolution_s,
        times_s=(*(at.timestamp() for at in starts), end.timestamp()),
        values=(*(_float(own.get(at)) for at in starts), None),
        qualities=(*(str(slot.known.quality) if slot.known else None for slot in slots), None),
        low=(*(_float(edges["p10"].get(at)) for at in starts), None) if has_band else (),
        high=(*(_float(edges["p90"].get(at)) for at in starts), None) if has_band else (),
        gaps=tuple(_gaps(slots, end)),
        start_s=start.timestamp(),
        end_s=end.timestamp(),
        now_s=now.timestamp(),
        words=chart_words(),
    )


def chart_words() -> dict[str, str]:
    """The legend's words."""
    words = {quality: str(word.label) for quality, word in QUALITIES.items()}
    return words | {
        str(Quality.ESTIMATED): _("Estimated"),
        "low": _("Low (P10)"),
        "high": _("High (P90)"),
    }


def _by_start(values: Sequence[KnownValue]) -> dict[datetime, Decimal]:
    return {known.start: known.value for known in values}


def _gaps(slots: Sequence[Charted], end: datetime) -> list[tuple[float, float]]:
    gaps: list[tuple[float, float]] = []
    since: datetime | None = None
    for slot in slots:
        if slot.known is None:
            since = since or slot.start
        elif since is not None:
            gaps.append((since.timestamp(), slot.start.timestamp()))
            since = None
    if since is not None:
        gaps.append((since.timestamp(), end.timestamp()))
    return gaps


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
