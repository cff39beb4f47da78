"""One device: what it is, what it measures now, its set-points and its alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.assets.choices import DeviceKind, Quality, Quantity
from apps.assets.models import Device, HandsOffChange, Sensor, Setpoint
from apps.assets.selectors import STALE_POLLS, STORING_DELAY_S
from apps.assets.selectors.alarms import AlarmRow, alarms_history, alarms_open
from apps.console.formats import number_or_none

SETPOINTS_SHOWN = 20
ALARMS_SHOWN = 10
# The order in which somebody asks; the others follow by name.
QUANTITY_ORDER = (
    Quantity.POWER_KW,
    Quantity.SOC_PERCENT,
    Quantity.ENERGY_IMPORT_KWH,
    Quantity.ENERGY_EXPORT_KWH,
)
PRODUCED = (Quantity.POWER_KW, Quantity.DC_POWER_KW)


@dataclass(frozen=True, slots=True)
class SensorLine:
    """One sensor now. A PV plant's power is shown as production, so it is positive here."""

    sensor_id: int
    quantity: str
    channel: str
    label: str
    unit: str
    value: float | None
    quality: str
    at: datetime | None
    age_s: float | None


@dataclass(frozen=True, slots=True)
class HandsOff:
    """Why nothing is written: for the device alone or for its whole site."""

    is_site: bool
    since: datetime | None
    reason: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Everything the page of one device shows beside its chart."""

    device: Device
    writing: str
    """`hands_off`, `controlled` or `read_only`."""
    hands_off: tuple[HandsOff, ...]
    sensors: tuple[SensorLine, ...]
    setpoints: tuple[Setpoint, ...]
    open_alarms: tuple[AlarmRow, ...]
    past_alarms: tuple[AlarmRow, ...]
    may_acknowledge: bool

    @property
    def whole_sensors(self) -> tuple[SensorLine, ...]:
        """The sensors of the device as a whole; all of them when it has only parts."""
        return tuple(line for line in self.sensors if not line.channel) or self.sensors

    @property
    def part_sensors(self) -> tuple[SensorLine, ...]:
        """The sensors of single phases, strings and the like."""
        if not any(not line.channel for line in self.sensors):
            return ()
        return tuple(line for line in self.sensors if line.channel)

    @property
    def is_controllable(self) -> bool:
        """True when set-points make sense for it."""
        return bool(self.device.control_enabled or self.setpoints)


def device_page(*, device_id: int, now: datetime, may_acknowledge: bool) -> DevicePage | None:
    """The page of a device, None when there is none; at most seven queries."""
    device = Device.objects.select_related("site").filter(pk=device_id).first()
    if device is None:
        return None
    is_held = device.hands_off or device.site.hands_off
    writing = "controlled" if device.control_enabled else "read_only"
    setpoints = Setpoint.objects.filter(device=device).select_related("requested_by")
    return DevicePage(
        device=device,
        writing="hands_off" if is_held else writing,
        hands_off=_hands_off(device) if is_held else (),
        sensors=sensor_lines(device, now=now),
        setpoints=tuple(setpoints.order_by("-id")[:SETPOINTS_SHOWN]),
        open_alarms=tuple(alarms_open(device_id=device.pk)),
        past_alarms=alarms_history(device_id=device.pk, limit=ALARMS_SHOWN).rows,
        may_acknowledge=may_acknowledge,
    )


def sensor_lines(device: Device, *, now: datetime) -> tuple[SensorLine, ...]:
    """The sensors of a device with their newest values. One query."""
    sensors = Sensor.objects.filter(device=device).select_related("latest")
    lines = [_line(device, sensor, now) for sensor in sensors]
    return tuple(sorted(lines, key=_order))


def sensor_label(quantity: str, channel: str, *, kind: str) -> str:
    """What a sensor measures, in words: `Power`, `Voltage l1`, `Production`."""
    if kind == DeviceKind.PV and quantity == Quantity.POWER_KW:
        label = _("Production")
    else:
        label = str(Quantity(quantity).label)
    return f"{label} {channel}".rstrip()


def is_flipped(quantity: str, *, kind: str) -> bool:
    """True where the reader wants production positive."""
    return kind == DeviceKind.PV and quantity in PRODUCED


def _line(device: Device, sensor: Sensor, now: datetime) -> SensorLine:
    latest = getattr(sensor, "latest", None)
    value = number_or_none(latest.value) if latest else None
    if value is not None and is_flipped(sensor.quantity, kind=device.kind):
        value = 0.0 - value
    age_s = max(0.0, (now - latest.at).total_seconds()) if latest else None
    return SensorLine(
        sensor_id=sensor.pk,
        quantity=sensor.quantity,
        channel=sensor.channel,
        label=sensor_label(sensor.quantity, sensor.channel, kind=device.kind),
        unit=Quantity(sensor.quantity).unit,
        value=value,
        quality=_quality(device, sensor, age_s, latest.quality if latest else 0),
        at=latest.at if latest else None,
        age_s=age_s,
    )


def _quality(device: Device, sensor: Sensor, age_s: float | None, quality: int) -> str:
    if age_s is None:
        return "unknown"
    late_after_s = STALE_POLLS * (sensor.period_s or device.poll_period_s) + STORING_DELAY_S
    return Quality.STALE.word if age_s > late_after_s else Quality(quality).word


def _order(line: SensorLine) -> tuple[int, int, str]:
    known = [str(quantity) for quantity in QUANTITY_ORDER]
    place = known.index(line.quantity) if line.quantity in known else len(known)
    return (1 if line.channel else 0, place, line.label)


def _hands_off(device: Device) -> tuple[HandsOff, ...]:
    """The last switch of the device and of its site, as far as they are on. At most two queries."""
    changes = HandsOffChange.objects.filter(is_on=True).select_related("changed_by")
    found = []
    if device.hands_off:
        found.append(_switch(changes.filter(device=device).first(), is_site=False))
    if device.site.hands_off:
        found.append(_switch(changes.filter(site=device.site).first(), is_site=True))
    return tuple(found)


def _switch(change: HandsOffChange | None, *, is_site: bool) -> HandsOff:
    if change is None:
        return HandsOff(is_site, None, "", "")
    by = change.changed_by
    return HandsOff(
        is_site,
        change.changed_at,
        change.reason,
        (by.get_full_name() or by.get_username()) if by else "",
    )


def chosen_sensor(sensors: Sequence[SensorLine], text: str) -> SensorLine | None:
    """The sensor of an id that came with the address, else the first; None without sensors."""
    wanted = int(text) if text.isdecimal() and len(text) < 19 else None
    return next((s for s in sensors if s.sensor_id == wanted), sensors[0] if sensors else None)
