"""SunSpec set-points: which registers, in which order, and what reads back."""

import asyncio

import pytest

from apps.assets.drivers.errors import DeviceGarbledError, SetpointUnsupportedError
from apps.assets.drivers.sunspec_control import RegisterWrite, SetpointWriter, can_control
from apps.assets.drivers.sunspec_scan import Block, Registers, SunspecMap, scan
from tests.assets.sunspec import device_at, model_registers

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
    shown = registers_of(40277, model_registers(704, WSet_SF=0, WSetRvrtTms=0))

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
    shown = registers_of(40277, model_registers(704, WSet_SF=2, WSetRvrtTms=0))

    writes = writer.writes(power_kw=-42.06, reversion_s=60, registers=shown)

    assert writes[0] == RegisterWrite(40300, (1, 0, 421))


def test_battery_setpoint_without_scale_factor_is_refused() -> None:
    writer = SetpointWriter(BATTERY, is_battery=True, rated_power_kw=100.0)

    with pytest.raises(DeviceGarbledError, match="WSet has no scale factor"):
        writer.writes(
            power_kw=1.0,
            reversion_s=60,
            registers=registers_of(40277, model_registers(704, WSetRvrtTms=0)),
        )


@pytest.mark.parametrize(("power_kw", "raw"), [(-30.0, 3000), (0.0, 0), (-100.0, 10000)])
def test_pv_limit_is_written_value_timer_enable(power_kw: float, raw: int) -> None:
    writer = SetpointWriter(PV, is_battery=False, rated_power_kw=100.0)
    shown = registers_of(40122, model_registers(123, WMaxLimPct_SF=-2, WMaxLimPct_RvrtTms=0))

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
        with pytest.raises(SetpointUnsupportedError, match="no set-point in models 103"):
            SetpointWriter(only_measures, is_battery=is_battery, rated_power_kw=1.0)


# --- batteries of model 124 ---

# WChaMax is 10 kW here. 124: WChaMax +2, StorCtl_Mod +5, OutWRte +12, InWRte +13, WinTms +14,
# RvrtTms +15, WChaMax_SF +18, InOutWRte_SF +25.
STORAGE = {"WChaMax": 1000, "WChaMax_SF": 1, "InOutWRte_SF": -2, "InOutWRte_RvrtTms": 0}


def battery_124(**ratings: int) -> SunspecMap:
    device = device_at(
        40000,
        model_registers(1),
        model_registers(120, **ratings),
        model_registers(124),
        model_registers(802),
        model_registers(713),
    )
    return asyncio.run(scan(device.read))


def writer_124(**ratings: int) -> tuple[SetpointWriter, int]:
    """The writer, and the address of its model 124 (1: 40002 + 68, 120: + 28)."""
    return SetpointWriter(battery_124(**ratings), is_battery=True, rated_power_kw=10.0), 40098


@pytest.mark.parametrize(
    ("power_kw", "out_w_rte", "in_w_rte"),
    [
        # Charging 4 of 10 kW: in 40.00 %, and out -40.00 % so that it is no less.
        (4.0, 0x10000 - 4000, 4000),
        (0.0, 0, 0),
        (-4.0, 4000, 0x10000 - 4000),
        # Held at the rating.
        (12.0, 0x10000 - 10000, 10000),
    ],
)
def test_battery_of_model_124_is_held_at_one_power(
    power_kw: float, out_w_rte: int, in_w_rte: int
) -> None:
    writer, base = writer_124()
    shown = registers_of(base, model_registers(124, **STORAGE))

    writes = writer.writes(power_kw=power_kw, reversion_s=90, registers=shown)

    assert writes == [
        RegisterWrite(base + 12, (out_w_rte, in_w_rte)),
        RegisterWrite(base + 15, (90,)),
        RegisterWrite(base + 5, (3,)),
    ]


def test_discharging_is_in_percent_of_the_nameplate_s_discharge_rate() -> None:
    writer, base = writer_124(MaxDisChaRte=5000, MaxDisChaRte_SF=0)
    shown = registers_of(base, model_registers(124, **STORAGE))

    writes = writer.writes(power_kw=-4.0, reversion_s=90, registers=shown)

    # 4 of 5 kW discharging is 80 %; the same 4 kW are 40 % of the 10 kW of charging.
    assert writes[0].registers == (8000, 0x10000 - 4000)


