"""What a person asks a gateway once while commissioning, and how it is answered on its connection.

The answers are JSON: plain dicts, lists, texts and numbers. Every kind is answered over the
connection that polling holds open to that gateway, if it holds one.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from apps.assets.drivers.errors import (
    DeviceError,
    DeviceGarbledError,
    DeviceSilentError,
    DeviceUnreachableError,
)
from apps.assets.drivers.measurement import PointValue
from apps.assets.drivers.modbus import ConnectionPool, ModbusConnection
from apps.assets.drivers.registry import (
    DeviceSpec,
    Driver,
    DriverChoice,
    Identity,
    driver_build,
    driver_choices,
    driver_recognise,
)
from apps.assets.drivers.trace import frame_words

SUNSPEC = "sunspec"
AFTER_REVERSION_S = 2.0
"""How long after its reversion time a device is looked at again."""
LONGEST_TEST_S = 60
"""The longest reversion time of a test write, in seconds."""

# Where a SunSpec device says how large it is, in W and Wh; the first that it implements counts.
_RATED_W = ("121.WMax", "702.WMax", "702.WMaxRtg", "120.WRtg")
_CAPACITY_WH = ("713.WHRtg", "802.WHRtg", "120.WHRtg")

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GatewayAsk:
    """One question. `spec` is None for a unit that is no device yet."""

    job_id: int
    kind: str
    host: str
    port: int
    unit_id: int
    transport: str = "modbus_tcp"
    driver: str = SUNSPEC
    spec: DeviceSpec | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


async def gateway_answer(pool: ConnectionPool, ask: GatewayAsk) -> JsonObject:
    """The answer as JSON. Raises a DeviceError that says why there is none."""
    answer = _KINDS.get(ask.kind)
    if answer is None:
        raise DeviceGarbledError(f"no job of kind {ask.kind}", retryable=False)
    return await answer(pool.get(ask.host, ask.port, ask.transport), ask)


async def _probe(connection: ModbusConnection, ask: GatewayAsk) -> JsonObject:
    """Which device models the unit may be: SunSpec first, then each register map."""
    found: list[JsonObject] = []
    tried: list[JsonObject] = []
    for choice in sorted(driver_choices(), key=lambda choice: choice.name != SUNSPEC):
        try:
            identity = await _recognised(connection, ask, choice)
        except (DeviceSilentError, DeviceUnreachableError) as error:
            if choice.name != SUNSPEC or isinstance(error, DeviceUnreachableError):
                raise
            # Some devices do not answer at all where they have no registers: maps are tried too.
            tried.append({"driver": choice.name, "error": str(error)})
        except DeviceError as error:
            tried.append({"driver": choice.name, "error": str(error)})
        else:
            if identity is None:
                tried.append({"driver": choice.name, "error": "another device"})
            else:
                ratings = await _ratings(connection, ask) if choice.name == SUNSPEC else {}
                found.append({**_found(choice, identity), **ratings})
    return {"found": found, "tried": tried}


async def _ratings(connection: ModbusConnection, ask: GatewayAsk) -> JsonObject:
    """How large a SunSpec device says it is: `rated_power_kw`, `capacity_kwh`, where known."""
    try:
        points = await _driver(connection, ask, SUNSPEC).inspect()
    except DeviceError:
        return {}
    said = {point.name: point.value for point in points}
    ratings = {}
    for name, names in (("rated_power_kw", _RATED_W), ("capacity_kwh", _CAPACITY_WH)):
        values = (said.get(point) for point in names)
        found = next((v for v in values if isinstance(v, int | float) and v > 0), None)
        if found is not None:
            ratings[name] = round(found / 1000.0, 3)
    return ratings


async def _recognised(
    connection: ModbusConnection, ask: GatewayAsk, choice: DriverChoice
) -> Identity | None:
    if choice.name == SUNSPEC:
        return await _driver(connection, ask, SUNSPEC).identify()

    async def read(address: int, count: int, *, table: str = "holding") -> list[int]:
        return await connection.read(ask.unit_id, address, count, table=table)

    return await driver_recognise(choice.name, read)


def _found(choice: DriverChoice, identity: Identity) -> JsonObject:
    return {
        "driver": choice.name,
        "driver_version": identity.driver_version or choice.version,
        "vendor": choice.vendor,
        "model": choice.model,
        "manufacturer": identity.manufacturer,
        "model_name": identity.model_name,
        "serial_number": identity.serial_number,
        "models": identity.models,
        "kinds": list(identity.kinds or choice.kinds),
        "tried_on": choice.tried_on,
        "sensors": [{"quantity": s.quantity, "channel": s.channel} for s in identity.sensors],
        "can_control": choice.can_control if identity.can_control is None else identity.can_control,
    }


async def _read(connection: ModbusConnection, ask: GatewayAsk) -> JsonObject:
    points = await _driver(connection, ask).inspect()
    return {"points": [_point(point) for point in points], "at": _now()}


def _point(point: PointValue) -> JsonObject:
    return {
        "name": point.name,
        "quantity": point.quantity,
        "channel": point.channel,
        "address": point.address,
        "registers": list(point.registers),
        "value": point.value,
        "unit": point.unit,
        "is_in_range": point.is_in_range,
        "words": dict(point.words),
    }


async def _test_write(connection: ModbusConnection, ask: GatewayAsk) -> JsonObject:
    """Write, read back, wait until the device's own timer has ended the set-point.

    Half way through, the power is measured: `measured_kw_after`. A device whose timer does not
    end the set-point is released, and `is_released` says False.
    """
    power_kw, reversion_s = _test_parameters(ask)
    driver = _driver(connection, ask)
    measured_before = (await driver.measure()).values.get(("power_kw", ""))
    before = await driver.setpoint_read()
    try:
        readback = await driver.setpoint_write(power_kw=power_kw, reversion_s=reversion_s)
        in_force = await driver.setpoint_read()
        await asyncio.sleep(reversion_s / 2)
        measured_after = (await driver.measure()).values.get(("power_kw", ""))
        await asyncio.sleep(reversion_s / 2 + AFTER_REVERSION_S)
        after = await driver.setpoint_read()
    except BaseException:
        # Whatever ended the test, it must not leave its set-point behind.
        await asyncio.shield(_release(driver))
        raise
    if after is not None:
        await driver.setpoint_release()
    return {
        "asked_kw": power_kw,
        "before_kw": before,
        "readback_kw": readback,
        "is_enabled": in_force is not None,
        "after_reversion_kw": after,
        "is_released": after is None,
        "measured_kw_before": measured_before,
        "measured_kw_after": measured_after,
    }


async def _release(driver: Driver) -> None:
    try:
        await driver.setpoint_release()
    except DeviceError:
        return  # The reversion timer, written before the enable, ends what we cannot.


def _test_parameters(ask: GatewayAsk) -> tuple[float, int]:
    power_kw, reversion_s = ask.parameters.get("power_kw"), ask.parameters.get("reversion_s")
    if ask.spec is None or not isinstance(power_kw, int | float):
        raise DeviceGarbledError("a test write needs a device and a power", retryable=False)
    if not isinstance(reversion_s, int) or not 1 <= reversion_s <= LONGEST_TEST_S:
        raise DeviceGarbledError(
            f"a test write needs a reversion time of 1 to {LONGEST_TEST_S} s", retryable=False
        )
    return float(power_kw), reversion_s


async def _trace(connection: ModbusConnection, ask: GatewayAsk) -> JsonObject:
    if not connection.trace:
        # Nobody polls this gateway: ask the unit who it is, so that there is something to see.
        with contextlib.suppress(DeviceError):
            await _driver(connection, ask).identify()
    entries = connection.trace
    return {
        "entries": [
            {
                "at": entry.at.isoformat(),
                "is_request": entry.is_request,
                "unit_id": entry.unit_id,
                "frame_hex": entry.frame_hex,
                "words": frame_words(entry),
            }
            for entry in entries
        ]
    }


def _driver(connection: ModbusConnection, ask: GatewayAsk, name: str | None = None) -> Driver:
    """A driver of its own for this ask: polling's driver keeps its poll groups."""
    wanted = name or str(ask.parameters.get("driver") or "")
    if ask.spec is not None:
        spec = replace(ask.spec, driver=wanted or ask.spec.driver)
    else:
        spec = DeviceSpec(
            device_id=0,
            code=f"unit-{ask.unit_id}",
            driver=wanted or ask.driver,
            host=ask.host,
            port=ask.port,
            unit_id=ask.unit_id,
            poll_period_s=1.0,
            is_battery=False,
            rated_power_kw=1.0,
            transport=ask.transport,
        )
    try:
        return driver_build(connection, spec)
    except KeyError:
        raise DeviceGarbledError(f"no device model {spec.driver}", retryable=False) from None


def _now() -> str:
    return datetime.now(UTC).isoformat()


_KINDS: Mapping[str, Callable[[ModbusConnection, GatewayAsk], Awaitable[JsonObject]]] = {
    "probe": _probe,
    "read": _read,
    "test_write": _test_write,
    "trace": _trace,
}
