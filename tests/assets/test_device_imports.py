"""Lists of devices: what is read, what is refused and why, what is stored once."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.assets.admin.import_words import file_refusal, rule_words
from apps.assets.models import Device, DeviceImport
from apps.assets.services import device_lines
from apps.assets.services.device_imports import device_list_check, device_list_store
from apps.assets.services.device_lines import list_template
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.assets.conftest import battery_make, site_make

HEADER = "code,name,site,kind,host,port,rated_power_kw,capacity_kwh"
GOOD = "pv-9,Toit 9,island,pv,192.168.1.9,502,20,"


def check(text: str | bytes, name: str = "list.csv") -> DeviceImport:
    content = text.encode() if isinstance(text, str) else text
    return device_list_check(name=name, content=content, received_from=None)


def lines_of(device_import: DeviceImport) -> list[tuple[int, str, str, str]]:
    """Number, status, field and words of each line."""
    with translation.override("en"):
        return [
            (line.number, line.status, line.field, rule_words(line.rule) if line.rule else "")
            for line in device_import.lines.order_by("number")
        ]


@pytest.fixture(autouse=True)
def _island(operator_a: Operator) -> None:
    site_make()


def line(**cells: str) -> str:
    """The good line with some cells changed."""
    names = HEADER.split(",")
    return ",".join({**dict(zip(names, GOOD.split(","), strict=True)), **cells}.values())


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (line(code=""), "code", "must not be empty"),
        (line(code="été 1"), "code", "“été 1”: only letters without accents, digits, - and _"),
        (line(code="x" * 61), "code", "has at most 60 characters"),
        (line(name=" "), "name", "must not be empty"),
        (line(name="n" * 121), "name", "has at most 120 characters"),
        (line(name='"a\nb"'), "name", "must be on one line"),
        (line(site="mars"), "site", "there is no site “mars”"),
        (line(kind="wind"), "kind", "is one of: pv, battery, meter"),
        (line(host="not a host"), "host", "“not a host” is no host name and no IP address"),
        (
            line(host="169.254.169.254"),
            "host",
            "“169.254.169.254” leads to an address that no device may have",
        ),
        (line(port="65536"), "port", "is at most 65535"),
        (line(port="0"), "port", "is at least 1"),
        (line(port="5.5"), "port", "“5.5” is no whole number"),
        (line(port="-1"), "port", "“-1” is no whole number"),
        (line(rated_power_kw="much"), "rated_power_kw", "“much” is no number"),
        (line(rated_power_kw="nan"), "rated_power_kw", "“nan” is no number"),
        (line(rated_power_kw="1e9"), "rated_power_kw", "“1e9” is no number"),
        (line(rated_power_kw="٣"), "rated_power_kw", "“٣” is no number"),
        (line(rated_power_kw="0"), "rated_power_kw", "is at least 0.001"),
        (line(rated_power_kw="99999999"), "rated_power_kw", "is at most 10000000"),
        (line(kind="battery"), "capacity_kwh", "a battery needs a capacity"),
        (line(rated_power_kw="20,5"), "line", "has 9 cells, the header 8"),
        ("pv-9,Toit 9", "line", "has 2 cells, the header 8"),
    ],
)
def test_a_bad_line_names_its_field_and_rule(text: str, field: str, words: str) -> None:
    device_import = check(f"{HEADER}\n{text}\npv-8,Toit 8,island,pv,192.168.1.8,502,20,\n")

    first, second = lines_of(device_import)
    assert first == (2, "refused", field, words)
    assert second[1] == "valid"
    assert (device_import.lines_count, device_import.refused_count) == (2, 1)
    assert Device.objects.count() == 0


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("driver", "sunspect", "there is no device model “sunspect”"),
        ("unit_id", "256", "is at most 255"),
        ("transport", "serial", "is one of: modbus_tcp, rtu_over_tcp"),
        ("poll_period_s", "0,1", "is at least 0.2"),
        ("timeout_s", "121", "is at most 120"),
        ("inter_frame_delay_s", "6", "is at most 5"),
        ("soc_max_percent", "101", "is at most 100"),
        ("charging_efficiency", "1,2", "is at most 1"),
        ("latitude", "-91", "is at least -90"),
        ("is_grid_meter", "maybe", "“maybe” is neither yes nor no"),
        ("is_grid_meter", "oui", "only a meter can meter the grid connection"),
    ],
)
def test_an_optional_column_is_checked_too(column: str, cell: str, words: str) -> None:
    header = HEADER.replace(",", ";") + f";{column}"

    device_import = check(f"{header}\n{GOOD.replace(',', ';')};{cell}")

    assert lines_of(device_import) == [(2, "refused", column, words)]
    assert device_import.status == "refused"


def test_the_soc_window_is_checked_across_columns() -> None:
    device_import = check(f"{HEADER},soc_min_percent,soc_max_percent\n{GOOD},60,60")

    assert lines_of(device_import) == [
        (2, "refused", "soc_min_percent", "must be below soc_max_percent")
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The list is empty: it needs a header and a line."),
        (b"\r\n \r\n;;;\r\n", "The list is empty: it needs a header and a line."),
        (HEADER.encode(), "The list is empty: it needs a header and a line."),
        (b"code,name\na,b", "These columns are missing: site, kind, host, rated_power_kw."),
        (f"{HEADER},colour\n{GOOD},red".encode(), "These columns are not known: colour."),
        (f"{HEADER},code\n{GOOD},x".encode(), "These columns are there twice: code."),
        (
            f'{HEADER}\n{GOOD}\n"open'.encode(),
            "Line 3 cannot be read: a quotation mark is not closed.",
        ),
        (HEADER.encode("utf-16"), "This is no text file in UTF-8 or Latin-1."),
        (b"x" * 4_000_001, "The file is too big: at most 4 MB."),
    ],
)
def test_a_file_that_is_no_list_is_refused_whole(content: bytes, words: str) -> None:
    with pytest.raises(DomainError) as refusal, translation.override("en"):
        check(content)

    with translation.override("en"):
        assert file_refusal(refusal.value) == words
    assert refusal.value.field == "file"
    assert DeviceImport.objects.count() == 0


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_lines, "MOST_LINES", 3)
    lines = [f"pv-{n},Toit,island,pv,192.168.1.{n},502,20," for n in range(1, 5)]

    assert check("\n".join([HEADER, *lines[:3]])).lines_count == 3
    with pytest.raises(DomainError, match="more than 3 lines"):
        check("\n".join([HEADER, *lines]))


@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "latin-1", "cp1252"])
def test_encodings_of_french_spreadsheets_are_read(encode: str) -> None:
    text = (
        "Code ; NAME;site;kind;host;rated_power_kw\r\n"
        "pv-1;Toît de l'école;island;PV;192.168.1.9;1 250,5\r\n"
        "\r\n"
        ";;;;;\r\n"
    )

    device_import = device_list_store(import_id=check(text.encode(encode)).pk)

    device = Device.objects.get()
    assert (device.name, device.rated_power_kw) == ("Toît de l'école", 1250.5)
    assert (device.port, device.unit_id, device.driver) == (502, 1, "sunspec")
    assert device_import.lines.get().text == "pv-1;Toît de l'école;island;PV;192.168.1.9;1 250,5"


def test_a_line_keeps_its_number_below_quoted_line_breaks_and_empty_lines() -> None:
    device_import = check(
        f"{HEADER}\n\n{line(name=chr(34) + 'a' + chr(10) + 'b' + chr(34))}\n{GOOD}"
    )

    assert [(n, status) for n, status, _f, _w in lines_of(device_import)] == [
        (3, "refused"),
        (5, "valid"),
    ]


def test_duplicates_are_found_in_the_list_and_in_the_database() -> None:
    battery_make("bat-01", host="192.168.1.50", port=502)
    text = "\n".join(
        [
            HEADER,
            line(code="pv-1", host="192.168.1.1"),
            line(code="pv-1", host="192.168.1.2"),
            line(code="pv-2", host="192.168.1.1"),
            line(code="bat-01", host="192.168.1.4"),
            line(code="pv-3", host="192.168.1.50"),
            line(code="pv-2", host="192.168.1.1", port="503"),
        ]
    )

    device_import = check(text)

    assert lines_of(device_import) == [
        (2, "valid", "", ""),
        (3, "refused", "code", "the same code is in line 2"),
        (4, "refused", "host", "the same host, port and unit id is in line 2"),
        (5, "refused", "code", "a device with this code exists"),
        (6, "refused", "host", "a device with this host, port and unit id exists"),
        (7, "valid", "", ""),
    ]


def test_a_site_gets_one_grid_meter() -> None:
    header = HEADER + ",is_grid_meter"
    text = "\n".join(
        [
            header,
            line(code="m-1", kind="meter", host="192.168.1.1") + ",yes",
            line(code="m-2", kind="meter", host="192.168.1.2") + ",1",
        ]
    )

    assert lines_of(check(text))[1] == (
        3,
        "refused",
        "is_grid_meter",
        "the site gets its grid meter in line 2",
    )
    device_list_store(import_id=check(text).pk)
    assert lines_of(check(text.replace("m-", "n-").replace("192.168.1", "192.168.2")))[0][3] == (
        "the site has a grid meter already"
    )


def test_valid_lines_are_stored_once_as_new_and_read_only_devices() -> None:
    battery = line(code="b", kind="battery", host="192.168.1.3", capacity_kwh="40")
    device_import = check("\n".join([HEADER, GOOD, line(code="?"), battery]))

    for _again in range(2):
        device_import = device_list_store(import_id=device_import.pk)

    assert (device_import.stored_count, device_import.refused_count) == (2, 1)
    assert [status for _n, status, _f, _w in lines_of(device_import)] == [
        "stored",
        "refused",
        "stored",
    ]
    rows = Device.objects.order_by("code").values_list("code", "stage", "control_enabled", "shard")
    assert list(rows) == [("b", "new", False, None), ("pv-9", "new", False, None)]
    assert sorted(Device.objects.get(code="b").sensors.values_list("quantity", flat=True)) == [
        "energy_export_kwh",
        "energy_import_kwh",
        "power_kw",
        "soc_percent",
    ]


def test_what_was_taken_since_the_check_is_refused_at_its_line() -> None:
    device_import = check(f"{HEADER}\n{GOOD}\n{line(code='pv-8', host='192.168.1.8')}")
    battery_make("pv-9", host="192.168.1.77")

    device_import = device_list_store(import_id=device_import.pk)

    assert lines_of(device_import) == [
        (2, "refused", "code", "a device with this code exists"),
        (3, "stored", "", ""),
    ]
    assert (device_import.stored_count, device_import.refused_count) == (1, 1)


def test_the_same_file_twice_makes_no_device_twice() -> None:
    text = f"{HEADER}\n{GOOD}"
    device_list_store(import_id=check(text).pk)

    again = check(text)

    assert again.status == "refused"
    device_list_store(import_id=again.pk)
    assert Device.objects.count() == 1


def test_the_template_can_be_imported_as_it_is() -> None:
    device_import = device_list_store(import_id=check(list_template()).pk)

    assert device_import.stored_count == 1
    assert Device.objects.get().rated_power_kw == 99.5


def test_each_stored_device_is_valid_to_the_model() -> None:
    lowest = dict.fromkeys(device_lines.COLUMNS, "")
    lowest |= {
        "code": "edge", "name": "Edge", "site": "island", "kind": "battery", "host": "10.0.0.9",
        "rated_power_kw": "0.001", "capacity_kwh": "0.001", "port": "65535", "unit_id": "255",
        "poll_period_s": "0.2", "timeout_s": "0.1", "inter_frame_delay_s": "5",
        "ramp_kw_per_s": "0.001", "soc_min_percent": "0", "soc_max_percent": "0.5",
        "charging_efficiency": "0.01", "discharging_efficiency": "1", "latitude": "-90",
        "longitude": "180",
    }  # fmt: skip
    text = ";".join(lowest) + "\n" + ";".join(lowest.values())

    device_list_store(import_id=check(text).pk)

    Device.objects.get().full_clean()


def test_a_list_of_another_operator_is_out_of_reach(operator_b: Operator) -> None:
    device_import = check(f"{HEADER}\n{GOOD}")

    with operator_context("martinique"):
        with pytest.raises(DomainError, match="no such list"):
            device_list_store(import_id=device_import.pk)
        assert Device.objects.count() == 0
    assert Device.objects.count() == 0


def test_a_long_list_costs_no_query_per_line() -> None:
    def text(first: int, count: int) -> str:
        numbers = range(first, first + count)
        return "\n".join(
            [
                HEADER,
                *(line(code=f"pv-{n}", host=f"10.0.{n // 250}.{n % 250 + 1}") for n in numbers),
            ]
        )

    def asked(work: Callable[[], object]) -> int:
        with CaptureQueriesContext(connection) as queries:
            work()
        return len(queries)

    few, many = check(text(0, 5)), check(text(1000, 400))

    assert asked(lambda: check(text(2000, 5))) == asked(lambda: check(text(3000, 400)))
    assert asked(lambda: device_list_store(import_id=few.pk)) == asked(
        lambda: device_list_store(import_id=many.pk)
    )
