"""Every queue that something is sent to has a process that takes from it."""

from django.conf import settings

from cariflex.celery import app
from cariflex.runtime.layout import Layout
from cariflex.runtime.services import product_services


def queues_taken(layout: Layout) -> dict[str, set[str]]:
    """The queues of each worker in the service table."""
    table = product_services(layout, {}, ())
    return {
        service.name: set(service.command[service.command.index("-Q") + 1].split(","))
        for service in table
        if "-Q" in service.command
    }


def test_no_task_is_sent_where_nobody_takes_it(layout: Layout) -> None:
    app.loader.import_default_modules()
    taken = set().union(*queues_taken(layout).values())

    sent = {getattr(task, "home_queue", "default") for task in app.tasks.values()}
    sent |= {str(entry["options"]["queue"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert sent - taken == set()
    assert {"poll", "dispatch", "schedule"} <= sent


def test_each_queue_belongs_to_one_kind_of_worker(layout: Layout) -> None:
    """Polls and their dispatch need threads; a plan that waits minutes must not hold them up."""
    workers = queues_taken(layout)

    assert workers["worker-poll"] == {"poll", "dispatch"}
    assert workers["worker-poll"].isdisjoint(workers["worker"])
