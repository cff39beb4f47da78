"""EDF SEI through the engine: fuels, storage apart, costs, quota told in the answer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.markets.choices import Feed, FeedState
from apps.markets.models import FeedAccess, Series
from apps.markets.services.sources import feed_access_configure
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.contracts.edf_sei_fake import EdfSeiFake, edf_sei_fake
from tests.contracts.fake_server import Answer
from tests.markets.feeds.scene import NOW, fetch


@pytest.fixture
def fake() -> Iterator[EdfSeiFake]:
    with edf_sei_fake() as running:
        yield running


def value(kind: str, variant: str, at: datetime) -> Decimal:
    return Series.objects.get(kind=kind, variant=variant).values.get(start=at).value


def test_the_mix_is_by_fuel_with_storage_apart(operator_a: Operator, fake: EdfSeiFake) -> None:
    feed_access_configure(feed=Feed.EDF_SEI, area="Guadeloupe", base_url=fake.url)

    fetch()

    night = datetime(2026, 3, 20, 9, 45, tzinfo=UTC)
    day = datetime(2026, 3, 20, 10, 0, tzinfo=UTC)
    assert value("generation", "oil", night) == 120
    assert value("generation", "solar", day) == 40
    # The records count what storage gives: 8 MW out at night, 5 MW in by day.
    assert (value("generation", "storage", night), value("consumption", "storage", night)) == (8, 0)
    assert (value("generation", "storage", day), value("consumption", "storage", day)) == (0, 5)
    oil = Series.objects.get(kind="generation", variant="oil")
    assert (oil.unit, oil.market_time_zone) == ("MW", "America/Guadeloupe")
    assert set(oil.values.values_list("quality", flat=True)) == {"estimated"}


def test_an_hours_cost_is_that_of_its_four_quarters(operator_a: Operator, fake: EdfSeiFake) -> None:
    feed_access_configure(
        feed=Feed.EDF_SEI, area="GP", base_url=fake.url,
        settings={"island": "Guadeloupe", "requests": ["cost"]},
    )  # fmt: skip

    fetch()

    series = Series.objects.get()
    assert (series.kind, series.area, series.unit) == ("production_cost", "GP", "EUR/MWh")
    at = datetime(2026, 3, 19, 23, tzinfo=UTC)
    peak = series.values.filter(start__gte=at, start__lt=at.replace(minute=59))
    assert list(peak.values_list("value", flat=True)) == [Decimal("320.5")] * 4


def test_a_quota_told_with_status_200_pauses_until_it_ends(
    operator_a: Operator, fake: EdfSeiFake
) -> None:
    feed_access_configure(feed=Feed.EDF_SEI, area="Guadeloupe", base_url=fake.url)
    fake.forced = Answer.of({"errorcode": 10002, "reset_time": "2026-03-21T00:00:00Z"})

    fetch()

    access = FeedAccess.objects.get()
    assert access.state == FeedState.QUOTA
    assert access.paused_until == datetime(2026, 3, 21, tzinfo=UTC)
    assert len(fake.server.requests) == 1


@pytest.mark.parametrize(
    ("field", "area", "settings"),
    [
        ("island", "Jamaica", {}),
        ("dataset", "Corse", {}),
        ("requests", "Guadeloupe", {"requests": ["prices"]}),
        ("time_zone", "Guadeloupe", {"time_zone": "Mars/Base"}),
    ],
)
def test_an_island_that_cannot_be_asked_is_refused(
    operator_a: Operator, field: str, area: str, settings: dict[str, object]
) -> None:
    with pytest.raises(DomainError) as caught:
        feed_access_configure(feed=Feed.EDF_SEI, area=area, settings=settings)

    assert caught.value.field == field


def test_a_day_without_records_yet_is_not_published(operator_a: Operator, fake: EdfSeiFake) -> None:
    fake.known_until = datetime(2026, 3, 18, tzinfo=UTC)
    feed_access_configure(
        feed=Feed.EDF_SEI, area="Guadeloupe", base_url=fake.url, settings={"requests": ["mix"]}
    )

    fetch(NOW)

    assert FeedAccess.objects.get().state == FeedState.NOT_PUBLISHED
