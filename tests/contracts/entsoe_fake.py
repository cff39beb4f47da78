"""A stand-in for the ENTSO-E Transparency Platform: documents of any asked period.

Day-ahead prices (A44), generation per type (A75), load (A65), wind and solar forecast (A69).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

TOKEN = "test-token-0123"  # noqa: S105
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
NO_DATA = b"""<Acknowledgement_MarketDocument><Reason><code>999</code>
<text>No matching data found</text></Reason></Acknowledgement_MarketDocument>"""
REFUSED = NO_DATA.replace(b"999", b"401").replace(b"No matching data found", b"Invalid request")
# Document type: where the zone is asked for, the processes known, and its series (domain, type).
POWER_DOCUMENTS: dict[str, tuple[str, frozenset[str], tuple[tuple[str, str], ...]]] = {
    "A75": (
        "in_Domain",
        frozenset({"A16"}),
        (("in", "B06"), ("in", "B10"), ("out", "B10"), ("in", "B14"), ("in", "B16")),
    ),
    "A65": ("outBiddingZone_Domain", frozenset({"A16", "A01"}), (("out", ""),)),
    "A69": ("in_Domain", frozenset({"A01", "A18", "A40"}), (("in", "B16"), ("in", "B19"))),
}


def day_price(start: datetime) -> Decimal:
    """The price of a quarter hour: different each hour and each day, no surprise."""
    return Decimal(start.day * 100 + start.hour) + Decimal(start.minute) / 60


def hour_power(domain: str, psr_type: str, start: datetime) -> Decimal:
    """The MW of a series: its type's number times a hundred plus the hour; half as consumption."""
    power_mw = Decimal(int(psr_type[1:]) * 100 if psr_type else 5000) + start.hour
    return power_mw / 2 if domain == "out" and psr_type else power_mw


def zipped(*documents: bytes) -> bytes:
    """A ZIP archive of documents, as some answers come."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, document in enumerate(documents, start=1):
            archive.writestr(f"{number:03}_document.xml", document)
    return packed.getvalue()


@dataclass
class EntsoeFake:
    """The platform's state: what is published, and an answer forced upon everything."""

    server: FakeServer
    published_until: datetime | None = None
    created_at: datetime = datetime(2026, 3, 10, 12, 55, tzinfo=UTC)
    price: Callable[[datetime], Decimal] = day_price
    power: Callable[[str, str, datetime], Decimal] = hour_power
    is_zipping: bool = False
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
        document = self._asked_document(request.query, start, end)
        if document is None:
            return Answer(400, REFUSED, {"Content-Type": "text/xml"})
        if self.is_zipping:
            return Answer(200, zipped(document), {"Content-Type": "application/zip"})
        return Answer(200, document, {"Content-Type": "text/xml"})

    def _asked_document(
        self, query: dict[str, str], start: datetime, end: datetime
    ) -> bytes | None:
        kind = query.get("documentType", "")
        if kind == "A44" and query.get("in_Domain") == query.get("out_Domain") is not None:
            return self.document(query["in_Domain"], start, end)
        if kind not in POWER_DOCUMENTS:
            return None
        zone, processes, _ = POWER_DOCUMENTS[kind]
        process = query.get("processType", "")
        if zone not in query or process not in processes:
            return None
        return self.power_document(kind, process, query[zone], start, end)

    def power_document(
        self, kind: str, process: str, area: str, start: datetime, end: datetime
    ) -> bytes:
        """A GL_MarketDocument in hours, curve type A03 with every point stated."""
        series = "".join(
            self._power_series(domain, psr_type, area, start, end)
            for domain, psr_type in POWER_DOCUMENTS[kind][2]
        )
        return f"""<GL_MarketDocument xmlns="urn:x:generationloaddocument:3:0">
<mRID>fake-{kind}-{start:%Y%m%d}</mRID><revisionNumber>1</revisionNumber><type>{kind}</type>
<process.processType>{process}</process.processType>
<createdDateTime>{self.created_at:%Y-%m-%dT%H:%M:%SZ}</createdDateTime>{series}
</GL_MarketDocument>""".encode()

    def _power_series(
        self, domain: str, psr_type: str, area: str, start: datetime, end: datetime
    ) -> str:
        name = f"{domain}BiddingZone_Domain.mRID"
        psr = f"<MktPSRType><psrType>{psr_type}</psrType></MktPSRType>" if psr_type else ""
        points = "".join(
            f"<Point><position>{n + 1}</position>"
            f"<quantity>{self.power(domain, psr_type, start + n * HOUR)}</quantity></Point>"
            for n in range((end - start) // HOUR)
        )
        return f"""<TimeSeries><{name} codingScheme="A01">{area}</{name}>
<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A03</curveType>{psr}
<Period><timeInterval><start>{start:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end>
</timeInterval><resolution>PT60M</resolution>{points}</Period></TimeSeries>"""

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
