"""SunSpec measurements: numbers by hand from the model tables."""

import pytest

from apps.assets.drivers.blocks import Span
from apps.assets.drivers.errors import DeviceGarbledError
from apps.assets.drivers.sunspec_catalogue import layout
from tests.assets.sunspec import (
    device_at,
    faults_of,
    measured,
    model_registers,
    named,
    polled,
    reader_of,
    sensors_of,
    values_of,
)

POWER, EXPORTED, IMPORTED = ("power_kw", ""), ("energy_export_kwh", ""), ("energy_import_kwh", "")
SOC, SOH = ("soc_percent", ""), ("soh_percent", "")


@pytest.mark.parametrize(
    ("raw_w", "exponent", "power_kw"),
    [(825, 1, -8.25), (0, 0, 0.0), (-825, 1, 8.25), (12345, -1, -1.2345), (30000, 0, -30.0)],
)
@pytest.mark.parametrize("model_id", [101, 102, 103])
def test_inverter_power(model_id: int, raw_w: int, exponent: int, power_kw: float) -> None:
    model = model_registers(model_id, W=raw_w, W_SF=exponent, WH=123456, WH_SF=0)

    assert values_of(model_registers(1), model) == pytest.approx(
        {POWER: power_kw, EXPORTED: 123.456}
    )


@pytest.mark.parametrize(("watts", "power_kw"), [(8250.5, -8.2505), (0.0, 0.0), (-8250.5, 8.2505)])
@pytest.mark.parametrize("model_id", [111, 112, 113])
def test_float_inverter_power(model_id: int, watts: float, power_kw: float) -> None:
    model = model_registers(model_id, W=watts, WH=5000.0)

    assert values_of(model) == pytest.approx({POWER: power_kw, EXPORTED: 5.0})


@pytest.mark.parametrize("bits", [[0x7FC0, 0], [0xFFC0, 1], [0x7F80, 0], [0xFF80, 0]])
def test_nan_and_infinity_are_no_value(bits: list[int]) -> None:
    model = model_registers(113, WH=5000.0)
    offset = layout(113)["W"].offset
    model[offset : offset + 2] = bits

    assert values_of(model) == {EXPORTED: 5.0}


def test_all_that_an_inverter_says() -> None:
    model = model_registers(
        103,
        W=4200,
        W_SF=0,
        WH=1_000_000,
        WH_SF=1,
        A=182,
        AphA=61,
        AphB=60,
        AphC=61,
        A_SF=-1,
        PhVphA=2301,
        PhVphB=2312,
        PhVphC=2298,
        V_SF=-1,
        Hz=5001,
        Hz_SF=-2,
        VA=4250,
        VA_SF=0,
        VAr=-600,
        VAr_SF=0,
        PF=-988,
        PF_SF=-1,
        DCW=4400,
        DCW_SF=0,
        DCV=6100,
        DCV_SF=-1,
        DCA=72,
        DCA_SF=-1,
        TmpCab=415,
        TmpSnk=502,
        Tmp_SF=-1,
        Evt1=0,
    )

    measurement = measured(named("Any"), model)

    assert measurement.values == pytest.approx(
        {
            POWER: -4.2,
            # 1,000,000 x 10 Wh
            EXPORTED: 10_000.0,
            ("current_a", ""): 18.2,
            ("current_a", "l1"): 6.1,
            ("current_a", "l2"): 6.0,
            ("current_a", "l3"): 6.1,
            ("voltage_v", "l1"): 230.1,
            ("voltage_v", "l2"): 231.2,
            ("voltage_v", "l3"): 229.8,
            ("frequency_hz", ""): 50.01,
            ("apparent_power_kva", ""): 4.25,
            # -600 var are absorbed: consumption
            ("reactive_power_kvar", ""): 0.6,
            ("power_factor", ""): -0.988,
            ("dc_power_kw", ""): -4.4,
            ("voltage_v", "dc"): 610.0,
            ("current_a", "dc"): 7.2,
            ("temperature_c", ""): 41.5,
            ("temperature_c", "heat-sink"): 50.2,
        }
    )
    assert measurement.faults == ()
    assert measurement.out_of_range == frozenset()


