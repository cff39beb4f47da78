"""Finding SunSpec models, and what single points and units come to."""

import asyncio

import pytest

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError, DeviceRefusalError
from apps.assets.drivers.sunspec_catalogue import layout, point_decode, point_encode
from apps.assets.drivers.sunspec_scan import Block, scan
from apps.assets.drivers.sunspec_units import (
    consumption_kw_from_import_w,
    consumption_kw_from_injection_w,
    injection_w_from_consumption_kw,
    limit_percent_from_consumption_kw,
)
from tests.assets.sunspec import FakeRegisters, device_at, model_registers, named

NOT_IMPLEMENTED = {
    "int16": 0x8000,
    "uint16": 0xFFFF,
    "sunssf": 0x8000,
    "enum16": 0xFFFF,
    "uint64": 0xFFFF,
    "bitfield16": 0x8001,
}


@pytest.mark.parametrize(
    ("injection_w", "consumption_kw"), [(5000.0, -5.0), (0.0, 0.0), (-5000.0, 5.0)]
)
def test_sign_is_turned_once_each_way(injection_w: float, consumption_kw: float) -> None:
    assert consumption_kw_from_injection_w(injection_w) == consumption_kw
    assert injection_w_from_consumption_kw(consumption_kw) == injection_w


@pytest.mark.parametrize(("import_w", "kw"), [(5000.0, 5.0), (0.0, 0.0), (-5000.0, -5.0)])
def test_import_is_consumption(import_w: float, kw: float) -> None:
    assert consumption_kw_from_import_w(import_w) == kw


def test_zero_watts_is_plain_zero() -> None:
    assert str(consumption_kw_from_injection_w(0)) == "0.0"
    assert str(consumption_kw_from_import_w(-0.0)) == "0.0"
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
    found = asyncio.run(scan(device_at(40000, named("Cari"), model_registers(103)).read))

    assert (found.manufacturer, found.serial_number) == ("Cari", "")


def test_scan_takes_the_names_of_the_first_common_model() -> None:
    """SolarEdge puts the models of its meter, with names of their own, behind the inverter's."""
    device = device_at(
        40000, named("SolarEdge"), model_registers(103), named("WattNode"), model_registers(203)
    )

    assert asyncio.run(scan(device.read)).manufacturer == "SolarEdge"


def test_scan_keeps_the_ratings() -> None:
    nameplate = model_registers(120, WRtg=500, WRtg_SF=1, MaxDisChaRte=48, MaxDisChaRte_SF=2)

    found = asyncio.run(scan(device_at(40000, model_registers(1), nameplate).read))

    assert found.rating(120, "WRtg") == 5000.0
    assert found.rating(120, "MaxDisChaRte") == 4800.0
    assert found.rating(120, "MaxChaRte") is None
    assert found.rating(702, "WMax") is None


def test_scan_walks_over_models_it_does_not_know() -> None:
    vendor = [65001, 3, 1, 2, 3]

    found = asyncio.run(scan(device_at(40000, vendor, model_registers(103)).read))

    assert found.model_list == "65001, 103"
    assert found.blocks[1] == Block(103, 40007, 52)


def test_scan_without_map_is_garbled() -> None:
    with pytest.raises(DeviceGarbledError, match="no SunSpec map"):
        asyncio.run(scan(FakeRegisters({40000: [1, 2]}).read))


@pytest.mark.parametrize(
    "marker", [[0x6E53, 0x5375], [0x7553, 0x536E]], ids=["words swapped", "bytes swapped"]
)
def test_wrong_word_order_is_no_sunspec_map(marker: list[int]) -> None:
    """A device or gateway that swaps is found out before a single value is believed."""
    with pytest.raises(DeviceGarbledError, match="no SunSpec map"):
        asyncio.run(scan(FakeRegisters({40000: [*marker, *model_registers(103)]}).read))


@pytest.mark.parametrize("broken", [[0, 5], [103, 0]])
def test_scan_of_a_broken_chain_is_garbled(broken: list[int]) -> None:
    device = FakeRegisters({40000: [0x5375, 0x6E53, *broken, 0, 0, 0, 0, 0]})

    with pytest.raises(DeviceGarbledError, match="broken SunSpec chain at 40002"):
        asyncio.run(scan(device.read))


def test_scan_of_a_chain_without_end_is_garbled() -> None:
    endless = [0x5375, 0x6E53, *([65001, 1, 0] * 70)]

    with pytest.raises(DeviceGarbledError, match="longer than 64 models"):
        asyncio.run(scan(FakeRegisters({40000: endless}).read))


def test_scan_passes_on_another_refusal() -> None:
    class Busy(FakeRegisters):
        async def read(self, address: int, count: int) -> list[int]:
            raise DeviceRefusalError(6, "busy")

    with pytest.raises(DeviceRefusalError, match="busy"):
        asyncio.run(scan(Busy({}).read))


def test_a_model_that_repeats_tells_its_groups_from_its_length() -> None:
    block = Block(160, 40100, 10 + 2 * 20)

    assert block.repeats == 2
    # 160: 10 registers of its own, then modules of 20: DCW is +11 in its module.
    assert block.span("module1.DCW") == Span(40121, 1)
    assert block.span("module2.DCW") == Span(40141, 1)
    assert block.scale_factor("module2.DCW") == "DCW_SF"


def test_a_point_behind_the_end_of_a_shorter_model_has_no_registers() -> None:
    assert Block(103, 40070, 40).span("Evt1") is None


@pytest.mark.parametrize("kind", sorted(NOT_IMPLEMENTED))
def test_point_that_is_not_implemented_decodes_to_none(kind: str) -> None:
    size = 4 if kind == "uint64" else 1
    assert point_decode(kind, [NOT_IMPLEMENTED[kind]] * size) is None


def test_bits_are_ignored_when_the_highest_is_set() -> None:
    assert point_decode("bitfield32", [0x8000, 0x0001]) is None
    assert point_decode("bitfield32", [0x4000, 0x0001]) == 0x40000001


def test_point_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DeviceGarbledError, match="does not fit int16"):
        point_encode("int16", 40_000)


def test_symbols_have_words() -> None:
    assert layout(103)["Evt1"].symbols[7].label == "Over temp"
    assert layout(203)["Evt"].symbols[3].label == "Under voltage"
    assert layout(701)["Alrm"].symbols[7].label == "Over Temperature"


def test_coalesce_never_reads_more_than_one_request_may_carry() -> None:
    spans = [Span(0, 2), Span(100, 2), Span(123, 2), Span(124, 2), Span(300, 4)]

    assert coalesce(spans) == (Span(0, 125), Span(124, 2), Span(300, 4))
    assert coalesce([Span(10, 2), Span(0, 4), Span(2, 4)]) == (Span(0, 12),)
