"""Registers to values: types, orders, scales, signs; what is kept and flagged when they are odd."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assets.drivers.errors import DeviceGarbledError
from apps.assets.drivers.map_decode import (
    MapRegisters,
    measurement_decode,
    point_registers,
    point_text,
    point_value,
)
from apps.assets.drivers.map_units import CONVERSIONS, signed_house, signed_wire
from apps.assets.drivers.measurement import Measurement
from apps.assets.drivers.register_map import MapPoint
from tests.assets.maps.support import SMALL_MAP, map_of


def point_of(fields: str) -> MapPoint:
    """The point of a map that has these fields besides its name and address."""
    extra = f"  - {{name: it, address: 40, {fields}}}\n"
    return map_of(SMALL_MAP + extra).by_name["it"]


@pytest.mark.parametrize(
    ("fields", "registers", "value"),
    [
        ("type: u16", [0xFFFF], 65535.0),
        ("type: s16", [0xFFFF], -1.0),
        ("type: u32", [0x0001, 0x0002], 65538.0),
        ("type: u32, word_order: little", [0x0002, 0x0001], 65538.0),
        ("type: s32", [0xFFFF, 0xFFFE], -2.0),
        ("type: u64", [0, 0, 1, 0], 65536.0),
        ("type: u64, word_order: little", [0, 1, 0, 0], 65536.0),
        ("type: s64", [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFD], -3.0),
        # IEEE 754: 230.5 is 0x43668000; as f64 0x406CD00000000000.
        ("type: f32", [0x4366, 0x8000], 230.5),
        ("type: f32, word_order: little", [0x8000, 0x4366], 230.5),
        ("type: f32, byte_order: little", [0x6643, 0x0080], 230.5),
        ("type: f64", [0x406C, 0xD000, 0, 0], 230.5),
        ("type: u16, scale: 0.1", [2305], 230.5),
        ("type: s16, scale: 10", [0xFFFF], -10.0),
        ("type: u16, scale: 0.5, offset: -40", [131], 25.5),
        ("type: enum32", [0, 307], 307.0),
        ("type: bits16", [0x0280], 640.0),
    ],
)
def test_registers_and_values_are_each_other(
    fields: str, registers: list[int], value: float
) -> None:
    point = point_of(fields)

    assert point_value(point, registers) == value
    assert list(point_registers(point, value)) == registers


@given(number=st.integers(-(2**31), 2**31 - 1), order=st.sampled_from(["big", "little"]))
def test_any_number_survives_the_way_to_the_wire_and_back(number: int, order: str) -> None:
    point = point_of(f"type: s32, word_order: {order}, scale: 0.01")

    assert point_value(point, point_registers(point, number / 100)) == number / 100


@pytest.mark.parametrize("value", [-1, 65536])
def test_a_value_that_does_not_fit_is_refused(value: float) -> None:
    with pytest.raises(DeviceGarbledError, match="it: .* does not fit u16"):
        point_registers(point_of("type: u16"), value)


@pytest.mark.parametrize(
    ("fields", "registers"),
    [
        ("type: u32, not_available: [0xFFFFFFFF]", [0xFFFF, 0xFFFF]),
        ("type: u32, word_order: little, not_available: [0x8000]", [0x8000, 0]),
        ("type: f32", [0x7FC0, 0x0000]),  # NaN
        ("type: f32", [0x7F80, 0x0000]),  # infinity
        ("type: f32", [0xFF80, 0x0000]),  # minus infinity
    ],
)
def test_a_value_that_the_device_does_not_know_is_none(fields: str, registers: list[int]) -> None:
    assert point_value(point_of(fields), registers) is None


def test_a_text_ends_at_its_first_nul_and_has_no_control_letters() -> None:
    point = point_of("type: string, registers: 4")

    assert point_text(point, [0x4341, 0x0752, 0x4900, 0x5858]) == "CARI"
    assert point_text(point, [0, 0, 0, 0]) is None
    # Bytes that are no UTF-8 are shown as such, not refused: it is only a name.
    assert point_text(point, [0xFFFF, 0x4100, 0, 0]) == "\ufffd\ufffdA"


@pytest.mark.parametrize(
    ("quantity", "unit", "wire", "house"),
    [
        ("power_kw", "W", 2500.0, 2.5),
        ("power_kw", "MW", 0.5, 500.0),
        ("energy_import_kwh", "Wh", 1500.0, 1.5),
        ("energy_import_kwh", "MWh", 1.5, 1500.0),
        ("voltage_v", "mV", 52100.0, 52.1),
        ("voltage_v", "kV", 20.5, 20500.0),
        ("temperature_c", "K", 300.15, 27.0),
        ("soc_percent", "1", 0.575, 57.5),
        ("frequency_hz", "mHz", 50010.0, 50.01),
    ],
)
def test_units_are_converted_both_ways(quantity: str, unit: str, wire: float, house: float) -> None:
    conversion = CONVERSIONS[quantity][unit]

    assert conversion.to_house(wire) == pytest.approx(house)
    assert conversion.to_wire(house) == pytest.approx(wire)


@pytest.mark.parametrize(("device", "house"), [(5.0, -5.0), (0.0, 0.0), (-5.0, 5.0)])
def test_injection_is_negative_consumption(device: float, house: float) -> None:
    assert signed_house(device, "injection") == house
    assert signed_wire(house, "injection") == device
    assert signed_house(device, "consumption") == device
    assert str(signed_house(0.0, "injection")) == "0.0"


def test_a_counter_rolls_over_where_its_type_and_scale_say() -> None:
    register_map = map_of(
        SMALL_MAP.replace("type: u32, unit: Wh", "type: u32, unit: Wh, scale: 10")
    )

    rollover = {spec.quantity: spec.rollover_kwh for spec in register_map.sensors}

    # 2**32 counts of 10 Wh are 42 949 672.96 kWh.
    assert rollover == {"power_kw": None, "energy_export_kwh": pytest.approx(42_949_672.96)}


def test_a_counter_rolls_over_where_its_display_does() -> None:
    text = SMALL_MAP.replace("unit: Wh, group", "unit: Wh, rolls_over_at: 1000000, group")

    assert map_of(text).by_name["energy"].rollover_kwh == 1000.0


# --- odd registers: what is kept, what is flagged ---


def measured(text: str, registers: dict[int, list[int]]) -> Measurement:
    register_map = map_of(text)
    read = MapRegisters()
    for address, values in registers.items():
        read.add("holding", address, values)
    return measurement_decode(register_map, read, {"fast", "slow"})


def test_a_wrong_word_order_is_kept_and_flagged() -> None:
    # 8250 W the wrong way round are 0x203A0000 = 540 672 000 W.
    measurement = measured(SMALL_MAP, {1: [8250, 0], 3: [0, 5000]})

    assert measurement.values["power_kw", ""] == -540_672.0
    assert measurement.out_of_range == {("power_kw", "")}
    assert measurement.values["energy_export_kwh", ""] == 5.0


def test_garbage_is_kept_and_flagged() -> None:
    measurement = measured(SMALL_MAP, {1: [0xDEAD, 0xBEEF], 3: [0xDEAD, 0xBEEF]})

    # 0xDEADBEEF as s32 is -559 038 737 W; a counter has no range, its jumps are judged later.
    assert measurement.values["power_kw", ""] == 559_038.737
    assert measurement.out_of_range == {("power_kw", "")}
    assert measurement.values["energy_export_kwh", ""] == 3_735_928.559


@pytest.mark.parametrize(("raw_w", "is_flagged"), [(50_000, False), (50_001, True)])
def test_the_ends_of_the_valid_range_are_in_it(raw_w: int, *, is_flagged: bool) -> None:
    measurement = measured(SMALL_MAP, {1: [raw_w >> 16, raw_w & 0xFFFF], 3: [0, 0]})

    assert (("power_kw", "") in measurement.out_of_range) is is_flagged


def test_nan_is_absent_and_nothing_else_is_lost() -> None:
    text = SMALL_MAP.replace("address: 1, type: s32", "address: 1, type: f32")

    measurement = measured(text, {1: [0x7FC0, 0], 3: [0, 5000]})

    assert measurement.values == {("energy_export_kwh", ""): 5.0}
    assert measurement.out_of_range == frozenset()


CLOCK = "  - {name: clock, address: 20, type: u32, clock: unix_s, group: fast}\n"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (1_773_158_400, datetime(2026, 3, 10, 16, 0, tzinfo=UTC)),
        # A clock that lost its battery is told as it is: the alarm judges it, not the driver.
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (0xFFFFFFFF, datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)),
    ],
)
def test_a_wrong_clock_is_told_and_no_value_is_lost(raw: int, shown: datetime) -> None:
    registers = {1: [0, 8250], 3: [0, 5000], 20: [raw >> 16, raw & 0xFFFF]}

    measurement = measured(SMALL_MAP + CLOCK, registers)

    assert measurement.device_at == shown
    assert measurement.values["power_kw", ""] == -8.25


def test_a_clock_beyond_all_calendars_is_none() -> None:
    text = SMALL_MAP + CLOCK.replace("u32", "u64")

    measurement = measured(text, {1: [0, 8250], 3: [0, 0], 20: [0xFFFF] * 4})

    assert measurement.device_at is None
    assert measurement.values["power_kw", ""] == -8.25


FAULTS = """\
  - {name: alarm, address: 30, type: bits16, group: fast}
  - {name: state, address: 31, type: enum16, group: slow, not_available: [0xFFFF]}
