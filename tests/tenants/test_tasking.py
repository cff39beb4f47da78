"""A task carries its operator and fails without one."""

from collections.abc import Iterator

import pytest
from celery import current_app
from django.db import connection

from apps.tenants.choices import OperatorStatus
from apps.tenants.context import OperatorMissing, current_schema, operator_context
from apps.tenants.models import Operator
from apps.tenants.services import operator_status_set
from apps.tenants.tasking import HEADER, OperatorSuspended, OperatorTask, operator_task, public_task

seen: list[str] = []


@operator_task(name="tests.note_schema")
def note_schema() -> str:
    seen.append(current_schema())
    return seen[-1]


@public_task(name="tests.note_public")
def note_public() -> str:
    return str(connection.schema_name)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    seen.clear()
    yield
    connection.set_schema_to_public()


def run(headers: dict[str, str] | None) -> object:
    """Execute as a worker does: by name, with the headers of the message."""
    task: OperatorTask = current_app.tasks["tests.note_schema"]
    return task.apply(headers=headers)


@pytest.mark.django_db
def test_the_header_chooses_the_schema() -> None:
    connection.set_schema_to_public()

    for schema_name in ("martinique", "guadeloupe", "martinique"):
        run({HEADER: schema_name}).get()  # type: ignore[attr-defined]

    assert seen == ["martinique", "guadeloupe", "martinique"]
    assert connection.schema_name == "public"


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [None, {}, {HEADER: ""}, {HEADER: "public"}])
def test_a_task_without_an_operator_fails(headers: dict[str, str] | None) -> None:
    connection.set_schema_to_public()

    with pytest.raises(OperatorMissing):
        run(headers).get()  # type: ignore[attr-defined]

    assert seen == []


@pytest.mark.django_db
def test_a_task_of_an_unknown_operator_fails() -> None:
    with pytest.raises(OperatorMissing, match="no operator has the schema 'atlantis'"):
        run({HEADER: "atlantis"}).get()  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_task_of_a_suspended_operator_is_not_done(operator_b: Operator) -> None:
    operator_status_set(operator=operator_b, status=OperatorStatus.SUSPENDED)

    with pytest.raises(OperatorSuspended):
        run({HEADER: "martinique"}).get()  # type: ignore[attr-defined]

    assert seen == []


@pytest.mark.django_db
def test_sending_without_an_operator_is_refused() -> None:
    connection.set_schema_to_public()

    with pytest.raises(OperatorMissing):
        note_schema.enqueue_now()


def test_enqueue_sends_on_commit_with_the_operator_of_the_caller(
    operator_a: Operator,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: object,
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(note_schema, "apply_async", lambda *a, **k: sent.append(k["headers"]))

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        note_schema.enqueue()
        assert sent == []
        connection.set_schema_to_public()

    assert sent == [{HEADER: "guadeloupe"}]


@pytest.mark.django_db
def test_a_public_task_runs_in_public() -> None:
    with operator_context("guadeloupe"):
        assert current_app.tasks["tests.note_public"].apply().get() == "public"


@pytest.mark.django_db
def test_fan_out_sends_to_each_active_operator(
    operator_b: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        note_schema, "apply_async", lambda *a, **k: sent.append(k["headers"][HEADER])
    )
    fan_out = current_app.tasks["tenants.fan_out"]

    fan_out.apply(("tests.note_schema",)).get()
    operator_status_set(operator=operator_b, status=OperatorStatus.SUSPENDED)
    fan_out.apply(("tests.note_schema",)).get()

    assert sent == ["guadeloupe", "martinique", "guadeloupe"]
