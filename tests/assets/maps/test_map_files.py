"""A map file with an error names file, line, field and rule; all errors at once."""

from pathlib import Path

import pytest

from apps.assets.drivers.map_library import MapLibrary, maps_load
from tests.assets.maps.support import SMALL_MAP, errors_of, map_of

CONTROL = """\
  - {name: setpoint, address: 10, type: s16, unit: W, sign: injection, writable: true}
  - {name: timer, address: 11, type: u16, writable: true}
  - {name: enable, address: 12, type: u16, writable: true}
controls:
  - function: power
    writes:
      - {point: setpoint, role: value, source: power}
      - {point: timer, role: reversion, source: reversion}
      - {point: enable, role: enable, number: 1}
    release:
      - {point: enable, role: enable, number: 0}
    fallback: {kind: timer, point: timer}
"""
STEERED_MAP = SMALL_MAP + CONTROL
CODE_LINE = "  - {name: code, address: 0, type: u16}\n"
ENERGY_LINE = SMALL_MAP.splitlines(keepends=True)[-1]


def test_the_small_maps_are_right() -> None:
    assert map_of(SMALL_MAP).id == "small"
    assert map_of(STEERED_MAP).can_control


# Line numbers are those of SMALL_MAP: identification 13, groups 15, points 18, code 19, power 20
# and 21, energy 22; in STEERED_MAP setpoint 23, timer 24, enable 25, writes 28 to 31, fallback 34.
BROKEN = {
    "not YAML": (
        SMALL_MAP,
        "kinds: [battery]",
        "kinds: [battery",
        "maps/small.yaml:8: not YAML: expected ',' or ']', but got ':'",
    ),
    "a field twice": (
        SMALL_MAP,
        "vendor: Cari\n",
        "vendor: Cari\nvendor: Cara\n",
        "maps/small.yaml:5: vendor: stands here twice",
    ),
    "an alias": (
        SMALL_MAP,
        "vendor: Cari\nmodel: Flex",
        "vendor: &a Cari\nmodel: *a",
        "maps/small.yaml:5: aliases are not allowed",
    ),
    "a tag": (
        SMALL_MAP,
        "vendor: Cari",
        "vendor: !!python/name:os.system x",
        "maps/small.yaml:4: vendor: cannot be read: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/name:os.system'",
    ),
    "another schema": (
        SMALL_MAP,
        "schema: 1",
        "schema: 2",
        "maps/small.yaml:1: schema: must be 1",
    ),
    "an unknown field": (
        SMALL_MAP,
        "vendor: Cari\n",
        "vendor: Cari\ncolour: red\n",
        "maps/small.yaml:5: colour: is not a field of a register map",
    ),
    "a missing field": (
        SMALL_MAP,
        "vendor: Cari\n",
        "",
        "maps/small.yaml:1: vendor: is missing",
    ),
    "a missing language": (
        SMALL_MAP,
        "en: Small, es: Pequeño",
        "en: Small",
        "maps/small.yaml:6: names.es: the words in this language are missing",
    ),
    "an unknown type": (
        SMALL_MAP,
        "address: 0, type: u16",
        "address: 0, type: int",
        "maps/small.yaml:19: points[0].type: must be one of u16, s16, u32, s32, u64, s64, f32, "
        "f64, string, bits16, bits32, enum16, enum32",
    ),
    "a text for a number": (
        SMALL_MAP,
        "address: 0,",
        "address: zero,",
        "maps/small.yaml:19: points[0].address: must be a whole number",
    ),
    "an id with spaces": (
        SMALL_MAP,
        "id: small",
        "id: Small One",
        "maps/small.yaml:2: id: 'Small One' must look like ^[a-z][a-z0-9_]{1,63}$",
    ),
    "no identification": (
        SMALL_MAP,
        "identification:\n  - {point: code, one_of: [77]}",
        "identification: []",
        "maps/small.yaml:13: identification: must have at least 1 entries",
    ),
    "a name twice": (
        SMALL_MAP,
        "{name: energy,",
        "{name: power,",
        "maps/small.yaml:22: points[2].name: power is the name of points[1] already",
    ),
    "a quantity twice": (
        SMALL_MAP,
        ENERGY_LINE,
        "  - {name: again, quantity: power_kw, address: 9, type: s16, unit: W, sign: injection,\n"
        "     group: fast, valid: [0, 1]}\n",
        "maps/small.yaml:22: points[2].quantity: power_kw is measured by points[1] already",
    ),
    "an unknown group": (
        SMALL_MAP,
        "unit: Wh, group: fast",
        "unit: Wh, group: quick",
        "maps/small.yaml:22: points[2].group: there is no group quick",
    ),
    "a sensor that is never read": (
        SMALL_MAP,
        "unit: Wh, group: fast",
        "unit: Wh",
        "maps/small.yaml:22: points[2].group: a point with a quantity needs a poll group",
    ),
    "an address beyond the last": (
        SMALL_MAP,
        "address: 3, type: u32",
        "address: 65535, type: u32",
        "maps/small.yaml:22: points[2].address: ends beyond register 65535",
    ),
    "an address before the first": (
        SMALL_MAP,
        "largest_gap: 4}",
        "largest_gap: 4, address_base: 1}",
        "maps/small.yaml:19: points[0].address: addresses begin at 1",
    ),
    "a signed counter": (
        SMALL_MAP,
        "address: 3, type: u32",
        "address: 3, type: s32",
        "maps/small.yaml:22: points[2].type: a counter must be unsigned",
    ),
    "words against the type": (
        SMALL_MAP,
        "address: 3, type: u32",
        "address: 3, type: u32, registers: 4",
        "maps/small.yaml:22: points[2].registers: a u32 has 2 registers, not 4",
    ),
    "a string without a length": (
        SMALL_MAP,
        CODE_LINE,
        CODE_LINE + "  - {name: serial, address: 9, type: string}\n",
        "maps/small.yaml:20: points[1].registers: a string must say how many registers it has",
    ),
    "a range upside down": (
        SMALL_MAP,
        "valid: [-50000, 50000]",
        "valid: [50000, -50000]",
        "maps/small.yaml:21: points[1].valid: the low end 50000 must be below the high end -50000",
    ),
    "a quantity without a range": (
        SMALL_MAP,
        ",\n     valid: [-50000, 50000]",
        "",
        "maps/small.yaml:20: points[1].valid: power_kw needs the range of values that can be",
    ),
    "a unit that does not become kW": (
        SMALL_MAP,
        "unit: W, sign",
        "unit: V, sign",
        "maps/small.yaml:20: points[1].unit: must be one of kW, W, MW to become power_kw",
    ),
    "a power without a direction": (
        SMALL_MAP,
        "sign: injection, ",
        "",
        "maps/small.yaml:20: points[1].sign: power_kw must say consumption or injection",
    ),
    "a counter with a direction": (
        SMALL_MAP,
        "unit: Wh, group",
        "unit: Wh, sign: injection, group",
        "maps/small.yaml:22: points[2].sign: energy_export_kwh has no direction",
    ),
    "a scale of nothing": (
        SMALL_MAP,
        "unit: Wh, group",
        "unit: Wh, scale: 0, group",
        "maps/small.yaml:22: points[2].scale: must not be 0",
    ),
    "a raw value that does not fit": (
        SMALL_MAP,
        "unit: Wh, group",
        "unit: Wh, not_available: [0x100000000], group",
        "maps/small.yaml:22: points[2].not_available: 0x100000000 does not fit u32",
    ),
    "an identification by nothing": (
        SMALL_MAP,
        "point: code, one_of: [77]",
        "point: code",
        "maps/small.yaml:14: identification[0]: must have one of one_of, matches, between",
    ),
    "an identification by an unknown point": (
        SMALL_MAP,
        "point: code, one_of",
        "point: cod, one_of",
        "maps/small.yaml:14: identification[0].point: there is no point cod",
    ),
    "an unknown point in a control": (
        STEERED_MAP,
        "{point: setpoint, role",
        "{point: setpont, role",
        "maps/small.yaml:29: controls[0].writes[0].point: there is no point setpont",
    ),
    "a control of a point that is read only": (
        STEERED_MAP,
        "address: 12, type: u16, writable: true",
        "address: 12, type: u16",
        "maps/small.yaml:31: controls[0].writes[2].point: enable is not writable",
    ),
    "writes that overlap": (
        STEERED_MAP,
        "address: 10, type: s16",
        "address: 10, type: s32",
        "maps/small.yaml:30: controls[0].writes[1].point: timer overlaps setpoint, written before",
    ),
    "enable before the value": (
        STEERED_MAP,
        "      - {point: setpoint, role: value, source: power}\n"
        "      - {point: timer, role: reversion, source: reversion}\n"
        "      - {point: enable, role: enable, number: 1}\n",
        "      - {point: enable, role: enable, number: 1}\n"
        "      - {point: setpoint, role: value, source: power}\n"
        "      - {point: timer, role: reversion, source: reversion}\n",
        "maps/small.yaml:30: controls[0].writes[1].role: enable comes last: a half written "
        "set-point is not in force",
    ),
    "a timer that nobody writes": (
        STEERED_MAP,
        "kind: timer, point: timer",
        "kind: timer, point: enable",
        "maps/small.yaml:34: controls[0].fallback.point: no step writes enable with the role "
        "reversion",
    ),
    "no word about the fallback": (
        STEERED_MAP,
        "    fallback: {kind: timer, point: timer}\n",
        "",
        "maps/small.yaml:27: controls[0].fallback: is missing",
    ),
    "a watchdog without a time": (
        STEERED_MAP,
        "{kind: timer, point: timer}",
        "{kind: rewrite}",
        "maps/small.yaml:34: controls[0].fallback.after_s: is missing",
    ),
    "faults of a number": (
        SMALL_MAP,
        ENERGY_LINE,
        ENERGY_LINE + "faults:\n"
        "  - point: power\n"
        "    faults: {3: {code: x, severity: critical, words: {fr: x, en: x, es: x}}}\n",
        "maps/small.yaml:24: faults[0].point: faults are bits or enums, power is not",
    ),
    "a fault bit that is not there": (
        SMALL_MAP,
        ENERGY_LINE,
        ENERGY_LINE + "  - {name: alarm, address: 8, type: bits16, group: fast}\n"
        "faults:\n"
        "  - point: alarm\n"
        "    faults: {16: {code: x, severity: critical, words: {fr: x, en: x, es: x}}}\n",
        "maps/small.yaml:26: faults[0].faults.16: alarm has no such bit or value",
    ),
    "a sum of different things": (
        SMALL_MAP,
        ENERGY_LINE,
        ENERGY_LINE + "derived:\n"
        "  - {name: sum, quantity: voltage_v, group: fast, plus: [power]}\n",
        "maps/small.yaml:24: derived[0].plus[0]: power has no unit that becomes voltage_v",
    ),
}


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_an_error_names_file_line_field_and_rule(case: str) -> None:
    text, before, after, error = BROKEN[case]
    assert text.count(before) == 1

    assert error in errors_of(text.replace(before, after))


