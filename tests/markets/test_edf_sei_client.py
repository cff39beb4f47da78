"""The client of EDF SEI's portals against the runnable fake."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.markets.clients.edf_sei import BUSY_S, EdfSeiClient
from apps.markets.feeds.edf_sei import (
    Island,
    QuotaExceededError,
    island_costs_read,
    island_mix_read,
)
from apps.markets.feeds.errors import DocumentError
from cariflex.common.errors import DomainError, ExternalError
from tests.contracts.edf_sei_fake import (
    COSTS,
    GARBAGE,
    MIX,
    OUTAGE,
    EdfSeiFake,
    edf_sei_fake,
)
from tests.contracts.fake_server import Answer

# 20 March 2026 in Guadeloupe, four hours behind UTC.
START = datetime(2026, 3, 20, 4, 0, tzinfo=UTC)
END = datetime(2026, 3, 21, 4, 0, tzinfo=UTC)


@pytest.fixture
def fake() -> Iterator[EdfSeiFake]:
    with edf_sei_fake() as running:
        yield running


def client(fake: EdfSeiFake, token: str = "") -> EdfSeiClient:
    return EdfSeiClient(base_url=fake.url, token=token, allow_loopback=True)


def mix(fake: EdfSeiFake, token: str = "") -> bytes:
    return client(fake, token).records(dataset=MIX, start=START, end=END)


def test_the_mix_is_asked_for_by_its_span_in_utc(fake: EdfSeiFake) -> None:
    read = island_mix_read(mix(fake), island=Island.GUADELOUPE)

    # Known until 12:00 UTC: 8 hours of quarters.
    assert len(read.slots) == 32
    assert read.slots[0].start == START
    assert read.slots[-1].storage_power_mw == Decimal("5.0")
    assert fake.asked == [
        {
            "where": "date >= date'2026-03-20T04:00:00Z' and date < date'2026-03-21T04:00:00Z'",
            "order_by": "date",
            "timezone": "UTC",
            "limit": "-1",
        }
    ]


def test_costs_are_those_of_one_territory(fake: EdfSeiFake) -> None:
    content = client(fake).records(
        dataset=COSTS, start=START, end=END, stamp_field="date_heure", territory=Island.GUADELOUPE
    )

    read = island_costs_read(content, island=Island.GUADELOUPE)

    assert [cost.cost_eur_per_mwh for cost in read.costs] == [Decimal("210.25")] * 8
    assert fake.asked[0]["where"].endswith(' and territoire = "Guadeloupe"')
    assert fake.asked[0]["order_by"] == "date_heure"


@pytest.mark.parametrize("dataset", ["", "../users", "a b", "MIX", "x" * 129])
def test_a_data_set_that_is_none_is_never_asked_for(fake: EdfSeiFake, dataset: str) -> None:
    with pytest.raises(DomainError, match="dataset: is no identifier of a data set"):
        client(fake).records(dataset=dataset, start=START, end=END)

    assert fake.server.requests == []


def test_a_stamp_that_no_reader_knows_is_refused(fake: EdfSeiFake) -> None:
    with pytest.raises(DomainError, match="stamp_field: is not one of date, date_heure"):
        client(fake).records(dataset=MIX, start=START, end=END, stamp_field="total")


@pytest.mark.parametrize(
    ("reset_time", "reset_header", "date", "pause_s"),
    [
        # From 23:00 to midnight.
        ("2026-03-21T00:00:00Z", None, "Fri, 20 Mar 2026 23:00:00 GMT", 3_600.0),
        # The header goes first: 1774051200 is 2026-03-21T00:00Z.
        ("2027-01-01T00:00:00Z", 1_774_051_200, "Fri, 20 Mar 2026 22:00:00 GMT", 7_200.0),
        (None, None, "Fri, 20 Mar 2026 23:00:00 GMT", BUSY_S),
        ("soon", None, "Fri, 20 Mar 2026 23:00:00 GMT", BUSY_S),
        # In the past, and more than a day ahead: not believed.
        ("2026-03-20T00:00:00Z", None, "Fri, 20 Mar 2026 23:00:00 GMT", BUSY_S),
        ("2026-03-23T00:00:00Z", None, "Fri, 20 Mar 2026 23:00:00 GMT", BUSY_S),
        ("2026-03-21T00:00:00Z", None, "yesterday", BUSY_S),
    ],
)
def test_a_used_up_quota_pauses_until_it_begins_anew(
    fake: EdfSeiFake, reset_time: str | None, reset_header: int | None, date: str, pause_s: float
) -> None:
    fake.calls_left = 0
    fake.reset_time, fake.reset_header, fake.date = reset_time, reset_header, date

    with pytest.raises(ExternalError) as caught:
        mix(fake)

    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert caught.value.retry_after_s == pause_s


def test_retry_after_goes_before_everything(fake: EdfSeiFake) -> None:
    fake.forced = Answer(429, b"", {"Retry-After": "7"})

    with pytest.raises(ExternalError) as caught:
        mix(fake)

    assert caught.value.retry_after_s == 7.0


def test_a_quota_told_with_status_200_is_told_by_the_reader(fake: EdfSeiFake) -> None:
    fake.forced = Answer.of({"errorcode": 10002, "reset_time": "2026-03-21T00:00:00Z"})

    with pytest.raises(QuotaExceededError) as caught:
        island_mix_read(mix(fake), island=Island.GUADELOUPE)

    assert caught.value.reset_at == datetime(2026, 3, 21, tzinfo=UTC)


def test_the_key_of_a_portal_is_in_no_error(fake: EdfSeiFake) -> None:
    fake.api_key = "portal-key-77"
    assert mix(fake, "portal-key-77")

    with pytest.raises(ExternalError) as caught:
        mix(fake, "wrong-key-88")

    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert "wrong-key-88" not in str(caught.value)


def test_an_outage_may_be_tried_again_and_garbage_is_no_record(fake: EdfSeiFake) -> None:
    fake.forced = OUTAGE
    with pytest.raises(ExternalError) as caught:
        mix(fake)
    assert (caught.value.status, caught.value.retryable) == (503, True)

    fake.forced = Answer(200, b"[]", close=True)
    with pytest.raises(ExternalError, match="no whole answer"):
        mix(fake)

    fake.forced = GARBAGE
    with pytest.raises(DocumentError, match="is not JSON"):
        island_mix_read(mix(fake), island=Island.GUADELOUPE)
