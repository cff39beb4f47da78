"""SunSpec decoding and set-point encoding: numbers by hand from the model tables."""

import asyncio
from collections.abc import Mapping

import pytest

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError, DeviceRefusalError
from apps.assets.drivers.measurement import Measurement
from apps.assets.drivers.sunspec import (
    Block,
    MeasurementReader,
    Registers,
    SunspecMap,
    consumption_kw_from_injection_w,
    injection_w_from_consumption_kw,
    layout,
    limit_percent_from_consumption_kw,
    point_decode,
    point_encode,
    scan,
)
from apps.assets.drivers.sunspec_control import RegisterWrite, SetpointWriter

NOT_IMPLEMENTED = {
    "int16": 0x8000,
    "uint16": 0xFFFF,
    "sunssf": 0x8000,
    "enum16": 0xFFFF,
    "uint64": 0xFFFF,
}


class FakeRegisters:
    """Registers by address; others answer exception 2, as a device without them does."""

    def __init__(self, registers: Mapping[int, list[int]]) -> None:
        self.at: dict[int, int] = {}
        self.reads: list[tuple[int, int]] = []
        for address, values in registers.items():
            self.at.update(enumerate(values, start=address))

    async def read(self, address: int, count: int) -> list[int]:
        self.reads.append((address, count))
        try:
            return [self.at[n] for n in range(address, address + count)]
        except KeyError:
            raise DeviceRefusalError(2, "illegal data address") from None


def model_registers(model_id: int, **raw: float) -> list[int]:
    """A model with the given raw values; the rest is not implemented."""
    points = layout(model_id).points
    registers = [0xFFFF] * sum(point.size for point in points.values())
    for point in points.values():
        filler = {"int16": 0x8000, "sunssf": 0x8000, "acc32": 0, "string": 0}.get(point.kind)
        if filler is not None:
            registers[point.offset : point.offset + point.size] = [filler] * point.size
    for name, value in {"ID": model_id, "L": len(registers) - 2, **raw}.items():
        point = points[name]
        registers[point.offset : point.offset + point.size] = point_encode(point.kind, value)
    return registers


def device_at(base: int, *models: list[int]) -> FakeRegisters:
    chain = [0x5375, 0x6E53, *(register for model in models for register in model), 0xFFFF, 0]
    return FakeRegisters({base: chain})


def measured(*models: list[int]) -> Measurement:
    device = device_at(40000, *models)

    async def poll() -> Measurement:
        reader = MeasurementReader(await scan(device.read))
        registers = Registers()
        for span in reader.spans:
            registers.add(span.address, await device.read(span.address, span.count))
        return reader.decode(registers)

    return asyncio.run(poll())


@pytest.mark.parametrize(
    ("injection_w", "consumption_kw"), [(5000.0, -5.0), (0.0, 0.0), (-5000.0, 5.0)]
)
def test_sign_is_turned_once_each_way(injection_w: float, consumption_kw: float) -> None:
    assert consumption_kw_from_injection_w(injection_w) == consumption_kw
    assert injection_w_from_consumption_kw(consumption_kw) == injection_w


def test_zero_watts_is_plain_zero() -> None:
    assert str(consumption_kw_from_injection_w(0)) == "0.0"
    assert str(injection_w_from_consumption_kw(0)) == "0.0"


@pytest.mark.parametrize(
    ("power_kw", "percent"), [(0, 0), (-30, 30), (-100, 100), (-130, 100), (5, 0)]
)
def test_pv_limit_in_percent_of_the_rating(power_kw: float, percent: float) -> None:
    assert limit_percent_from_consumption_kw(power_kw, 100.0) == percent


@pytest.mark.parametrize("base", [40000, 50000, 0])
def test_scan_finds_the_map_at_each_base(base: int) -> None:
    device = device_at(base, model_registers(1), model_registers(103), model_registers(123))

    found = asyncio.run(scan(device.read))

    assert found.base_address == base
    assert found.model_list == "1, 103, 123"
    # 103 has 50 registers, 123 has 24, each with a header of 2.
    assert [(b.address - base, b.length) for b in found.blocks] == [(2, 68), (70, 52), (122, 26)]


def test_scan_reads_the_names_of_model_1() -> None:
    common = model_registers(1)
    common[2:5] = [0x4361, 0x7269, 0]  # "Cari"

    found = asyncio.run(scan(device_at(40000, common, model_registers(103)).read))

    assert (found.manufacturer, found.serial_number) == ("Cari", "")


def test_scan_walks_over_models_it_does_not_know() -> None:
    vendor = [64111, 3, 1, 2, 3]

    found = asyncio.run(scan(device_at(40000, vendor, model_registers(103)).read))

    assert found.model_list == "64111, 103"
    assert found.blocks[1] == Block(103, 40007, 52)


def test_scan_without_map_is_garbled() -> None:
    with pytest.raises(DeviceGarbledError, match="no SunSpec map"):
        asyncio.run(scan(FakeRegisters({40000: [1, 2]}).read))


