"""Roaming in the operator's admin: one module for each subject."""

from apps.ocpi.admin import conformance, exchanges, parties, partners

__all__ = ["conformance", "exchanges", "parties", "partners"]
