"""A stand-in for the ENTSO-E Transparency Platform: A44 documents of any asked period."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

TOKEN = "test-token-0123"  # noqa: S105
QUARTER = timedelta(minutes=15)
NO_DATA = b"""<Acknowledgement_MarketDocument><Reason><code>999</code>
<text>No matching data found</text></Reason></Acknowledgement_MarketDocument>"""


def day_price(start: datetime) -> Decimal:
    """The price of a quarter hour: different each hour and each day, no surprise."""
    return Decimal(start.day * 100 + start.hour) + Decimal(start.minute) / 60


@dataclass
class EntsoeFake:
    """The platform's state: what is published, and an answer forced upon everything."""

    server: FakeServer
    published_until: datetime | None = None
    created_at: datetime = datetime(2026, 3, 10, 12, 55, tzinfo=UTC)
    price: Callable[[datetime], Decimal] = day_price
    forced: Answer | None = None
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url + "/api"

    def answer(self, request: Request) -> Answer:
        if self.forced is not None:
            return self.forced
        if request.query.get("securityToken") != TOKEN:
            return Answer(401, b"Unauthorized")
        start = _minute(request.query["periodStart"])
        end = _minute(request.query["periodEnd"])
        self.asked.append((start, end))
        if self.published_until is not None and end > self.published_until:
            return Answer(200, NO_DATA, {"Content-Type": "text/xml"})
        return Answer(200, self.document(request.query["in_Domain"], start, end))

    def document(self, area: str, start: datetime, end: datetime) -> bytes:
        points = "".join(
            f"<Point><position>{n + 1}</position>"
            f"<price.amount>{self.price(start + n * QUARTER):.2f}</price.amount></Point>"
            for n in range((end - start) // QUARTER)
        )
        return f"""<Publication_MarketDocument xmlns="urn:x:publicationdocument:7:3">
<mRID>fake-{start:%Y%m%d}</mRID><revisionNumber>1</revisionNumber>
<createdDateTime>{self.created_at:%Y-%m-%dT%H:%M:%SZ}</createdDateTime>
<TimeSeries><in_Domain.mRID>{area}</in_Domain.mRID><out_Domain.mRID>{area}</out_Domain.mRID>
<currency_Unit.name>EUR</currency_Unit.name>
<price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType>
<Period><timeInterval><start>{start:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end>
</timeInterval><resolution>PT15M</resolution>{points}</Period></TimeSeries>
</Publication_MarketDocument>""".encode()


@contextmanager
def entsoe_fake() -> Iterator[EntsoeFake]:
    """The platform on a loopback port."""
    holder: list[EntsoeFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(EntsoeFake(server))
        yield holder[0]


def _minute(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)