@pytest.mark.parametrize("broken", [[0, 5], [103, 0]])
def test_scan_of_a_broken_chain_is_garbled(broken: list[int]) -> None:
    device = FakeRegisters({40000: [0x5375, 0x6E53, *broken, 0, 0, 0, 0, 0]})

    with pytest.raises(DeviceGarbledError, match="broken SunSpec chain at 40002"):
        asyncio.run(scan(device.read))


def test_scan_passes_on_another_refusal() -> None:
    class Busy(FakeRegisters):
        async def read(self, address: int, count: int) -> list[int]:
            raise DeviceRefusalError(6, "busy")

    with pytest.raises(DeviceRefusalError, match="busy"):
        asyncio.run(scan(Busy({}).read))


@pytest.mark.parametrize(
    ("raw_w", "exponent", "power_kw"),
    [(825, 1, -8.25), (0, 0, 0.0), (-825, 1, 8.25), (12345, -1, -1.2345), (30000, 0, -30.0)],
)
@pytest.mark.parametrize("model_id", [101, 102, 103])
def test_inverter_power(model_id: int, raw_w: int, exponent: int, power_kw: float) -> None:
    model = model_registers(model_id, W=raw_w, W_SF=exponent, WH=123456, WH_SF=0)

    measurement = measured(model_registers(1), model)

    assert measurement.values == pytest.approx(
        {("power_kw", ""): power_kw, ("energy_export_kwh", ""): 123.456}
    )


@pytest.mark.parametrize(("watts", "power_kw"), [(8250.5, -8.2505), (0.0, 0.0), (-8250.5, 8.2505)])
@pytest.mark.parametrize("model_id", [111, 112, 113])
def test_float_inverter_power(model_id: int, watts: float, power_kw: float) -> None:
    measurement = measured(model_registers(model_id, W=watts, WH=5000.0))

    assert measurement.values == pytest.approx(
        {("power_kw", ""): power_kw, ("energy_export_kwh", ""): 5.0}
    )


def test_float_nan_is_not_implemented() -> None:
    model = model_registers(113, WH=5000.0)
    offset = layout(113)["W"].offset
    model[offset : offset + 2] = [0x7FC0, 0]

    assert measured(model).values == {("energy_export_kwh", ""): 5.0}


@pytest.mark.parametrize(("raw_w", "power_kw"), [(4200, -42.0), (0, 0.0), (-4200, 42.0)])
def test_battery_measurement(raw_w: int, power_kw: float) -> None:
    ac = model_registers(701, W=raw_w, W_SF=1, TotWhInj=10_000, TotWhAbs=25_000, TotWh_SF=0)
    storage = model_registers(713, SoC=5725, Pct_SF=-2)

    measurement = measured(model_registers(1), ac, model_registers(704), storage)

    assert measurement.values == pytest.approx(
        {
            ("power_kw", ""): power_kw,
            ("energy_export_kwh", ""): 10.0,
            ("energy_import_kwh", ""): 25.0,
            ("soc_percent", ""): 57.25,
        }
    )


def test_what_is_not_implemented_is_absent() -> None:
    assert measured(model_registers(701), model_registers(713)).values == {}


@pytest.mark.parametrize("exponent", [-32768, 11, -11, 3000])
def test_a_missing_or_absurd_scale_factor_gives_no_value(exponent: int) -> None:
    assert measured(model_registers(103, W=825, W_SF=exponent)).values == {}


def test_device_without_power_is_refused() -> None:
    with pytest.raises(DeviceGarbledError, match="no power measurement in models 1, 713"):
        measured(model_registers(1), model_registers(713))


@pytest.mark.parametrize("kind", sorted(NOT_IMPLEMENTED))
def test_point_that_is_not_implemented_decodes_to_none(kind: str) -> None:
    size = 4 if kind == "uint64" else 1
    assert point_decode(kind, [NOT_IMPLEMENTED[kind]] * size) is None


def test_point_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DeviceGarbledError, match="does not fit int16"):
        point_encode("int16", 40_000)


def test_battery_is_read_in_two_requests_and_pv_in_one() -> None:
    battery = device_at(
        40000,
        model_registers(1),
        model_registers(701),
        model_registers(702),
        model_registers(704),
        model_registers(713),
    )
    pv = device_at(40000, model_registers(1), model_registers(103), model_registers(123))

    battery_spans = MeasurementReader(asyncio.run(scan(battery.read))).spans
    pv_spans = MeasurementReader(asyncio.run(scan(pv.read))).spans

    # 701 begins at 40070: W at +10 to TotWh_SF at +120. With 702 (52) and 704 (59 without its
    # groups) before it, 713 begins at 40336: SoC +4 to Pct_SF +8.
    assert battery_spans == (Span(40080, 111), Span(40340, 5))
    assert pv_spans == (Span(40084, 13),)


def test_coalesce_never_reads_more_than_one_request_may_carry() -> None:
    spans = [Span(0, 2), Span(100, 2), Span(123, 2), Span(124, 2), Span(300, 4)]

    assert coalesce(spans) == (Span(0, 125), Span(124, 2), Span(300, 4))
    assert coalesce([Span(10, 2), Span(0, 4), Span(2, 4)]) == (Span(0, 12),)


