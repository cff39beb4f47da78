"""Tasks of the platform."""

from celery import current_app

from apps.tenants.selectors import active_schemas
from apps.tenants.tasking import HEADER, public_task


@public_task(name="tenants.fan_out")
def fan_out(task_name: str) -> None:
    """Send one task to each active operator; it expires with the beat that asked for it."""
    task = current_app.tasks[task_name]
    expires = fan_out.request.expires
    for schema_name in active_schemas():
        task.apply_async(headers={HEADER: schema_name}, expires=expires)
