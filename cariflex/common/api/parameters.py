"""Query parameters are declared by a serializer; what it does not know is refused by name."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from cariflex.common.api.errors import FieldError

DEFAULT_LIMIT = 100
HIGHEST_LIMIT = 1_000
_FORMAT = "format"
"""Read by the negotiation."""


class Parameters(serializers.Serializer[Any]):
    """The query parameters of one address."""


class PageParameters(Parameters):
    """Which page of a list."""

    limit = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_LIMIT, default=DEFAULT_LIMIT, help_text="Rows of a page."
    )
    after = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2**63 - 1,
        help_text="Continue after this id; follow `next` instead of setting it.",
    )


def read_parameters(request: Request, parameters: type[Parameters]) -> dict[str, Any]:
    """The query parameters, checked; raises for unknown, repeated and wrong ones."""
    declared = parameters(data=request.query_params)
    for name, values in request.query_params.lists():
        if name not in declared.fields and name != _FORMAT:
            known = ", ".join(sorted(declared.fields)) or "none"
            raise FieldError(
                "unknown_parameter", f"There is no parameter {name!r}; known: {known}.", name
            )
        if len(values) > 1:
            raise FieldError("repeated_parameter", f"{name!r} is given more than once.", name)
    declared.is_valid(raise_exception=True)
    checked: dict[str, Any] = declared.validated_data
    return checked
