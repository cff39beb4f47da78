"""Large bodies, read as they arrive and cut off at a limit."""

import hashlib
import io
from typing import Any

from django.http import UnreadablePostError
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from cariflex.common.api.errors import FieldError, RequestTooLarge

CUT_OFF = "cariflex.body_cut_off"
"""Key of the ASGI scope that is set when the sender went away in the middle of a body."""
_CHUNK_BYTES = 1 << 16


class UnreadParser(BaseParser):
    """Leaves the body where it is: the view reads it itself, in pieces."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Nothing."""
        return {}


class LimitedBody(io.RawIOBase):
    """The body of a request: RequestTooLarge beyond `most_bytes`, FieldError when it is cut off.

    Wrap it in `io.BufferedReader`. A length that is announced is checked before the first byte.
    """

    def __init__(self, request: Request, most_bytes: int) -> None:
        super().__init__()
        if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            raise UnsupportedMediaType(
                str(request.content_type), "Compressed bodies are not taken."
            )
        self._meta = request.META
        self._most_bytes = most_bytes
        self._hash = hashlib.sha256()
        self._count = 0
        self._length = _length(self._meta)
        if self._length is None:
            # Django takes a body without length for empty; the server marks its end.
            chunked = "chunked" in self._meta.get("HTTP_TRANSFER_ENCODING", "").lower()
            self._source = self._meta["wsgi.input"] if chunked else io.BytesIO()
        else:
            self._source = request._request
            if self._length > most_bytes:
                raise self._too_large()

    @property
    def digest(self) -> str:
        """SHA-256 of what was read so far, in hex."""
        return self._hash.hexdigest()

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next; 0 at the end."""
        try:
            piece = self._source.read(min(len(buffer), _CHUNK_BYTES))
        except UnreadablePostError as err:
            raise self._incomplete() from err
        self._count += len(piece)
        if self._count > self._most_bytes:
            raise self._too_large()
        if not piece:
            self._check_whole()
        self._hash.update(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def _check_whole(self) -> None:
        scope = self._meta.get("asgi.scope") or {}
        is_short = self._length is not None and self._count < self._length
        if is_short or scope.get(CUT_OFF):
            raise self._incomplete()

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(f"The body is larger than {self._most_bytes} bytes.")

    def _incomplete(self) -> FieldError:
        return FieldError("incomplete", "The body ended before its end.")


def _length(meta: Any) -> int | None:
    text = str(meta.get("CONTENT_LENGTH") or "")
    return int(text) if text.isdecimal() else None
