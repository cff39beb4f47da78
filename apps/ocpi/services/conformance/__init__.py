"""Checking a partner's sender interfaces against the standard, with reading calls only."""

from apps.ocpi.services.conformance.report import conformance_begin
from apps.ocpi.services.conformance.run import conformance_run

__all__ = ["conformance_begin", "conformance_run"]
