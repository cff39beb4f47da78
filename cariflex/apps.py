from django.apps import AppConfig


class CariflexConfig(AppConfig):
    """Ties the tasks of all apps to the one Celery application, in every process."""

    name = "cariflex"

    def ready(self) -> None:
        from cariflex.celery import app

        app.autodiscover_tasks(force=True)
