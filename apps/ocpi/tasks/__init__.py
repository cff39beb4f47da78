"""Work in the background; every file of this package is found by Celery through this import."""

from apps.ocpi.tasks import commands, publishing, upkeep

__all__ = ["commands", "publishing", "upkeep"]