@pytest.mark.parametrize(("raw_w", "power_kw"), [(4200, -42.0), (0, 0.0), (-4200, 42.0)])
def test_battery_measurement(raw_w: int, power_kw: float) -> None:
    ac = model_registers(701, W=raw_w, W_SF=1, TotWhInj=10_000, TotWhAbs=25_000, TotWh_SF=0)
    storage = model_registers(713, SoC=5725, SoH=9910, Pct_SF=-2)

    assert values_of(model_registers(1), ac, model_registers(704), storage) == pytest.approx(
        {POWER: power_kw, EXPORTED: 10.0, IMPORTED: 25.0, SOC: 57.25, SOH: 99.1}
    )


def test_battery_of_models_124_and_802() -> None:
    inverter = model_registers(103, W=-500, W_SF=1, WH=2000, WH_SF=0)
    controls = model_registers(124, ChaState=11, ChaState_SF=0)
    bank = model_registers(802, SoC=425, SoC_SF=-1, SoH=97, SoH_SF=0, V=5123, V_SF=-1)

    assert values_of(inverter, controls, bank) == pytest.approx(
        {POWER: 5.0, EXPORTED: 2.0, SOC: 42.5, SOH: 97.0, ("voltage_v", "dc"): 512.3}
    )


def test_state_of_charge_of_model_124_where_no_other_model_says_it() -> None:
    controls = model_registers(124, ChaState=4250, ChaState_SF=-2)

    assert values_of(model_registers(103), controls) == {SOC: 42.5}


@pytest.mark.parametrize(
    ("manufacturer", "raw_w", "power_kw"),
    [
        ("Fronius", 1200, 12.0),
        ("Fronius", 0, 0.0),
        ("Fronius", -1200, -12.0),
        # SolarEdge counts export positive.
        ("SolarEdge", 1200, -12.0),
        ("SolarEdge", -1200, 12.0),
    ],
)
@pytest.mark.parametrize("model_id", [201, 202, 203, 204])
def test_meter_counts_import_positive(
    model_id: int, manufacturer: str, raw_w: int, power_kw: float
) -> None:
    meter = model_registers(model_id, W=raw_w, W_SF=1, TotWhExp=300, TotWhImp=700, TotWh_SF=3)

    # The counters keep their names whatever the sign of the power: 300 x 1000 Wh exported.
    assert values_of(named(manufacturer), meter) == pytest.approx(
        {POWER: power_kw, EXPORTED: 300.0, IMPORTED: 700.0}
    )


def test_meter_with_phases() -> None:
    meter = model_registers(
        203,
        W=600,
        WphA=100,
        WphB=-200,
        WphC=700,
        W_SF=0,
        A=-31,
        AphA=-5,
        AphB=10,
        AphC=36,
        A_SF=-1,
        PhV=2310,
        PhVphA=2300,
        PhVphB=2310,
        PhVphC=2320,
        V_SF=-1,
        Hz=5998,
        Hz_SF=-2,
        VAR=-150,
        VAR_SF=0,
        PF=-97,
        PF_SF=0,
    )

    assert values_of(named("Any"), meter) == pytest.approx(
        {
            POWER: 0.6,
            ("power_kw", "l1"): 0.1,
            ("power_kw", "l2"): -0.2,
            ("power_kw", "l3"): 0.7,
            ("current_a", ""): 3.1,
            ("current_a", "l1"): 0.5,
            ("current_a", "l2"): 1.0,
            ("current_a", "l3"): 3.6,
            ("voltage_v", ""): 231.0,
            ("voltage_v", "l1"): 230.0,
            ("voltage_v", "l2"): 231.0,
            ("voltage_v", "l3"): 232.0,
            ("frequency_hz", ""): 59.98,
            ("reactive_power_kvar", ""): -0.15,
            ("power_factor", ""): -0.97,
        }
    )


