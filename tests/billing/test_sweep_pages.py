"""The sweep of CDRs: what is held back never keeps the others waiting."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway

from apps.billing.models import Cdr, TariffVersion
from apps.billing.services import cdr_sweep, cdrs_sweep
from apps.chargers.models import ChargingStation, Session
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.billing.conftest import session_make, station_make, tariff_make


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch, operator_a: Operator) -> Iterator[None]:
    monkeypatch.setattr(cdr_sweep, "SWEEP_PAGE", 2)
    monkeypatch.setattr(cdr_sweep, "SWEEP_LOOKS", 4)
    monkeypatch.setattr(cdr_sweep, "SWEEP_LIMIT", 3)
    cache.delete(cdr_sweep._PLACE_KEY)
    yield
    cache.delete(cdr_sweep._PLACE_KEY)


def held(station: ChargingStation, count: int) -> None:
    """Sessions that took more than the station can give: 900 kWh in an hour."""
    for n in range(count):
        session_make(station, f"held-{n}", energy_wh="900000")


def test_sessions_that_are_held_back_do_not_crowd_out_the_others(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    held(station, 7)
    good = [session_make(station, f"good-{n}").pk for n in range(4)]

    issued = [cdrs_sweep(now=utc_now()) for _ in range(4)]

    # 4 held; 3 held and 1 good; 3 good (all that may be issued at once, and the end).
    assert issued[:3] == [0, 1, 3]
    assert sorted(Cdr.objects.values_list("session_id", flat=True)) == good


def test_the_sweep_begins_again_and_finds_what_was_looked_at_before(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    held(station, 5)
    assert cdrs_sweep(now=utc_now()) == 0
    Session.objects.filter(transaction_id="held-0").update(checked_at=utc_now())

    assert [cdrs_sweep(now=utc_now()) for _ in range(2)] == [0, 1]


def test_without_a_cache_the_sweep_starts_from_the_beginning(
    tariff: TariffVersion, station: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_make(station, "good")

    def away(*_args: object, **_words: object) -> None:
        raise RedisAway("away")

    for name in ("get", "set", "delete"):
        monkeypatch.setattr(type(cache._connections["default"]), name, away)  # type: ignore[attr-defined]

    assert cdrs_sweep(now=utc_now()) == 1
    monkeypatch.undo()


def test_the_place_of_one_operator_is_not_anothers(
    tariff: TariffVersion, station: ChargingStation, operator_b: Operator
) -> None:
    held(station, 5)
    cdrs_sweep(now=utc_now())

    with operator_context(operator_b.schema_name):
        tariff_make()
        session_make(station_make(), "good")
        assert cdrs_sweep(now=utc_now()) == 1
