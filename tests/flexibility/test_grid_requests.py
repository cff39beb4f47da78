"""Requests of the grid: entered, cancelled, and the limit they make per quarter hour."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assets.models import Site
from apps.flexibility.choices import GridRequestKind, ReplanReason
from apps.flexibility.models import GridRequest, ReplanCall
from apps.flexibility.selectors.grid_requests import (
    Asked,
    GridLimits,
    GridLimitsNow,
    grid_limits,
    grid_limits_now,
    grid_requests_in_force,
    limit_by_slot,
)
from apps.flexibility.services.grid_requests import grid_request_add, grid_request_cancel
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR, slots
from tests.flexibility.conftest import NOW, SLOT, Island

IMPORT, EXPORT = GridRequestKind.IMPORT_LIMIT, GridRequestKind.EXPORT_LIMIT


def add(site: Site, **changes: Any) -> GridRequest:
    """An import limit of 120 kW from 13:00 to 14:00 UTC, with changes."""
    wish = {
        "kind": "import_limit", "limit_kw": 120.0, "start": SLOT + timedelta(hours=1),
        "end": SLOT + timedelta(hours=2), "now": NOW, **changes,
    }  # fmt: skip
    return grid_request_add(site_id=site.pk, **wish)


def test_without_a_request_the_connection_limits(island: Island) -> None:
    limits = grid_limits(island.site.pk, SLOT, SLOT + timedelta(minutes=30))

    assert limits == GridLimits((500.0, 500.0), (500.0, 500.0))
    assert grid_limits_now(island.site.pk, NOW) == GridLimitsNow(500.0, 500.0)


def test_no_limit_anywhere_is_none(island: Island) -> None:
    Site.objects.update(grid_import_limit_kw=None, grid_export_limit_kw=None)

    assert grid_limits(island.site.pk, SLOT, SLOT + QUARTER_HOUR) == GridLimits((None,), (None,))
    assert grid_limits_now(island.site.pk, NOW) == GridLimitsNow(None, None)


def test_the_lowest_request_of_each_quarter_hour_holds(island: Island) -> None:
    add(island.site)
    # 13:20 to 13:40 touches the quarter hours of 13:15 and 13:30.
    add(
        island.site, limit_kw=80.0, start=SLOT + timedelta(minutes=80),
        end=SLOT + timedelta(minutes=100),
    )  # fmt: skip
    add(island.site, kind="export_limit", limit_kw=0.0)
    add(island.site, limit_kw=900.0)

    limits = grid_limits(
        island.site.pk, SLOT + timedelta(minutes=45), SLOT + timedelta(minutes=135)
    )

    # 12:45, 13:00, 13:15, 13:30, 13:45, 14:00
    assert limits.import_limit_kw == (500.0, 120.0, 80.0, 80.0, 120.0, 500.0)
    assert limits.export_limit_kw == (500.0, 0.0, 0.0, 0.0, 0.0, 500.0)


@pytest.mark.parametrize(
    ("minutes", "import_kw"), [(59, 500.0), (60, 120.0), (119, 120.0), (120, 500.0)]
)
def test_now_is_within_start_and_end(island: Island, minutes: int, import_kw: float) -> None:
    add(island.site)

    now = SLOT + timedelta(minutes=minutes)

    assert grid_limits_now(island.site.pk, now) == GridLimitsNow(import_kw, 500.0)


def test_a_request_of_another_site_counts_for_that_site_only(island: Island) -> None:
    other = Site.objects.create(code="other", name="Other")
    add(other)

    span = (SLOT + timedelta(hours=1), SLOT + timedelta(hours=2))

    assert set(grid_limits(island.site.pk, *span).import_limit_kw) == {500.0}
    assert set(grid_limits(other.pk, *span).import_limit_kw) == {120.0}


def test_a_request_asks_for_a_plan(
    island: Island, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent = tasks_sent(monkeypatch)

    with django_capture_on_commit_callbacks(execute=True):
        request = add(island.site, reference=" EDF 17 ", created_by="ana")

    call = ReplanCall.objects.get()
    assert (request.reference, request.created_by) == ("EDF 17", "ana")
    assert (call.site, call.reason, call.detail) == (island.site, ReplanReason.GRID, "EDF 17")
    assert sent == ["flexibility.plan_refresh"]


def test_a_cancelled_request_limits_nothing_and_asks_for_a_plan(island: Island) -> None:
    request = add(island.site)
    ReplanCall.objects.all().delete()

    grid_request_cancel(grid_request_id=request.pk, now=NOW)

    assert ReplanCall.objects.get().reason == ReplanReason.GRID
    assert grid_limits_now(island.site.pk, request.start) == GridLimitsNow(500.0, 500.0)
    assert grid_requests_in_force(island.site.pk, start=request.start, end=request.end) == []


def test_cancelling_twice_is_cancelling_once(island: Island) -> None:
    request = add(island.site)
    grid_request_cancel(grid_request_id=request.pk, now=NOW)
    ReplanCall.objects.all().delete()

    again = grid_request_cancel(grid_request_id=request.pk, now=NOW + QUARTER_HOUR)

    assert (again.cancelled_at, ReplanCall.objects.count()) == (NOW, 0)


def test_what_is_over_is_not_cancelled(island: Island) -> None:
    request = add(island.site)

    with pytest.raises(DomainError) as refused:
        grid_request_cancel(grid_request_id=request.pk, now=request.end)

    request.refresh_from_db()
    assert (refused.value.code, request.cancelled_at) == ("grid_request.over", None)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"kind": "drink"}, "grid_request.kind", "kind"),
        ({"limit_kw": -0.1}, "grid_request.limit", "limit_kw"),
        ({"limit_kw": math.nan}, "grid_request.limit", "limit_kw"),
        ({"limit_kw": math.inf}, "grid_request.limit", "limit_kw"),
        ({"limit_kw": 1_000_001.0}, "grid_request.limit", "limit_kw"),
        ({"end": SLOT + timedelta(hours=1)}, "grid_request.interval", "end"),
        ({"start": SLOT - timedelta(hours=2), "end": NOW}, "grid_request.past", "end"),
        ({"end": SLOT + timedelta(days=33)}, "grid_request.long", "end"),
    ],
)
def test_a_wrong_request_is_refused(
    island: Island, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        add(island.site, **changes)

    assert (refused.value.code, refused.value.field) == (code, field)
    assert (GridRequest.objects.count(), ReplanCall.objects.count()) == (0, 0)


def test_a_site_or_request_that_is_not_there_is_refused(island: Island) -> None:
    with pytest.raises(DomainError, match="no such site"):
        add(Site(pk=999))
    with pytest.raises(DomainError, match="no such request"):
        grid_request_cancel(grid_request_id=999, now=NOW)


def test_two_operators_know_only_their_own(island: Island, operator_b: Operator) -> None:
    request = add(island.site)

    with operator_context(operator_b.schema_name):
        with pytest.raises(DomainError, match="no such request"):
            grid_request_cancel(grid_request_id=request.pk, now=NOW)
        assert GridRequest.objects.count() == 0


def test_limits_take_two_queries(island: Island, django_assert_num_queries: Any) -> None:
    for _number in range(5):
        add(island.site)

    with django_assert_num_queries(4):  # each SELECT with its SET search_path
        grid_limits(island.site.pk, SLOT, SLOT + timedelta(hours=24))
    with django_assert_num_queries(4):
        grid_limits_now(island.site.pk, NOW)


START = datetime(2026, 3, 11, tzinfo=UTC)
_asked = st.builds(
    lambda kw, first, minutes: Asked(
        IMPORT,
        kw,
        START + timedelta(minutes=first),
        START + timedelta(minutes=first + minutes),
    ),
    st.floats(0, 1000),
    st.integers(-60, 300),
    st.integers(1, 200),
)


@given(st.none() | st.floats(0, 1000), st.lists(_asked, max_size=5))
def test_no_limit_is_above_any_that_touches_it(
    connection_kw: float | None, asked: list[Asked]
) -> None:
    starts = slots(START, START + timedelta(hours=4))

    limits = limit_by_slot(connection_kw, asked, starts)

    for slot, limit in zip(starts, limits, strict=True):
        touching = [a.limit_kw for a in asked if a.end > slot and a.start < slot + QUARTER_HOUR]
        if connection_kw is not None:
            touching.append(connection_kw)
        assert (limit is None) == (not touching)
        assert limit is None or (limit in touching and all(limit <= kw for kw in touching))


def tasks_sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that are sent from now on; none is run."""
    sent: list[str] = []
    monkeypatch.setattr(
        "apps.tenants.tasking.OperatorTask.apply_async",
        lambda task, args=None, kwargs=None, **_options: sent.append(task.name),
    )
    return sent