def test_strings_of_model_160_and_their_sum() -> None:
    strings = model_registers(
        160,
        DCA_SF=-2,
        DCV_SF=-1,
        DCW_SF=1,
        N=2,
        groups=[
            {"DCA": 512, "DCV": 6102, "DCW": 312, "Tmp": 41},
            {"DCA": 498, "DCV": 6088, "DCW": 303},
        ],
    )

    values = values_of(model_registers(103, W=600, W_SF=1), strings)

    assert values == pytest.approx(
        {
            POWER: -6.0,
            ("dc_power_kw", "mppt1"): -3.12,
            ("voltage_v", "mppt1"): 610.2,
            ("current_a", "mppt1"): 5.12,
            ("temperature_c", "mppt1"): 41.0,
            ("dc_power_kw", "mppt2"): -3.03,
            ("voltage_v", "mppt2"): 608.8,
            ("current_a", "mppt2"): 4.98,
            # The inverter does not say its DC power: 3.12 + 3.03.
            ("dc_power_kw", ""): -6.15,
        }
    )


def test_what_is_not_implemented_is_absent() -> None:
    assert values_of(model_registers(701), model_registers(713)) == {}


@pytest.mark.parametrize("exponent", [-32768, 11, -11, 3000])
def test_a_missing_or_absurd_scale_factor_gives_no_value(exponent: int) -> None:
    assert values_of(model_registers(103, W=825, W_SF=exponent)) == {}


def test_a_model_cut_off_before_its_scale_factor_gives_no_value() -> None:
    model = model_registers(701, W=825, TotWhInj=5)[:100]
    model[1] = 98

    assert values_of(model) == {}


def test_device_without_power_is_refused() -> None:
    with pytest.raises(DeviceGarbledError, match="no power measurement in models 1, 713"):
        measured(model_registers(1), model_registers(713))


def test_a_counter_at_zero_is_no_reading() -> None:
    """An accumulator shows 0 when it does not count, and while its device starts."""
    assert values_of(model_registers(103, W=1, W_SF=0, WH=0, WH_SF=0)) == {POWER: -0.001}


# --- values that cannot be ---


@pytest.mark.parametrize(
    ("model", "strange"),
    [
        (model_registers(713, SoC=10_100, Pct_SF=-2), SOC),
        (model_registers(713, SoH=60_000, Pct_SF=-2), SOH),
    ],
)
def test_a_value_that_cannot_be_is_passed_on_and_marked(
    model: list[int], strange: tuple[str, str]
) -> None:
    measurement = measured(model_registers(103, W=1, W_SF=0), model)

    assert measurement.out_of_range == {strange}
    assert strange in measurement.values


def test_a_counter_with_its_words_swapped_is_marked() -> None:
    """123,456 Wh as 4 words, low word first: 0x0001 E240 in the wrong half is 5.3e14 Wh."""
    model = model_registers(701, TotWh_SF=3)
    offset = layout(701)["TotWhInj"].offset
    model[offset : offset + 4] = [0xE240, 0x0001, 0, 0]

    measurement = measured(model)

    assert measurement.values[EXPORTED] > 1e9
    assert measurement.out_of_range == {EXPORTED}


def test_garbage_marks_what_cannot_be_and_raises_nothing() -> None:
    garbage = [103, 50, *((n * 7919) & 0xFFFF for n in range(50))]

    measurement = measured(garbage)

    assert set(measurement.out_of_range) <= set(measurement.values)


# --- faults ---


@pytest.mark.parametrize(
    ("model", "code", "words", "severity"),
    [
        (model_registers(103, Evt1=1 << 7), "OVER_TEMP", "Over temp", 2),
        (model_registers(111, Evt1=1 << 5), "CABINET_OPEN", "Cabinet open", 1),
        (model_registers(701, Alrm=1), "GROUND_FAULT", "Ground Fault", 2),
        (model_registers(203, Evt=1 << 7), "M_EVENT_Missing_Sensor", "Missing sensor", 2),
    ],
)
def test_fault_bits_have_codes_and_words(
    model: list[int], code: str, words: str, severity: int
) -> None:
    faults = faults_of(model)

    assert list(faults) == [code]
    assert faults[code].words == {"en": words}
    assert faults[code].severity == severity


