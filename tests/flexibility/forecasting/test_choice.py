"""Whose word is used, and that it does not change from night to night for nothing."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.forecasting.choice import Choice, choose
from cariflex.common.units import QUARTER_HOUR

START = datetime(2026, 3, 11, tzinfo=UTC)


def errors(value: float, *, first: int = 0, count: int = 96) -> dict[datetime, float]:
    return {START + number * QUARTER_HOUR: value for number in range(first, first + count)}


def test_smallest_error_is_used() -> None:
    found = choose(
        errors={"naive": errors(4.0), "model": errors(3.0), "other": errors(5.0)}, baseline="naive"
    )

    assert found == Choice("model", 3.0, 4.0, 96)


def test_without_enough_slots_the_baseline_is_used() -> None:
    found = choose(
        errors={"naive": errors(4.0, count=95), "model": errors(1.0, count=95)},
        baseline="naive",
        in_use="model",
    )

    assert found == Choice("naive")


def test_method_with_too_few_slots_is_no_candidate_yet() -> None:
    found = choose(errors={"naive": errors(4.0), "model": errors(1.0, count=95)}, baseline="naive")

    assert found == Choice("naive", 4.0, 4.0, 96)


def test_errors_are_compared_over_the_slots_that_all_have() -> None:
    # The hard first day is one that the model never had to forecast.
    naive = errors(10.0) | errors(2.0, first=96)

    found = choose(errors={"naive": naive, "model": errors(3.0, first=96)}, baseline="naive")

    assert found == Choice("naive", 2.0, 2.0, 96)


def test_candidate_with_the_fewest_slots_does_not_stop_the_others() -> None:
    naive = errors(4.0, count=300)
    model = errors(3.0, count=200)
    elsewhere = errors(1.0, first=190, count=100)

    found = choose(
        errors={"naive": naive, "model": model, "elsewhere": elsewhere}, baseline="naive"
    )

    # model and elsewhere share 10 slots only; elsewhere has fewer with the baseline.
    assert found == Choice("model", 3.0, 4.0, 200)


def test_method_in_use_is_kept_until_another_is_five_percent_better() -> None:
    kept = choose(
        errors={"naive": errors(4.0), "model": errors(3.81)}, baseline="naive", in_use="naive"
    )
    left = choose(
        errors={"naive": errors(4.0), "model": errors(3.79)}, baseline="naive", in_use="naive"
    )

    assert (kept.method, left.method) == ("naive", "model")
    assert kept.mae == 4.0


@given(
    st.dictionaries(
        st.sampled_from(["naive", "model", "other"]),
        st.floats(min_value=0.1, max_value=100),
        min_size=1,
    ),
    st.sampled_from(["naive", "model", "other", None]),
)
def test_choosing_again_changes_nothing(maes: dict[str, float], in_use: str | None) -> None:
    by_method = {method: errors(mae) for method, mae in maes.items()}

    first = choose(errors=by_method, baseline="naive", in_use=in_use)
    again = choose(errors=by_method, baseline="naive", in_use=first.method)

    assert again.method == first.method
