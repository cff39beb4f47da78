"""The list of devices: connection, values, set-point against measurement, alarms in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.assets.choices import AlarmKind
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.assets.selectors.alarms import AlarmRow, alarms_open
from apps.console.viewmodels.assets import AssetNow, device_asset
from apps.console.viewmodels.live import DeviceCounts, device_counts

# A battery follows its set-point when it is within 5 % of it, or within 1 % of its rated power.
FOLLOW_SHARE = 0.05
FOLLOW_RATED_SHARE = 0.01
# The list says by itself what these say.
SHOWN_ANYWAY = (AlarmKind.COMMUNICATION, AlarmKind.STALE, AlarmKind.SETPOINT_NOT_FOLLOWED)


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """One device of the list."""

    asset: AssetNow
    age_s: float | None
    energy_import_kwh: float | None
    energy_export_kwh: float | None
    is_controlled: bool
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DevicesPage:
    """All devices of the operator."""

    counts: DeviceCounts
    pv: tuple[DeviceLine, ...]
    batteries: tuple[DeviceLine, ...]
    meters: tuple[DeviceLine, ...]


def devices_page(*, now: datetime) -> DevicesPage:
    """Every device with its alarms; three queries."""
    devices = devices_latest(now=now)
    alarms = alarms_open()
    return DevicesPage(
        counts=device_counts([device_asset(device) for device in devices]),
        pv=_lines(devices, "pv", alarms),
        batteries=_lines(devices, "battery", alarms),
        meters=_lines(devices, "meter", alarms),
    )


def follows_setpoint(device: DeviceLatest) -> bool:
    """True when the measured power is close to the set-point, or there is none to follow."""
    if device.setpoint_kw is None or device.power_kw is None:
        return True
    tolerance_kw = max(
        FOLLOW_SHARE * abs(device.setpoint_kw), FOLLOW_RATED_SHARE * device.rated_power_kw
    )
    return abs(device.power_kw - device.setpoint_kw) <= tolerance_kw


def device_alarms(device: DeviceLatest) -> tuple[str, ...]:
    """What is wrong with a device, in words; empty when nothing is."""
    alarms: list[str] = []
    asset = device_asset(device)
    if asset.state == "silent":
        alarms.append(_("The device does not answer; its last values are shown."))
    elif asset.state == "error":
        alarms.append(_("The device answers with errors; its last values are shown."))
    elif asset.state == "stale":
        alarms.append(_("The values are late."))
    elif asset.state == "unknown":
        alarms.append(_("The device has not been read yet."))
    elif not follows_setpoint(device):
        alarms.append(_("The measured power differs from the set-point by more than 5 %."))
    return tuple(alarms)


def _lines(
    devices: Sequence[DeviceLatest], kind: str, alarms: Sequence[AlarmRow]
) -> tuple[DeviceLine, ...]:
    raised: dict[int, list[str]] = {}
    for alarm in alarms:
        if alarm.kind not in SHOWN_ANYWAY:
            raised.setdefault(alarm.device_id, []).append(alarm.title)
    return tuple(
        DeviceLine(
            asset=device_asset(device),
            age_s=device.age_s,
            energy_import_kwh=device.energy_import_kwh,
            energy_export_kwh=device.energy_export_kwh,
            is_controlled=device.control_enabled,
            alarms=(*device_alarms(device), *raised.get(device.device_id, ())),
        )
        for device in devices
        if device.kind == kind
    )