def test_faults_of_the_battery_bank_stand_beside_those_of_the_inverter() -> None:
    # Bit 20 CONTACTOR_ERROR, bit 2 OVER_TEMP_WARNING.
    bank = model_registers(802, Evt1=1 << 20 | 1 << 2)

    faults = faults_of(model_registers(103, Evt1=1 << 0), bank)

    assert {code: fault.severity for code, fault in faults.items()} == {
        "GROUND_FAULT": 2,
        "OVER_TEMP_WARNING": 1,
        "CONTACTOR_ERROR": 2,
    }


def test_a_bit_that_the_catalogue_does_not_name_is_told_by_its_number() -> None:
    assert list(faults_of(model_registers(103, Evt1=1 << 29))) == ["EVT1_BIT_29"]


def test_fault_registers_that_are_not_implemented_tell_no_fault() -> None:
    assert measured(model_registers(103)).faults == ()


# --- what is read when ---


def test_a_normal_poll_costs_one_read() -> None:
    inverter = model_registers(103, W_SF=0, WH_SF=0)
    pv = device_at(40000, model_registers(1), inverter, model_registers(123))

    # 103 begins at 40070: W +14 to Evt1 +40, two registers.
    assert reader_of(pv)[0].fast.spans == (Span(40084, 28),)


def test_a_normal_poll_of_a_battery_costs_two_reads() -> None:
    ac = model_registers(701, W=1, W_SF=0, TotWhInj=1, TotWhAbs=1, TotWh_SF=0, Alrm=0, Hz_SF=0)
    storage = model_registers(713, SoC=1, Pct_SF=0)
    device = device_at(
        40000, model_registers(1), ac, model_registers(702), model_registers(704), storage
    )

    # 701 at 40070: Alrm +6 to TotWh_SF +120; 713 at 40336: SoC +4 to Pct_SF +8.
    assert reader_of(device)[0].fast.spans == (Span(40076, 115), Span(40340, 5))


def test_slow_points_are_left_out_of_a_normal_poll() -> None:
    model = model_registers(103, W=825, W_SF=1, WH=1000, WH_SF=0, Hz=5000, Hz_SF=-2, Evt1=0)
    device = device_at(40000, model_registers(1), model)
    reader, _registers = reader_of(device)

    fast, full = polled(device, reader.fast), polled(device, reader.full)

    assert set(fast.values) == {POWER, EXPORTED}
    assert set(full.values) == {POWER, EXPORTED, ("frequency_hz", "")}
    assert fast.faults == ()


def test_sensors_are_what_the_device_implements() -> None:
    model = model_registers(103, W_SF=0, WH_SF=3, Hz=5000, Hz_SF=-2, TmpCab=20)

    sensors = sensors_of(model, model_registers(713, SoC=50, Pct_SF=0))

    assert set(sensors) == {POWER, EXPORTED, ("frequency_hz", ""), SOC}
    assert sensors[POWER].period_s is None
    assert sensors["frequency_hz", ""].period_s == 15.0
    # 2^32 x 1000 Wh
    assert sensors[EXPORTED].rollover_kwh == 4_294_967_296.0
    assert sensors[POWER].rollover_kwh is None


def test_a_counter_of_64_bits_does_not_roll_over() -> None:
    sensors = sensors_of(model_registers(701, W=0, W_SF=0, TotWhInj=5, TotWh_SF=0))

    assert sensors[EXPORTED].rollover_kwh is None


def test_a_device_that_is_polled_slowly_has_one_period() -> None:
    sensors = sensors_of(model_registers(103, Hz=5000, Hz_SF=-2), poll_period_s=60.0)

    assert sensors["frequency_hz", ""].period_s is None


def test_the_sum_of_the_strings_is_a_sensor_only_where_the_inverter_says_none() -> None:
    strings = model_registers(160, DCW_SF=0, N=1, groups=[{"DCW": 1}])

    assert ("dc_power_kw", "") in sensors_of(model_registers(103), strings)
    summed = sensors_of(model_registers(103, DCW=7, DCW_SF=0), strings)
    assert len([key for key in summed if key == ("dc_power_kw", "")]) == 1
