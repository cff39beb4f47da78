"""Work in the background; every file of this package is found by Celery through this import."""

from apps.ocpi.tasks import commands, upkeep

__all__ = ["commands", "upkeep"]
