"""How readings look in JSON. Pages of them are rendered by hand: up to 10,000 rows at once."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from apps.assets.api.serializers import QUALITY_WORDS, SensorSerializer
from apps.assets.api.series_csv import format_at
from apps.assets.choices import ImportLineStatus, Quantity
from apps.assets.models import ReadingImport, ReadingImportLine
from apps.assets.reading_rule_words import rule_words
from apps.assets.selectors.api import RESOLUTIONS, RawPoint, SlotPoint

NONE_VALID = "readings.none_valid"


class PointSerializer(serializers.Serializer[Any]):
    """A reading (`at`, `value`, `quality`), or a roll-up of [start, start + resolution).

    Mean, minimum and maximum are of trusted readings; `energy_kwh` is the growth of a counter or
    the integral of a power.
    """

    at = serializers.DateTimeField(required=False)
    value = serializers.FloatField(required=False, allow_null=True)
    quality = serializers.ChoiceField(QUALITY_WORDS, required=False)
    start = serializers.DateTimeField(required=False)
    mean = serializers.FloatField(required=False, allow_null=True)
    minimum = serializers.FloatField(required=False, allow_null=True)
    maximum = serializers.FloatField(required=False, allow_null=True)
    energy_kwh = serializers.FloatField(required=False, allow_null=True)
    count = serializers.IntegerField(required=False)
    bad_count = serializers.IntegerField(required=False)
    coverage = serializers.FloatField(required=False)


class ReadingPagesSerializer(serializers.Serializer[Any]):
    """A page of one sensor's readings or roll-ups, oldest first."""

    sensor = SensorSerializer()
    resolution = serializers.ChoiceField(RESOLUTIONS)
    results = PointSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="The next page; null on the last.")


class SentReadingSerializer(serializers.Serializer[Any]):
    """A reading to store: `sensor`, or `device` and `quantity` (and `channel`)."""

    sensor = serializers.IntegerField(required=False)
    device = serializers.SlugField(required=False, help_text="The device's code.")
    quantity = serializers.ChoiceField(Quantity.choices, required=False)
    channel = serializers.SlugField(required=False)
    at = serializers.DateTimeField(help_text="RFC 3339, with offset.")
    value = serializers.FloatField(help_text="In the sensor's unit; consumption positive.")
    quality = serializers.ChoiceField(QUALITY_WORDS, required=False)


class FlawSerializer(serializers.Serializer[ReadingImportLine]):
    """A line that was refused or flagged."""

    line = serializers.IntegerField(help_text="Line of the text, or element of the JSON array.")
    status = serializers.ChoiceField([ImportLineStatus.REFUSED, ImportLineStatus.FLAGGED])
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_null=True)


class ReadingsSentSerializer(serializers.Serializer[Any]):
    """What became of a list. `code`, `message` and `field` are there when nothing was stored."""

    code = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    field = serializers.CharField(required=False, allow_null=True)
    id = serializers.IntegerField(required=False, help_text="Of the import, kept with its lines.")
    is_repeat = serializers.BooleanField(required=False, help_text="The same list was sent before.")
    lines = serializers.IntegerField(required=False)
    stored = serializers.IntegerField(required=False)
    flagged = serializers.IntegerField(required=False)
    refused = serializers.IntegerField(required=False)
    errors = FlawSerializer(many=True, required=False, help_text="The first 20.")


def point_json(point: RawPoint | SlotPoint) -> dict[str, Any]:
    """A reading or a roll-up."""
    if isinstance(point, RawPoint):
        return {"at": format_at(point.at), "value": point.value, "quality": point.quality}
    return {
        "start": format_at(point.start),
        "mean": point.mean,
        "minimum": point.minimum,
        "maximum": point.maximum,
        "energy_kwh": point.energy_kwh,
        "count": point.count,
        "bad_count": point.bad_count,
        "coverage": point.coverage,
    }


def sent_json(
    of_import: ReadingImport, flaws: Sequence[ReadingImportLine], *, is_repeat: bool
) -> dict[str, Any]:
    """The answer to a list: counts, and the first lines that were refused or flagged."""
    counts = {
        "id": of_import.pk,
        "is_repeat": is_repeat,
        "lines": of_import.lines_count,
        "stored": of_import.stored_count,
        "flagged": of_import.flagged_count,
        "refused": of_import.refused_count,
        "errors": [_flaw_json(line) for line in flaws],
    }
    if of_import.stored_count:
        return counts
    first = flaws[0].field if flaws else None
    refusal = {"code": NONE_VALID, "message": "No line could be stored.", "field": first or None}
    return {**refusal, **counts}


def _flaw_json(line: ReadingImportLine) -> dict[str, Any]:
    return {
        "line": line.number,
        "status": line.status,
        "code": line.rule.partition(":")[0],
        "message": rule_words(line.rule),
        "field": line.field or None,
    }