# --- set-points ---

BATTERY = SunspecMap(40000, (Block(704, 40277, 67),), "", "", "")
PV = SunspecMap(40000, (Block(123, 40122, 26),), "", "", "")


def registers_of(address: int, model: list[int]) -> Registers:
    registers = Registers()
    registers.add(address, model)
    return registers


@pytest.mark.parametrize(
    ("power_kw", "wset"), [(42.0, [0xFFFF, 0x5BF0]), (0.0, [0, 0]), (-42.0, [0, 0xA410])]
)
def test_battery_setpoint_is_written_value_timer_enable(power_kw: float, wset: list[int]) -> None:
    writer = SetpointWriter(BATTERY, is_battery=True, rated_power_kw=100.0)
    shown = registers_of(40277, model_registers(704, WSet_SF=0))

    writes = writer.writes(power_kw=power_kw, reversion_s=60, registers=shown)

    # 704: WSetEna +22, WSetMod +23, WSet +24, WSetEnaRvrt +30, WSetRvrtTms +31.
    # 42 kW of charging is -42000 W = 0xFFFF5BF0; 42 kW of discharging 42000 W = 0xA410.
    assert writes == [
        RegisterWrite(40300, (1, *wset)),
        RegisterWrite(40307, (0, 0, 60)),
        RegisterWrite(40299, (1,)),
    ]


def test_battery_setpoint_follows_the_scale_factor() -> None:
    writer = SetpointWriter(BATTERY, is_battery=True, rated_power_kw=100.0)
    shown = registers_of(40277, model_registers(704, WSet_SF=2))

    writes = writer.writes(power_kw=-42.06, reversion_s=60, registers=shown)

    assert writes[0] == RegisterWrite(40300, (1, 0, 421))


def test_battery_setpoint_without_scale_factor_is_refused() -> None:
    writer = SetpointWriter(BATTERY, is_battery=True, rated_power_kw=100.0)

    with pytest.raises(DeviceGarbledError, match="WSet has no scale factor"):
        writer.writes(
            power_kw=1.0, reversion_s=60, registers=registers_of(40277, model_registers(704))
        )


@pytest.mark.parametrize(("power_kw", "raw"), [(-30.0, 3000), (0.0, 0), (-100.0, 10000)])
def test_pv_limit_is_written_value_timer_enable(power_kw: float, raw: int) -> None:
    writer = SetpointWriter(PV, is_battery=False, rated_power_kw=100.0)
    shown = registers_of(40122, model_registers(123, WMaxLimPct_SF=-2))

    writes = writer.writes(power_kw=power_kw, reversion_s=60, registers=shown)

    # 123: WMaxLimPct +5, WMaxLimPct_RvrtTms +7, WMaxLim_Ena +9.
    assert writes == [
        RegisterWrite(40127, (raw,)),
        RegisterWrite(40129, (60,)),
        RegisterWrite(40131, (1,)),
    ]


def test_release_disables_and_writes_nothing_else() -> None:
    battery = SetpointWriter(BATTERY, is_battery=True, rated_power_kw=100.0)
    pv = SetpointWriter(PV, is_battery=False, rated_power_kw=100.0)

    assert battery.release() == [RegisterWrite(40299, (0,))]
    assert pv.release() == [RegisterWrite(40131, (0,))]


@pytest.mark.parametrize(
    ("wset", "enabled", "is_match"),
    [
        (-42000, 1, True),
        (-41900, 1, True),
        (-41000, 1, False),
        (42000, 1, False),
        (-42000, 0, False),
    ],
)
def test_readback_must_show_the_value_and_be_enabled(
    wset: int, enabled: int, is_match: bool
) -> None:
    writer = SetpointWriter(BATTERY, is_battery=True, rated_power_kw=100.0)
    shown = registers_of(
        40277, model_registers(704, WSet=wset, WSet_SF=0, WSetEna=enabled, WSetRvrtTms=60)
    )

    readback = writer.readback(shown)

    assert readback.power_kw == -wset / 1000
    assert readback.reversion_s == 60
    assert writer.matches(readback, power_kw=42.0, registers=shown) is is_match


def test_pv_readback_is_a_negative_limit() -> None:
    writer = SetpointWriter(PV, is_battery=False, rated_power_kw=80.0)
    shown = registers_of(
        40122,
        model_registers(123, WMaxLimPct=2500, WMaxLimPct_SF=-2, WMaxLim_Ena=1),
    )

    readback = writer.readback(shown)

    assert readback.power_kw == -20.0
    assert writer.matches(readback, power_kw=-20.0, registers=shown)


def test_device_without_controls_takes_no_setpoint() -> None:
    only_measures = SunspecMap(40000, (Block(103, 40070, 52),), "", "", "")

    for is_battery in (True, False):
        with pytest.raises(DeviceGarbledError, match="no set-point in models 103"):
            SetpointWriter(only_measures, is_battery=is_battery, rated_power_kw=1.0)
