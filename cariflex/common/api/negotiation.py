"""Which form an answer has: by the Accept header, or by `?format=` where a view has several."""

from collections.abc import Iterable

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer


class Negotiation(DefaultContentNegotiation):
    """A form that the address does not have is 406, asked for in either way."""

    def filter_renderers(
        self, renderers: Iterable[BaseRenderer], format: str
    ) -> list[BaseRenderer]:
        """The renderers of this format; raises NotAcceptable when there is none."""
        named = [renderer for renderer in renderers if renderer.format == format]
        if not named:
            raise NotAcceptable
        return named
