"""What the database itself refuses of a device."""

import pytest
from django.db import IntegrityError, transaction

from apps.assets.models import Device
from apps.tenants.models import Operator
from tests.assets.conftest import battery_make


@pytest.mark.parametrize("capacity_kwh", [None, 0.0, -1.0])
def test_a_battery_without_capacity_is_refused(
    operator_a: Operator, capacity_kwh: float | None
) -> None:
    battery = battery_make()

    with pytest.raises(IntegrityError, match="device_battery_has_capacity"), transaction.atomic():
        Device.objects.filter(pk=battery.pk).update(capacity_kwh=capacity_kwh)
