"""Lists of stations whose header names the columns: any order, each line by itself."""

from typing import Any

import pytest

from apps.assets.models import Site
from apps.chargers.models import ChargingStation, Connector
from apps.chargers.services.passwords import password_matches
from apps.chargers.services.station_imports import LineRefused, station_lines, stations_add
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.chargers.conftest import PASSWORD_A, STATION_ID
from tests.rows import row_make

FULL = (
    "Name;Rated power kW;Station ID;evses;connector_type;Latitude;site;security_profile\n"
    "Marina;7,4;M-1;2;cCCS2;16,2;{site};2\n"
    ";;M-2;;;;;\n"
)


def added(text: str) -> tuple[list[tuple[str, str]], list[tuple[int, str, str]]]:
    found = stations_add(station_lines(text))
    return (
        [(one.station_id, one.result) for one in found.stored],
        [(one.number, one.field, one.code) for one in found.refused],
    )


def test_a_header_names_the_columns_in_any_order(operator_a: Operator) -> None:
    site = row_make(Site)

    assert added(FULL.format(site=site.code)) == ([("M-1", "created"), ("M-2", "created")], [])

    full = ChargingStation.objects.get(station_id="M-1")
    assert (full.name, full.rated_power_kw, full.latitude, full.site, full.security_profile) == (
        "Marina", 7.4, 16.2, site, 2,
    )  # fmt: skip
    types = Connector.objects.filter(evse__station=full).values_list("evse__evse_id", "type")
    assert sorted(types) == [(1, "cCCS2"), (2, "cCCS2")]
    bare = ChargingStation.objects.get(station_id="M-2")
    assert (bare.name, bare.rated_power_kw, bare.site, bare.evses.count()) == ("", 22.0, None, 1)


def test_what_a_line_does_not_say_stays(station: ChargingStation) -> None:
    ChargingStation.objects.update(commune="Le Gosier", latitude=16.2)
    had = Connector.objects.count()

    text = f"id,name,latitude\n{STATION_ID},Port,\n"
    assert added(text) == ([(STATION_ID, "updated")], [])

    station.refresh_from_db()
    assert (station.name, station.commune, station.latitude) == ("Port", "Le Gosier", 16.2)
    assert password_matches(PASSWORD_A, station.password_hash)
    assert Connector.objects.count() == had
    assert added(f"id,evses\n{STATION_ID},3\n{STATION_ID}-2,\n")[0] == [
        (STATION_ID, "updated"), (f"{STATION_ID}-2", "created"),
    ]  # fmt: skip
    assert station.evses.count() == 3


@pytest.mark.parametrize(
    ("header", "cell", "field"),
    [
        ("rated_power_kw", "0", "rated_power_kw"),
        ("rated_power_kw", "nan", "rated_power_kw"),
        ("latitude", "91", "latitude"),
        ("longitude", "x", "longitude"),
        ("evses", "0", "evses"),
        ("evses", "\u0663", "evses"),
        ("security_profile", "4", "security_profile"),
        ("name", "a" * 101, "name"),
        ("site", "nowhere", "site"),
        ("name", "x,y", "line"),
    ],
)
def test_a_bad_cell_refuses_its_line_alone(
    operator_a: Operator, header: str, cell: str, field: str
) -> None:
    stored, refused = added(f"id,{header}\nM-1,{cell}\nM-2,\n")

    assert stored == [("M-2", "created")]
    assert [(number, wrong) for number, wrong, _code in refused] == [(2, field)]


@pytest.mark.parametrize(
    ("header", "code"),
    [("id,colour", "chargers.column_unknown"), ("id,name,Name", "chargers.column_twice")],
)
def test_a_header_that_nobody_understands_stores_nothing(
    operator_a: Operator, header: str, code: str
) -> None:
    assert added(f"{header}\nM-1,x,y\n") == ([], [(1, "line", code)])
    assert ChargingStation.objects.count() == 0


def test_a_site_of_another_operator_is_unknown(operator_a: Operator, operator_b: Operator) -> None:
    with operator_context(operator_b.schema_name):
        site = row_make(Site)
    lines: list[Any] = list(station_lines(f"id\tsite\nM-1\t{site.code}\n"))

    (refused,) = stations_add(lines).refused

    assert isinstance(refused, LineRefused)
    assert refused.code == "chargers.site_unknown"
