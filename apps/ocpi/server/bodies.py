"""The body of a request: bounded, whole, JSON."""

import re

import msgspec
from django.http import HttpRequest, UnreadablePostError

from apps.ocpi.server.calls import CLIENT_ERROR, PARAMETERS, OcpiError

MOST_BYTES = 1_000_000
"""Larger bodies are refused with HTTP 413, before they are read when they say so."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def body_of(request: HttpRequest) -> bytes:
    """The body of a request that may have one.

    OcpiError with HTTP 413 when it is too large, 400 when it is cut off or not JSON, 415 when it
    is compressed. An empty body is given as it is: some requests need none.
    """
    if request.method not in WITH_BODY:
        return b""
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise OcpiError(CLIENT_ERROR, "Compressed bodies are not taken.", 415)
    body = _read(request)
    if body:
        check_json(body)
    return body


def check_json(body: bytes) -> None:
    """OcpiError with HTTP 400 when a body is not JSON."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as err:
        raise OcpiError(PARAMETERS, f"The body is not JSON: {err}"[:255], 400) from err
    if _NUL.search(body):
        raise OcpiError(PARAMETERS, "The body holds U+0000, which no text of OCPI has.")


def _read(request: HttpRequest) -> bytes:
    text = str(request.META.get("CONTENT_LENGTH") or "")
    length = int(text) if text.isdecimal() else None
    if length is not None and length > MOST_BYTES:
        raise _too_large()
    source = request
    if length is None:
        # Django takes a body without length for empty; the server marks its end.
        if "chunked" not in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            return b""
        source = request.META["wsgi.input"]
    try:
        body = bytes(source.read(MOST_BYTES + 1))
    except UnreadablePostError as err:
        raise OcpiError(CLIENT_ERROR, "The body ended before its end.", 400) from err
    if len(body) > MOST_BYTES:
        raise _too_large()
    if length is not None and len(body) < length:
        raise OcpiError(CLIENT_ERROR, "The body ended before its end.", 400)
    return body


def _too_large() -> OcpiError:
    return OcpiError(CLIENT_ERROR, f"The body is larger than {MOST_BYTES} bytes.", 413)
