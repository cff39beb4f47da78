"""The policy of a site: made with the usual values, changed with care, a plan follows."""

import math
from datetime import time
from decimal import Decimal
from typing import Any

import pytest

from apps.flexibility.choices import Objective, ReplanReason
from apps.flexibility.models import ReplanCall, SitePolicy
from apps.flexibility.services.policies import policy_set, site_policy_of
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.flexibility.conftest import NOW, Island
from tests.flexibility.test_grid_requests import tasks_sent


def test_a_site_has_a_policy_with_the_usual_values(island: Island) -> None:
    policy = site_policy_of(island.site.pk)

    assert site_policy_of(island.site.pk) == policy
    assert (policy.objective, policy.feed_in_margin_eur_per_mwh) == (Objective.COST, 10)
    assert (policy.evening_from, policy.evening_until) == (time(18), time(22))
    assert (
        policy.car_min_soc_percent, policy.car_target_soc_percent, policy.car_max_soc_percent
    ) == (40, 80, 90)  # fmt: skip


def test_a_change_is_kept_and_asks_for_a_plan(
    island: Island, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent = tasks_sent(monkeypatch)

    with django_capture_on_commit_callbacks(execute=True):
        policy_set(
            site_id=island.site.pk, now=NOW, objective="co2", co2_price_eur_per_t=Decimal("800.50")
        )

    policy = SitePolicy.objects.get()
    call = ReplanCall.objects.get()
    assert (policy.objective, policy.co2_price_eur_per_t) == ("co2", Decimal("800.50"))
    assert (call.reason, call.detail, call.asked_at) == (ReplanReason.POLICY, "co2", NOW)
    assert sent == ["flexibility.plan_refresh"]


def test_no_change_asks_for_nothing(island: Island) -> None:
    policy_set(site_id=island.site.pk, now=NOW, objective="cost", reserve_kw=0.0)

    assert ReplanCall.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"objective": "fame"}, "policy.invalid", "objective"),
        ({"feed_in_margin_eur_per_mwh": Decimal(-1)}, "policy.invalid",
         "feed_in_margin_eur_per_mwh"),
        ({"co2_price_eur_per_t": Decimal("NaN")}, "policy.invalid", "co2_price_eur_per_t"),
        ({"car_min_soc_percent": 85.0}, "policy.invalid", "car_target_soc_percent"),
        ({"car_max_soc_percent": 101.0}, "policy.invalid", "car_max_soc_percent"),
        ({"car_target_soc_percent": math.nan}, "policy.invalid", "car_target_soc_percent"),
        ({"evening_until": time(18)}, "policy.evening", "evening_until"),
        ({"objective": "reserve"}, "policy.reserve_missing", "reserve_kw"),
        # Two batteries of 50 kW.
        ({"reserve_kw": 100.1}, "policy.reserve", "reserve_kw"),
        ({"reserve_minutes": 0}, "policy.invalid", "reserve_minutes"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_and_named(
    island: Island, changes: dict[str, Any], code: str, field: str
) -> None:
    before = SitePolicy.objects.filter(pk=site_policy_of(island.site.pk).pk).values().get()

    with pytest.raises(DomainError) as refused:
        policy_set(site_id=island.site.pk, now=NOW, **changes)

    assert (refused.value.code, refused.value.field) == (code, field)
    assert SitePolicy.objects.values().get() == before
    assert ReplanCall.objects.count() == 0


def test_a_reserve_of_all_the_batteries_is_possible(island: Island) -> None:
    policy = policy_set(site_id=island.site.pk, now=NOW, objective="reserve", reserve_kw=100.0)

    assert (policy.objective, policy.reserve_kw) == ("reserve", 100.0)


def test_a_site_that_is_not_there_is_refused(island: Island, operator_b: Operator) -> None:
    with (
        operator_context(operator_b.schema_name),
        pytest.raises(DomainError, match="no such site"),
    ):
        policy_set(site_id=island.site.pk, now=NOW, objective="co2")
