"""The Celery application. A worker says that it is ready by touching CARIFLEX_READY_FILE."""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

app = Celery("cariflex")
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")


@worker_ready.connect
@beat_init.connect
def say_ready(**_kwargs: Any) -> None:
    """Tell the supervisor that tasks are taken from now on."""
    if path := os.environ.get("CARIFLEX_READY_FILE"):
        Path(path).touch()
