"""Prints a bench's table and keeps it as JSON in bench/results/ (not committed)."""

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def report(name: str, rows: Sequence[Mapping[str, object]], *, wanted: str = "") -> None:
    """Print rows as an aligned table and write them to bench/results/<name>.json."""
    columns = list(rows[0])
    cells = [columns, *([str(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(columns))]
    print(f"\n{name} ({platform.machine()}, Python {platform.python_version()})")
    for index, line in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
        if index == 0:
            print("  ".join("-" * width for width in widths))
    if wanted:
        print(f"wanted: {wanted}")
    RESULTS.mkdir(exist_ok=True)
    document = {"bench": name, "at": datetime.now(UTC).isoformat(), "rows": list(rows)}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1, default=str) + "\n")
