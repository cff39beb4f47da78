"""JSON over HTTP whose numbers keep every digit, for objects that carry money as numbers (OCPI)."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

from cariflex.common.exact_json import exact_dumps, exact_loads


class ExactJSONParser(JSONParser):
    """Numbers with a point come as Decimals."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return exact_loads(stream.read())
        except (ValueError, RecursionError) as err:
            raise ParseError(f"JSON parse error - {err}") from err


class ExactJSONRenderer(JSONRenderer):
    """Decimals leave as numbers, with the digits they have."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else exact_dumps(data).encode()
