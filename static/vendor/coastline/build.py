"""Clip a world land file (GeoJSON) to the operators' islands.

    python static/vendor/coastline/build.py map.geo.json

Reads the `map.geo.json` of the package named in NOTICE.md and writes one GeoJSON file per region
beside this script. An island is kept when its whole outline lies inside the region's box, so no
coast is cut open. Standard library only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

Ring = list[list[float]]
Polygon = list[Ring]

# west, south, east, north in degrees (WGS 84)
REGIONS: dict[str, tuple[float, float, float, float]] = {
    "guadeloupe": (-61.90, 15.80, -60.95, 16.56),
    "martinique": (-61.30, 14.34, -60.75, 14.93),
}
ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"


def polygons(path: Path) -> Iterator[Polygon]:
    """Every polygon of the file, whatever the nesting of its geometries."""
    document = json.loads(path.read_text(encoding="utf-8"))
    geometries = document.get("geometries") or [f["geometry"] for f in document["features"]]
    for geometry in geometries:
        if geometry["type"] == "Polygon":
            yield geometry["coordinates"]
        elif geometry["type"] == "MultiPolygon":
            yield from geometry["coordinates"]


def is_inside(ring: Ring, box: tuple[float, float, float, float]) -> bool:
    """Whether each vertex of the ring lies in the box."""
    west, south, east, north = box
    return all(west <= lon <= east and south <= lat <= north for lon, lat in ring)


def region_document(region: str, islands: list[Polygon]) -> dict[str, object]:
    """The GeoJSON of one region: one MultiPolygon, largest island first."""
    islands = sorted(islands, key=lambda polygon: -len(polygon[0]))
    vertices = sum(len(ring) for polygon in islands for ring in polygon)
    points = [point for polygon in islands for point in polygon[0]]
    longitudes, latitudes = [p[0] for p in points], [p[1] for p in points]
    return {
        "type": "FeatureCollection",
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        "attribution": ATTRIBUTION,
        "features": [
            {
                "type": "Feature",
                "properties": {"region": region, "vertices": vertices},
                "geometry": {"type": "MultiPolygon", "coordinates": islands},
            }
        ],
    }


def main(source: Path) -> None:
    """Write one file per region and say how many outlines and vertices each holds."""
    found: dict[str, list[Polygon]] = {region: [] for region in REGIONS}
    for polygon in polygons(source):
        for region, box in REGIONS.items():
            if is_inside(polygon[0], box):
                found[region].append(polygon)
    for region, islands in found.items():
        document = region_document(region, islands)
        target = Path(__file__).with_name(f"{region}.geojson")
        target.write_text(
            json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
        )
        vertices = sum(len(ring) for polygon in islands for ring in polygon)
        sys.stdout.write(f"{target.name}: {len(islands)} outlines, {vertices} vertices\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
