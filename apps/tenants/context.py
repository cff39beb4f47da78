"""The operator in whose name the current code runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from django_tenants.utils import schema_context

from apps.tenants.directory import operator_by_schema
from apps.tenants.models import Operator
from apps.tenants.schema import PUBLIC, active_schema
from cariflex.common.errors import DomainError


class OperatorMissing(DomainError):
    """Code that belongs to one operator ran without one."""

    def __init__(self, message: str = "this needs an operator") -> None:
        super().__init__("operator.missing", message)


@contextmanager
def operator_context(schema_name: str) -> Iterator[Operator]:
    """Run the block in one operator's schema; OperatorMissing when there is no such operator.

    The schema belongs to the thread's connection: enter and query in the same function.
    """
    operator = operator_by_schema(schema_name)
    if operator is None or operator.is_public:
        raise OperatorMissing(f"no operator has the schema {schema_name!r}")
    with schema_context(schema_name):
        yield operator


def current_schema() -> str:
    """The schema of the current operator; OperatorMissing in the public schema."""
    schema_name = active_schema()
    if schema_name == PUBLIC:
        raise OperatorMissing
    return schema_name


def current_operator() -> Operator:
    """The current operator; OperatorMissing in the public schema."""
    operator = operator_by_schema(current_schema())
    if operator is None:
        raise OperatorMissing
    return operator
