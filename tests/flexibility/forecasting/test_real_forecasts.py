"""The contract with the real FlexMeasures 1.0.1: it learns from 30 days, also what is negative."""

import math
import os
import random
from datetime import datetime, timedelta

import pytest

from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.forecasting.points import Made, points_read
from apps.flexibility.forecasting.skill import slot_errors
from apps.flexibility.models import Forecast
from apps.flexibility.services.forecasts import forecasts_make, forecasts_train
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision
from tests.flexibility.conftest import Island
from tests.flexibility.forecasting.scene import DAY, NOW, SLOT, measure

pytestmark = pytest.mark.stack
PV = ForecastQuantity.PV
HISTORY = 30
# Guadeloupe is four hours behind; the sun shines from six to six.
TO_LOCAL = timedelta(hours=-4)


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest) -> FlexmeasuresServer:
    url = os.environ.get("TEST_FLEXMEASURES_URL")
    if url:
        return FlexmeasuresServer(url, os.environ["TEST_FLEXMEASURES_TOKEN"])
    stack = request.getfixturevalue("servers")
    return FlexmeasuresServer(
        f"http://127.0.0.1:{stack.ports.flexmeasures}",
        stack.secrets["FLEXMEASURES_PROVISION_TOKEN"],
    )


def clouds() -> dict[int, float]:
    """How much of the clear sky each local day has, 0.4 to 1."""
    chance = random.Random(4)  # noqa: S311 - weather, no secret
    return {day: chance.uniform(0.4, 1.0) for day in range(-HISTORY - 1, 3)}


def sun_kw(slot: datetime, sky: dict[int, float]) -> float:
    """100 kW at most, negative; 0 at night to the last digit, as a meter has it."""
    local = slot + TO_LOCAL
    hour = local.hour + local.minute / 60
    if not 6 < hour < 18:
        return 0.0
    day = (local.date() - (SLOT + TO_LOCAL).date()).days
    return -100 * math.sin((hour - 6) * math.pi / 12) * sky[day]


def mean_error(method: ForecastMethod, came: dict[datetime, float]) -> float:
    """The error in kW over the day ahead, nights left out."""
    row = Forecast.objects.get(quantity=PV, method=method)
    made = Made(row.made_at, row.start, points_read(row.points))
    errors = slot_errors(made=[made], measured=came, skip_zeros=True)
    return sum(errors.values()) / len(errors)


def test_sun_is_learned_and_beats_yesterday(island: Island, real: FlexmeasuresServer) -> None:
    sky = clouds()
    came = {SLOT + n * timedelta(minutes=15): 0.0 for n in range(192)}
    came = {slot: sun_kw(slot, sky) for slot in came}
    measure([island.pv_1], lambda slot: sun_kw(slot, sky), start=SLOT - HISTORY * DAY, end=SLOT)
    provision(server=real, now=NOW - timedelta(hours=1))
    forecasts_make(now=NOW)

    run = forecasts_train(server=real, now=NOW)

    assert run is not None
    assert (run.quantity, run.reason_code) == (PV, "")
    forecast = Forecast.objects.get(method=ForecastMethod.FLEXMEASURES)
    # By the median it would be zero all day, see MODEL_PARAMS.
    assert min(row[0] for row in forecast.points if row[0] is not None) < -30
    assert max(row[0] for row in forecast.points if row[0] is not None) <= 0
    trained = mean_error(ForecastMethod.FLEXMEASURES, came)
    naive = mean_error(ForecastMethod.PERSISTENCE, came)
    assert trained < naive, (trained, naive)
    assert forecast.duration_s is not None
