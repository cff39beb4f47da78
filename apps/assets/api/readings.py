"""Readings: pages and exports of one sensor, and lists that partners send."""

import io
from typing import Any, cast

from django.conf import settings
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.assets.api.reading_serializers import (
    ReadingPagesSerializer,
    ReadingsSentSerializer,
    SentReadingSerializer,
    point_json,
    sent_json,
)
from apps.assets.api.serializers import SensorSerializer
from apps.assets.api.series_csv import format_at, series_csv
from apps.assets.api.series_parameters import SeriesParameters
from apps.assets.models import Sensor
from apps.assets.selectors.api import RAW, import_flaws, raw_page, sensor_find, slots_page
from apps.assets.services.reading_imports import readings_import
from apps.assets.services.reading_lines import CSV, JSON, MEDIA_TYPES, NDJSON, sent_lines
from cariflex.common.api.bodies import LimitedBody, UnreadParser
from cariflex.common.api.errors import ApiErrorSerializer, FieldError
from cariflex.common.api.pages import Page, next_url
from cariflex.common.api.parameters import Parameters
from cariflex.common.api.views import ApiView

SHOWN_FLAWS = 20
LONGEST_KEY = 100


class CsvRenderer(BaseRenderer):
    """Stands for CSV in the negotiation; the view streams it."""

    media_type, format, charset = CSV, "csv", "utf-8"

    def render(self, data: Any, *_args: object, **_kwargs: object) -> bytes:
        raise NotImplementedError


class UnreadJson(UnreadParser):
    media_type = JSON


class UnreadNdjson(UnreadParser):
    media_type = NDJSON


class UnreadCsv(UnreadParser):
    media_type = CSV


class ReadingsView(ApiView):
    """Readings of one sensor; a list of readings of any sensors to store."""

    permissions = {
        "GET": ("assets.view_sensor", "assets.view_reading"),
        "POST": ("assets.add_reading",),
    }
    refusal_statuses = {
        "sensor.unknown": status.HTTP_404_NOT_FOUND,
        "readings.too_many": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
        "readings.key_reused": status.HTTP_409_CONFLICT,
    }
    renderer_classes = [JSONRenderer, CsvRenderer]
    parser_classes: list[type[BaseParser]] = [UnreadJson, UnreadNdjson, UnreadCsv]
    takes_chunked = True

    @property
    def parameters(self) -> type[Parameters]:  # type: ignore[override]
        """A GET says which readings it wants; a POST says all in its body."""
        return SeriesParameters if self.request.method in ("GET", "HEAD") else Parameters

    def get_renderers(self) -> list[BaseRenderer]:
        """CSV is a form of readings, not of what became of a list."""
        is_get = self.request is None or self.request.method in ("GET", "HEAD")
        return super().get_renderers() if is_get else [JSONRenderer()]

    @extend_schema(
        parameters=[
            SeriesParameters,
            OpenApiParameter(
                "format", enum=["json", "csv"], description="Or by the Accept header."
            ),
        ],
        responses={
            (200, JSON): ReadingPagesSerializer,
            (200, CSV): OpenApiResponse(
                OpenApiTypes.STR, "The whole range, without pages: `limit` does not count."
            ),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Readings of one sensor, or roll-ups of them, over [start, end)."""
        query = self.page
        sensor = sensor_find(
            request.user,
            sensor_id=query.get("sensor"),
            device=query.get("device"),
            quantity=query.get("quantity"),
            channel=query.get("channel", ""),
        )
        if isinstance(request.accepted_renderer, CsvRenderer):
            return _csv_answer(sensor, query)
        page = _page(sensor, query)
        return Response(
            {
                "sensor": SensorSerializer(sensor).data,
                "resolution": query["resolution"],
                "results": [point_json(point) for point in page.rows],
                "next": next_url(request, page, format_at),
            }
        )

    @extend_schema(
        request={
            JSON: SentReadingSerializer(many=True),
            NDJSON: SentReadingSerializer,
            CSV: OpenApiTypes.STR,
        },
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                location=OpenApiParameter.HEADER,
                description="The same key again gives the first answer again.",
            )
        ],
        responses={
            200: OpenApiResponse(ReadingsSentSerializer, "At least one line was stored."),
            400: OpenApiResponse(ReadingsSentSerializer, "Nothing was stored."),
            409: OpenApiResponse(ApiErrorSerializer, "The key belongs to another request."),
            413: OpenApiResponse(ApiErrorSerializer, "Too large: nothing was stored."),
            415: OpenApiResponse(ApiErrorSerializer, "Not one of the forms."),
        },
    )
    def post(self, request: Request) -> Response:
        """Store readings. Good lines are stored together; each other line is kept and named.

        The same list again changes nothing. Of two readings of one sensor and instant the last
        wins. At most 50,000 readings and 8 MB a request: beyond, nothing is stored.
        """
        media_type = str(request.content_type).partition(";")[0].strip().lower()
        if media_type not in MEDIA_TYPES:
            raise UnsupportedMediaType(media_type)
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise FieldError("invalid", "At most 100 printable characters.", "Idempotency-Key")
        body = LimitedBody(request, settings.API_PUSH_MAX_BYTES)
        lines = sent_lines(
            media_type,
            cast("Any", io.BufferedReader(body)),
            most=settings.API_PUSH_MAX_READINGS,
        )
        sent = readings_import(
            lines=lines,
            sent_by=request.user,
            name=media_type,
            digest=body.digest,
            idempotency_key=key,
        )
        flaws = import_flaws(sent.of_import, limit=SHOWN_FLAWS)
        is_stored = sent.of_import.stored_count > 0
        return Response(
            sent_json(sent.of_import, flaws, is_repeat=sent.is_repeat),
            status=status.HTTP_200_OK if is_stored else status.HTTP_400_BAD_REQUEST,
        )


def _page(sensor: Sensor, query: dict[str, Any]) -> Page[Any]:
    span = {name: query[name] for name in ("start", "end", "after", "limit")}
    if query["resolution"] == RAW:
        return raw_page(sensor_id=sensor.pk, **span)
    return slots_page(resolution=query["resolution"], sensor_id=sensor.pk, **span)


def _csv_answer(sensor: Sensor, query: dict[str, Any]) -> HttpResponseBase:
    name = f"{sensor.device.code}-{sensor.quantity}-{query['start']:%Y%m%d}.csv"
    return StreamingHttpResponse(
        series_csv(sensor, query),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
