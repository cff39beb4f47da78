"""The command `map_check`: errors line by line, a summary, JSON."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.assets.drivers.map_library import SHIPPED_MAPS
from tests.assets.maps.support import SMALL_MAP


def checked(*args: Any) -> str:
    out = io.StringIO()
    call_command("map_check", *args, stdout=out)
    return out.getvalue()


def test_the_shipped_maps_are_right_without_a_database() -> None:
    # No database mark: a query would fail this test.
    count = len(list(SHIPPED_MAPS.glob("*.yaml")))

    assert checked() == f"{count} register maps are right\n"


def test_the_list_marks_what_was_not_tried_on_hardware() -> None:
    lines = checked("--list").splitlines()

    assert len(lines) == len(list(SHIPPED_MAPS.glob("*.yaml")))
    assert all("not tried on hardware" in line for line in lines)
    [luna] = [line for line in lines if line.startswith("huawei_luna2000")]
    assert "[battery]  set-points" in luna


def test_errors_are_printed_and_the_command_fails(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL_MAP.replace("type: u16", "type: u99"), "utf-8")
    out = io.StringIO()

    with pytest.raises(CommandError, match="1 of 1 register maps are wrong"):
        call_command("map_check", tmp_path / "small.yaml", stdout=out)

    assert out.getvalue().startswith(f"{tmp_path.name}/small.yaml:19: points[0].type: must be one")


def test_json_holds_maps_and_problems(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL_MAP, "utf-8")

    report = json.loads(checked(tmp_path / "small.yaml", "--json"))

    assert report["problems"] == []
    assert report["maps"] == [
        {
            "id": "small",
            "version": 1,
            "vendor": "Cari",
            "model": "Flex",
            "kinds": ["battery"],
            "tried_on": "simulator",
            "can_control": False,
            "points": 3,
            "sensors": 2,
            "file": f"{tmp_path.name}/small.yaml",
        }
    ]


def test_json_of_a_broken_map_says_where(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL_MAP.replace("schema: 1", "schema: 7"), "utf-8")
    out = io.StringIO()

    with pytest.raises(CommandError):
        call_command("map_check", tmp_path / "small.yaml", "--json", stdout=out)

    assert json.loads(out.getvalue())["problems"] == [
        {"file": f"{tmp_path.name}/small.yaml", "line": 1, "field": "schema", "rule": "must be 1"}
    ]
