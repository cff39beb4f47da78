"""Lists of the API: `{"results": [...], "next": "https://…"}`."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cariflex.common.api.pages import Page, next_url


def listed(
    request: Request, page: Page[Any], row: type[serializers.BaseSerializer[Any]]
) -> Response:
    """A page as the answer to a request."""
    return Response({"results": row(page.rows, many=True).data, "next": next_url(request, page)})


def list_of(row: type[serializers.BaseSerializer[Any]]) -> Any:
    """How such a list looks, for the OpenAPI document."""
    name = row.__name__.removesuffix("Serializer")
    return inline_serializer(
        f"{name}List",
        {
            "results": row(many=True),
            "next": serializers.URLField(
                allow_null=True, help_text="The next page; null on the last."
            ),
        },
    )
