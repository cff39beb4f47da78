"""Work in the background; Celery finds the tasks through this module."""

from apps.assets.tasks.alarms import alarm_digests_send_task, alarms_watch_task  # noqa: F401
from apps.assets.tasks.jobs import job_answer, jobs_sweep
from apps.assets.tasks.polling import poll_dispatch, poll_shard
from apps.assets.tasks.readings import partitions_ahead, retention_apply, rollups_update

__all__ = [
    "job_answer",
    "jobs_sweep",
    "partitions_ahead",
    "poll_dispatch",
    "poll_shard",
    "retention_apply",
    "rollups_update",
]