ONE_OF_MANY = {"writes that overlap", "enable before the value", "a signed counter"}


@pytest.mark.parametrize("case", sorted(ONE_OF_MANY))
def test_one_mistake_is_one_error(case: str) -> None:
    text, before, after, error = BROKEN[case]

    assert errors_of(text.replace(before, after)) == [error]


def test_all_errors_of_a_file_come_at_once_in_the_order_of_its_lines() -> None:
    text = SMALL_MAP.replace("schema: 1", "schema: 9").replace("type: u32", "type: x32")
    text = text.replace("es: Pequeño", "de: Klein")

    assert [error.split(": ")[:2] for error in errors_of(text)] == [
        ["maps/small.yaml:1", "schema"],
        ["maps/small.yaml:6", "names.de"],
        ["maps/small.yaml:6", "names.es"],
        ["maps/small.yaml:22", "points[2].type"],
    ]


def test_an_empty_file_is_an_error() -> None:
    assert errors_of("") == ["maps/small.yaml:1: is empty"]
    assert errors_of("- a list\n") == ["maps/small.yaml:1: must be a set of fields"]


def test_a_file_is_named_after_its_map(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(SMALL_MAP, "utf-8")

    [problem] = maps_load([tmp_path / "other.yaml"]).problems

    assert str(problem) == f"{tmp_path.name}/other.yaml:2: id: must be other, as the file is"


def test_a_map_cannot_take_the_place_of_another(tmp_path: Path) -> None:
    for folder in ("shipped", "own"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "small.yaml").write_text(SMALL_MAP, "utf-8")

    found = maps_load([tmp_path / "shipped" / "small.yaml", tmp_path / "own" / "small.yaml"])

    assert [each.file for each in found.maps] == ["shipped/small.yaml"]
    assert [str(p) for p in found.problems] == [
        "own/small.yaml:2: id: small is shipped/small.yaml already"
    ]


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_bytes(b"\xff\xfe")

    [problem] = maps_load([tmp_path / "small.yaml"]).problems

    assert "cannot be read" in problem.rule


def test_a_broken_map_does_not_take_the_others_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "small.yaml").write_text(SMALL_MAP, "utf-8")
    (tmp_path / "broken.yaml").write_text(SMALL_MAP.replace("type: u16", "type: x"), "utf-8")

    library = MapLibrary([tmp_path])

    assert [each.id for each in library.maps()] == ["small"]
    assert library.get("broken") is None
    assert caplog.text.count("device_map.invalid") == 1
    assert f"{tmp_path.name}/broken.yaml:19: points[0].type: must be one of" in caplog.text
