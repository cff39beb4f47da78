"""Work in the background; every file of this package is found by Celery through this import."""

from apps.ocpi.tasks import commands, conformance, hub, incoming, publishing, upkeep

__all__ = ["commands", "conformance", "hub", "incoming", "publishing", "upkeep"]
