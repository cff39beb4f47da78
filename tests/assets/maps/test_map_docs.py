"""The table of shipped maps in the docs says what the maps say."""

import json
import re
from pathlib import Path

from apps.assets.drivers.map_library import SHIPPED_MAPS, map_files, maps_load
from apps.assets.drivers.register_map import RegisterMap

DOCS = Path(__file__).parents[3] / "docs" / "device-models.md"
HONESTY = {
    "documentation": "from documentation, not tried on hardware",
    "simulator": "tried on a simulator",
    "hardware": "tried on hardware",
}


def row(register_map: RegisterMap) -> list[str]:
    source = register_map.source
    return [
        f"`{register_map.id}`",
        f"{register_map.vendor} {register_map.model}",
        ", ".join(register_map.kinds),
        "yes" if register_map.can_control else "no",
        f"{source.title}, {source.publisher} ([where]({source.link}))",
        source.checked_with,
        HONESTY[register_map.tried_on],
    ]


def test_the_table_in_the_docs_matches_the_maps() -> None:
    text = DOCS.read_text("utf-8")
    shown = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.split("## Shipped maps")[1].splitlines()
        if re.match(r"\| `", line)
    ]

    assert shown == [row(each) for each in maps_load(map_files([SHIPPED_MAPS])).maps]


def test_the_docs_name_every_field_of_a_point() -> None:
    schema = json.loads((SHIPPED_MAPS.parent / "map_schema.json").read_text("utf-8"))
    fields = set(schema["$defs"]["point"]["properties"])
    told = DOCS.read_text("utf-8")

    plain = {"name", "address", "group"}
    assert {field for field in fields - plain if f"`{field}" not in told} == set()