def test_battery_of_model_124_reads_back_in_both_directions() -> None:
    writer, base = writer_124()
    for power_kw in (4.0, 0.0, -4.0):
        percent = round(power_kw * 1000)
        shown = registers_of(
            base,
            model_registers(
                124,
                **{**STORAGE, "InOutWRte_RvrtTms": 90},
                OutWRte=-percent,
                InWRte=percent,
                StorCtl_Mod=3,
            ),
        )

        readback = writer.readback(shown)

        assert readback.power_kw == pytest.approx(power_kw)
        assert readback.reversion_s == 90
        assert writer.matches(readback, power_kw=power_kw, registers=shown)
        assert not writer.matches(readback, power_kw=power_kw + 1.0, registers=shown)


@pytest.mark.parametrize(("mode", "out_w_rte"), [(1, -4000), (2, -4000), (0, -4000), (3, 10_000)])
def test_a_window_or_half_a_limit_is_not_our_set_point(mode: int, out_w_rte: int) -> None:
    writer, base = writer_124()
    shown = registers_of(
        base,
        model_registers(124, **STORAGE, OutWRte=out_w_rte, InWRte=4000, StorCtl_Mod=mode),
    )

    assert not writer.matches(writer.readback(shown), power_kw=4.0, registers=shown)


def test_percent_of_nothing_is_refused() -> None:
    writer, base = writer_124()
    shown = registers_of(base, model_registers(124, InOutWRte_SF=-2, InOutWRte_RvrtTms=0))

    with pytest.raises(SetpointUnsupportedError, match="WChaMax"):
        writer.writes(power_kw=1.0, reversion_s=60, registers=shown)


def test_release_of_model_124_lifts_both_limits() -> None:
    writer, base = writer_124()

    assert writer.release() == [RegisterWrite(base + 5, (0,))]


def test_battery_is_never_steered_through_713_or_802() -> None:
    bank = SunspecMap(40000, (Block(802, 40070, 64), Block(713, 40134, 9)), "", "", "")

    assert not can_control(bank, is_battery=True)
    with pytest.raises(SetpointUnsupportedError, match="no set-point in models 802, 713"):
        SetpointWriter(bank, is_battery=True, rated_power_kw=1.0)


# --- what a limit is a percentage of, and what is refused ---


def test_pv_limit_is_in_percent_of_what_the_device_says_its_maximum_is() -> None:
    """Rated 100 kW here, but set to 80 kW in the device: 20 kW are 25 % for it."""
    device = device_at(
        40000,
        model_registers(1),
        model_registers(120, WRtg=1000, WRtg_SF=2),
        model_registers(121, WMax=800, WMax_SF=2),
        model_registers(123),
    )
    writer = SetpointWriter(asyncio.run(scan(device.read)), is_battery=False, rated_power_kw=100.0)
    # 1: 40002 + 68, 120: + 28, 121: + 32 -> 123 at 40130.
    shown = registers_of(40130, model_registers(123, WMaxLimPct_SF=-2, WMaxLimPct_RvrtTms=0))

    writes = writer.writes(power_kw=-20.0, reversion_s=60, registers=shown)

    assert writes[0] == RegisterWrite(40135, (2500,))


@pytest.mark.parametrize(
    ("device", "model", "is_battery", "point"),
    [
        (BATTERY, model_registers(704, WSet_SF=0), True, "WSetRvrtTms of model 704"),
        (PV, model_registers(123, WMaxLimPct_SF=-2), False, "WMaxLimPct_RvrtTms of model 123"),
    ],
)
def test_a_device_without_reversion_timer_is_refused(
    device: SunspecMap, model: list[int], is_battery: bool, point: str
) -> None:
    writer = SetpointWriter(device, is_battery=is_battery, rated_power_kw=100.0)
    shown = registers_of(device.blocks[0].address, model)

    with pytest.raises(SetpointUnsupportedError, match=f"no reversion timer: {point}") as refusal:
        writer.writes(power_kw=-1.0, reversion_s=60, registers=shown)

    assert not refusal.value.retryable


def test_a_model_cut_off_before_its_controls_is_refused() -> None:
    short = SunspecMap(40000, (Block(704, 40277, 20),), "", "", "")

    with pytest.raises(SetpointUnsupportedError, match="cut off"):
        _ = SetpointWriter(short, is_battery=True, rated_power_kw=1.0).spans
