"""A list of locations from the database, beside what Django REST framework makes of the same."""

import time
from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import Partner
from apps.ocpi.selectors.published import published_page
from apps.ocpi.wire import envelope
from bench.ocpi_world import NOW, STATIONS
from cariflex.common.exact_json import exact_loads

BATCHES = 15


def plain_serializer(samples: list[dict[str, Any]]) -> type[serializers.Serializer[Any]]:
    """What one writes with Django REST framework: a declared field for each that is there."""
    fields: dict[str, Any] = {}
    for name in dict.fromkeys(name for sample in samples for name in sample):
        values = [sample[name] for sample in samples if name in sample]
        first = next((value for value in values if value not in ([], None)), values[0])
        options = {"required": len(values) == len(samples)}
        if isinstance(first, dict):
            fields[name] = plain_serializer(values)(**options)
        elif isinstance(first, list) and first and isinstance(first[0], dict):
            parts = [part for value in values for part in value]
            fields[name] = plain_serializer(parts)(many=True, **options)
        elif isinstance(first, list):
            fields[name] = serializers.ListField(child=serializers.CharField(), **options)
        elif isinstance(first, bool):
            fields[name] = serializers.BooleanField(**options)
        elif isinstance(first, int):
            fields[name] = serializers.IntegerField(**options)
        else:
            # Instants and decimals are texts here, which spares it their formatting.
            fields[name] = serializers.CharField(**options)
    return type("Plain", (serializers.Serializer,), fields)


def location_lists(emsp: Partner, wanted_ratio: float) -> dict[str, object]:
    """A page of locations from the database, beside DRF with its objects in memory already."""

    def ours() -> bytes:
        page = published_page(
            partner=emsp, kind=ObjectKind.LOCATIONS, version="2.2.1", limit=STATIONS
        )
        return envelope(b"[" + b",".join(page.texts) + b"]", 1000, now=NOW)

    body = ours()
    objects = exact_loads(body)["data"]
    plain = plain_serializer(objects)
    around = body.split(b"[", 1)[0], body.rsplit(b"]", 1)[1]
    renderer = JSONRenderer()

    def theirs() -> bytes:
        content = renderer.render(plain(objects, many=True).data)
        return around[0] + bytes(content) + around[1]

    is_same = theirs() == body
    times = {"ours": best_s(ours), "theirs": best_s(theirs)}
    ratio = times["theirs"] / times["ours"]
    return {
        "locations": len(objects),
        "bytes": len(body),
        "same bytes": "yes" if is_same else "NO",
        "DRF serializer, no query (ms)": f"{times['theirs'] * 1000:.1f}",
        "ours with its queries (ms)": f"{times['ours'] * 1000:.2f}",
        "ratio": round(ratio, 1),
        "met": "yes" if is_same and ratio >= wanted_ratio else "NO",
    }


def best_s(function: Callable[[], object]) -> float:
    """The shortest of some calls: other work on the machine only adds."""
    best = float("inf")
    for _batch in range(BATCHES):
        started = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - started)
    return best
