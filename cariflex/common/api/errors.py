"""One shape for every refusal: `{"code", "message", "field"}`, in English."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.exceptions import PermissionDenied as ApiPermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import CharField, Serializer

from cariflex.common.errors import DomainError

CODES = {
    "error": "bad_request",
    "invalid": "invalid",
    "parse_error": "malformed",
}


class ApiErrorSerializer(Serializer[Any]):
    """Why a request was refused."""

    code = CharField(help_text="Stable; for programs.")
    message = CharField(help_text="For people, in English.")
    field = CharField(allow_null=True, help_text="The input that it is about, if it is about one.")


class RequestTooLarge(APIException):
    """The body is larger, or holds more, than the address takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "request_too_large"
    default_detail = "The request is too large."


class LengthRequired(APIException):
    """A body of unknown length where none is taken."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_code = "length_required"
    default_detail = "Send the body with a Content-Length."


class FieldError(APIException):
    """One input is refused, under a code of its own."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message, code)
        self.field = field


def error_body(code: str, message: str, field: str | None = None) -> dict[str, str | None]:
    """The body of a refusal."""
    return {"code": code, "message": message, "field": field}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to a refusal; None for what is a fault of ours."""
    if isinstance(error, DomainError):
        statuses: Mapping[str, int] = getattr(context.get("view"), "refusal_statuses", {})
        refusal = Response(
            error_body(error.code, error.message, error.field),
            status=statuses.get(error.code, status.HTTP_400_BAD_REQUEST),
        )
    else:
        refused = _as_api_exception(error)
        if refused is None:
            return None
        code, message, field = _first(refused.detail)
        field = getattr(refused, "field", None) or field
        refusal = Response(
            error_body(CODES.get(code, code), message, field),
            status=refused.status_code,
            headers=_headers(refused),
        )
    request = context.get("request")
    if request is not None:
        # Also where the caller asked for CSV.
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"
    return refusal


def _as_api_exception(error: Exception) -> APIException | None:
    if isinstance(error, APIException):
        return error
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, PermissionDenied):
        return ApiPermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return RequestTooLarge()
    return None


def _first(detail: Any, field: str | None = None) -> tuple[str, str, str | None]:
    """The first of possibly many errors: its code, words and dotted field."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            if inner:
                own = None if name == "non_field_errors" else str(name)
                return _first(inner, ".".join(part for part in (field, own) if part) or None)
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for inner in detail:
            if inner:
                return _first(inner, field)
    return getattr(detail, "code", "invalid"), str(detail), field


def _headers(error: APIException) -> dict[str, str]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]
    return headers
