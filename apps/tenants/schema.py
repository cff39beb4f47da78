"""The schema of this thread's connection: the one place that touches the untyped backend."""

from typing import Any, cast

from django.db import connection

from apps.tenants.models import Operator

PUBLIC = "public"
_backend = cast(Any, connection)


def active_schema() -> str:
    """The schema that queries of this thread run in."""
    return str(_backend.schema_name)


def enter_operator(operator: Operator) -> None:
    """Queries of this thread run in the operator's schema from now on."""
    # Setting it anew would drop the cache of content types.
    if _backend.schema_name != operator.schema_name:
        _backend.set_tenant(operator)


def enter_public() -> None:
    """Queries of this thread run in the public schema from now on."""
    _backend.set_schema_to_public()
