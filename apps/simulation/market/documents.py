"""The documents that the simulated platform answers with, made from the committed samples."""

import copy
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache

from lxml import etree

from apps.simulation.market.prices import DOCUMENTS, day_prices, day_start

_MINUTE = "%Y-%m-%dT%H:%MZ"
_SECOND = "%Y-%m-%dT%H:%M:%SZ"


@cache
def _sample(name: str) -> etree._Element:
    return etree.parse(DOCUMENTS / name).getroot()


def publication(days: Sequence[date], *, domain: str, now: datetime) -> bytes:
    """A Publication_MarketDocument with one TimeSeries per delivery day, oldest first."""
    root = copy.deepcopy(_sample("a44_pt15m_a03_gaps.xml"))
    template = _child(root, "TimeSeries")
    root.remove(template)
    _child(root, "mRID").text = f"cariflex-synthetic-{days[0]:%Y%m%d}-{len(days)}"
    _child(root, "createdDateTime").text = now.astimezone(UTC).strftime(_SECOND)
    _date_interval(_child(root, "period.timeInterval"), days[0], days[-1])
    for number, day in enumerate(days, start=1):
        series = copy.deepcopy(template)
        _child(series, "mRID").text = str(number)
        for name in ("in_Domain.mRID", "out_Domain.mRID"):
            _child(series, name).text = domain
        _fill_period(_child(series, "Period"), day)
        root.append(series)
    return _bytes(root)


def acknowledgement(text: str, *, now: datetime) -> bytes:
    """An Acknowledgement_MarketDocument with reason 999."""
    root = copy.deepcopy(_sample("ack_999_no_data.xml"))
    moment = now.astimezone(UTC)
    _child(root, "mRID").text = f"cariflex-synthetic-ack-{moment:%Y%m%d%H%M%S}"
    for name in ("createdDateTime", "received_MarketDocument.createdDateTime"):
        _child(root, name).text = moment.strftime(_SECOND)
    _child(_child(root, "Reason"), "text").text = text
    return _bytes(root)


def curve_points(prices: Sequence[Decimal]) -> list[tuple[int, Decimal]]:
    """(position, price) by curve type A03: a value equal to the one before is left out."""
    return [
        (position, price)
        for position, price in enumerate(prices, start=1)
        if position == 1 or price != prices[position - 2]
    ]


def _fill_period(period: etree._Element, day: date) -> None:
    _date_interval(_child(period, "timeInterval"), day, day)
    point = _child(period, "Point")
    for old in period.findall("{*}Point"):
        period.remove(old)
    for position, price in curve_points(day_prices(day)):
        made = copy.deepcopy(point)
        _child(made, "position").text = str(position)
        _child(made, "price.amount").text = str(price)
        period.append(made)


def _date_interval(interval: etree._Element, first: date, last: date) -> None:
    _child(interval, "start").text = day_start(first).strftime(_MINUTE)
    _child(interval, "end").text = day_start(last + timedelta(days=1)).strftime(_MINUTE)


def _child(parent: etree._Element, name: str) -> etree._Element:
    found = parent.find(f"{{*}}{name}")
    if found is None:
        raise ValueError(f"the sample document has no {name}")
    return found


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
