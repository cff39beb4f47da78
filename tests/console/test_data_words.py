"""Words of the data pages that are not those of a choice."""

import pytest
from django.utils.translation import override

from apps.console.feed_words import error_text, request_text
from apps.console.viewmodels.data_words import area_text, series_name, series_title
from apps.markets.models import Series


@pytest.mark.parametrize(
    ("series", "words"),
    [
        # The centre of the square of 0.05 degrees whose south-west corner is 16.00, -61.60.
        (Series(kind="ghi", area="320,-1232"), "16.025°, −61.575°"),
        (Series(kind="ghi", area="Raizet"), "Raizet"),
        (Series(kind="pv_production", area="island"), "All plants"),
        (Series(kind="pv_production", area="pv-01"), "pv-01"),
        (Series(kind="price", area="10YFR-RTE------C"), "10YFR-RTE------C"),
    ],
)
def test_an_area_is_told_as_a_place(series: Series, words: str) -> None:
    with override("en"):
        assert area_text(series) == words


def test_an_intensity_names_the_feed_of_its_mix() -> None:
    series = Series(kind="co2_direct", area="GP", source="island", variant="edf_sei")

    with override("en"):
        assert series_title(series) == "CO2 intensity, direct, EDF SEI"
        assert series_name(series) == "CO2 intensity, direct, EDF SEI · GP · Computed here"


@pytest.mark.parametrize(
    ("request_word", "words"),
    [
        ("prices", "Prices"),
        ("weather:320,-1232", "Weather of 16.025°, −61.575°"),
        ("rooftop:ba75-e17a", "Roof ba75-e17a"),
        ("something", "something"),
        ("weather:", "weather:"),
    ],
)
def test_a_request_is_told_in_words(request_word: str, words: str) -> None:
    with override("en"):
        assert request_text(request_word) == words


def test_why_a_feed_failed_is_told_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    french = {
        "answered HTTP %(status)s": "a répondu HTTP %(status)s",
        "all %(number)s calls of the day are made": "les %(number)s appels du jour sont faits",
        "cannot be reached": "injoignable",
    }
    monkeypatch.setattr("apps.console.sentences.gettext", french.__getitem__)

    assert error_text("answered HTTP 503") == "a répondu HTTP 503"
    assert error_text("all 10 calls of the day are made") == "les 10 appels du jour sont faits"
    assert error_text("cannot be reached") == "injoignable"
    assert error_text("TimeSeries/Point (line 7): is odd") == "TimeSeries/Point (line 7): is odd"
