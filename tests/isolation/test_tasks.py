"""Every task of every app belongs to one operator, or says that it is the platform's."""

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection

from apps.tenants.context import OperatorMissing
from apps.tenants.tasking import HEADER, OperatorTask, PublicTask

OURS = sorted(name for name in current_app.tasks if not name.startswith(("celery.", "tests.")))
OPERATOR_TASKS = [name for name in OURS if isinstance(current_app.tasks[name], OperatorTask)]


@pytest.mark.parametrize("name", OURS)
def test_a_task_is_an_operators_or_the_platforms(name: str) -> None:
    assert isinstance(current_app.tasks[name], OperatorTask | PublicTask)


@pytest.mark.django_db
@pytest.mark.parametrize("name", OPERATOR_TASKS)
@pytest.mark.parametrize("headers", [None, {HEADER: "public"}, {HEADER: "atlantis"}])
def test_an_operator_task_fails_without_its_operator(
    name: str, headers: dict[str, str] | None
) -> None:
    connection.set_schema_to_public()

    with pytest.raises(OperatorMissing):
        current_app.tasks[name].apply(headers=headers).get()


@pytest.mark.parametrize("entry", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_every_beat_entry_fans_out_a_task_that_exists(entry: str) -> None:
    schedule = settings.CELERY_BEAT_SCHEDULE[entry]

    assert schedule["task"] == "tenants.fan_out"
    assert schedule["args"][0] in OPERATOR_TASKS
