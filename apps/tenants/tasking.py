"""Celery tasks know their operator: it travels in the message header `operator`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from celery import Task, shared_task
from django.db import transaction

from apps.tenants.choices import OperatorStatus
from apps.tenants.context import OperatorMissing, current_schema, operator_context
from apps.tenants.directory import operator_by_schema
from apps.tenants.schema import PUBLIC, enter_public

HEADER = "operator"

if TYPE_CHECKING:
    _Task = Task[Any, Any]
else:
    _Task = Task


class OperatorSuspended(Exception):
    """The task's operator is suspended: its work is not done now."""


class OperatorTask(_Task):
    """A task of one operator. Without the header it fails, it never runs in public."""

    abstract = True
    home_queue = "default"

    def apply_async(
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        *more: Any,
        **options: Any,
    ) -> Any:
        """Celery's own, with the operator in the header and the task's own queue."""
        headers = dict(options.pop("headers", None) or {})
        if HEADER not in headers:
            headers[HEADER] = current_schema()
        options.setdefault("queue", self.home_queue)
        return super().apply_async(args, kwargs, *more, headers=headers, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        schema_name = self._schema_name()
        operator = operator_by_schema(schema_name)
        if operator is not None and operator.status != OperatorStatus.ACTIVE:
            raise OperatorSuspended(schema_name)
        with operator_context(schema_name):
            return super().__call__(*args, **kwargs)

    def enqueue(self, *args: Any, **kwargs: Any) -> None:
        """Send for the current operator once the surrounding transaction commits."""
        self.enqueue_with(args=args, kwargs=kwargs)

    def enqueue_with(
        self,
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Like `enqueue`, with Celery's own options (expires, countdown, queue)."""
        headers = {HEADER: current_schema()}

        # A function of its own: Django cannot name a partial when it logs its failure.
        def send() -> None:
            self.apply_async(tuple(args), dict(kwargs or {}), headers=headers, **(options or {}))

        # robust: the row is committed, a broker that is down costs a delay until the next sweep.
        transaction.on_commit(send, robust=True)

    def enqueue_now(self, *args: Any, **kwargs: Any) -> None:
        """Send for the current operator at once, whatever the transaction does."""
        self.apply_async(args, kwargs)

    def _schema_name(self) -> str:
        request = self.request
        if request.called_directly:
            return current_schema()
        schema_name = (request.headers or {}).get(HEADER) or request.get(HEADER)
        if not schema_name or schema_name == PUBLIC:
            raise OperatorMissing(f"task {self.name} came without an operator")
        return str(schema_name)


class PublicTask(_Task):
    """A task of the platform: it runs in the public schema."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        enter_public()
        return super().__call__(*args, **kwargs)


def operator_task(
    *, name: str, queue: str = "default", **options: Any
) -> Callable[[Callable[..., Any]], OperatorTask]:
    """Declare a task of one operator; `name` is `<app>.<task>`, `options` are Celery's."""
    return shared_task(base=OperatorTask, name=name, home_queue=queue, **options)


def public_task(*, name: str, **options: Any) -> Callable[[Callable[..., Any]], PublicTask]:
    """Declare a task of the platform itself; it travels on the default queue."""
    return shared_task(base=PublicTask, name=name, **options)