faults:
  - point: alarm
    normal: [0]
    faults:
      1: {code: hot, severity: warning, words: {fr: Chaud, en: Hot, es: Caliente}}
  - point: state
    normal: [2]
    faults:
      9: {code: dead, severity: critical, words: {fr: Mort, en: Dead, es: Muerto}}
"""


@pytest.mark.parametrize(
    ("alarm", "state", "faults"),
    [
        (0, 2, []),
        (0b1, 2, []),
        (0b10, 2, [("hot", 1, "Hot")]),
        (0b1010, 9, [("hot", 1, "Hot"), ("alarm.3", 1, ""), ("dead", 2, "Dead")]),
        (0, 0xFFFF, []),
        (0, 4, [("state.4", 1, "")]),
    ],
)
def test_fault_registers_are_told_in_words(
    alarm: int, state: int, faults: list[tuple[str, int, str]]
) -> None:
    registers = {1: [0, 0], 3: [0, 0], 30: [alarm], 31: [state]}

    measurement = measured(SMALL_MAP + FAULTS, registers)

    assert [
        (fault.code, fault.severity, fault.words.get("en", ""))
        for fault in measurement.faults or ()
    ] == faults


def test_faults_are_none_when_no_fault_register_was_due() -> None:
    text = SMALL_MAP + FAULTS.replace("type: bits16, group: fast", "type: bits16, group: slow")
    register_map = map_of(text)
    read = MapRegisters()
    read.add("holding", 1, [0, 0, 0, 0])

    assert measurement_decode(register_map, read, {"fast"}).faults is None


DERIVED = """\
  - {name: charged, address: 32, type: u16, unit: W, group: fast, valid: [0, 5000]}
  - {name: discharged, address: 33, type: u16, unit: W, group: fast, not_available: [0xFFFF]}
derived:
  - {name: battery, quantity: power_kw, channel: battery, group: fast, plus: [charged],
     minus: [discharged]}
"""


@pytest.mark.parametrize(
    ("charged", "discharged", "power_kw"), [(1200, 0, 1.2), (0, 800, -0.8), (0, 0, 0.0)]
)
def test_two_one_sided_registers_become_one_signed_power(
    charged: int, discharged: int, power_kw: float
) -> None:
    registers = {1: [0, 0], 3: [0, 0], 32: [charged], 33: [discharged]}

    measurement = measured(SMALL_MAP + DERIVED, registers)

    assert measurement.values["power_kw", "battery"] == pytest.approx(power_kw)


def test_a_sum_with_an_unknown_part_is_absent_and_with_an_odd_part_flagged() -> None:
    registers = {1: [0, 0], 3: [0, 0], 32: [9000], 33: [0]}

    odd = measured(SMALL_MAP + DERIVED, registers)
    unknown = measured(SMALL_MAP + DERIVED, {**registers, 33: [0xFFFF]})

    assert odd.out_of_range == {("power_kw", "battery")}
    assert ("power_kw", "battery") not in unknown.values
