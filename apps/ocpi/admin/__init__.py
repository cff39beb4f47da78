"""Roaming in the operator's admin: one module for each subject."""

from apps.ocpi.admin import exchanges, parties, partners

__all__ = ["exchanges", "parties", "partners"]
