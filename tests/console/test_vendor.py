"""What is not ours lies in static/vendor with its licence and its hash."""

import hashlib
import json
from pathlib import Path

import pytest
from django.conf import settings

VENDOR = Path(settings.BASE_DIR) / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "vendor.json").read_text())["packages"]


@pytest.mark.parametrize("package", MANIFEST, ids=lambda package: str(package["name"]))
def test_files_are_those_of_the_manifest(package: dict[str, object]) -> None:
    assert package["version"]
    assert package["licence"]
    for name, digest in dict(package["files"]).items():  # type: ignore[call-overload]
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("region", ["guadeloupe", "martinique"])
def test_a_coastline_is_fine_enough_and_says_whose_it_is(region: str) -> None:
    file = VENDOR / "coastline" / f"{region}.geojson"
    document = json.loads(file.read_text())

    polygons = document["features"][0]["geometry"]["coordinates"]
    assert sum(len(ring) for polygon in polygons for ring in polygon) >= 500
    assert document["attribution"] == "© OpenStreetMap contributors, ODbL 1.0"
    assert file.stat().st_size < 100_000
