"""From a device's row to what its driver needs."""

from apps.assets.choices import DeviceKind
from apps.assets.drivers.registry import DeviceSpec
from apps.assets.models import Device


def device_spec(device: Device) -> DeviceSpec:
    """What the driver needs to know of a device."""
    return DeviceSpec(
        device_id=device.pk,
        code=device.code,
        driver=device.driver,
        host=device.host,
        port=device.port,
        unit_id=device.unit_id,
        poll_period_s=device.poll_period_s,
        is_battery=device.kind == DeviceKind.BATTERY,
        rated_power_kw=device.rated_power_kw,
        transport=device.transport,
        timeout_s=device.timeout_s,
        inter_frame_delay_s=device.inter_frame_delay_s,
    )
