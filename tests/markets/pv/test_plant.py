from typing import Any

import pytest

from apps.markets.pv.plant import PlantError, PvArray, PvPlant

ARRAY = PvArray(tilt_degrees=15, azimuth_degrees=180, peak_kwp=5)


def plant(**changes: Any) -> PvPlant:
    values: dict[str, Any] = {
        "latitude": 16.25, "longitude": -61.55, "altitude_m": 10, "arrays": (ARRAY,),
        "inverter_limit_kw": 5,
    }  # fmt: skip
    return PvPlant(**{**values, **changes})


def test_peak_power_is_that_of_all_arrays() -> None:
    assert plant(arrays=(ARRAY, PvArray(10, 90, 2.5))).peak_kwp == 7.5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latitude", 90.1), ("latitude", float("nan")), ("longitude", -180.5),
        ("longitude", "-61"), ("altitude_m", 9_001), ("altitude_m", None), ("arrays", ()),
        ("arrays", (ARRAY,) * 21), ("inverter_limit_kw", 0), ("inverter_limit_kw", float("inf")),
        ("inverter_limit_kw", True), ("loss_percent", -1), ("loss_percent", 100),
        ("power_coefficient_percent_per_c", 0.35), ("power_coefficient_percent_per_c", -35),
    ],
)  # fmt: skip
def test_a_plant_that_cannot_be_names_the_field(field: str, value: object) -> None:
    with pytest.raises(PlantError) as caught:
        plant(**{field: value})

    assert caught.value.field == field
    assert caught.value.code == "pv.plant"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("tilt_degrees", (-1, 180, 5)), ("tilt_degrees", (91, 180, 5)),
        ("azimuth_degrees", (15, -90, 5)), ("azimuth_degrees", (15, 361, 5)),
        ("peak_kwp", (15, 180, 0)), ("peak_kwp", (15, 180, 100_001)),
    ],
)  # fmt: skip
def test_an_array_that_cannot_be_names_the_field(
    field: str, values: tuple[float, float, float]
) -> None:
    with pytest.raises(PlantError) as caught:
        PvArray(*values)

    assert caught.value.field == field
