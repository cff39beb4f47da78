"""Log lines carry the operator."""

import logging

from django.db import connection


class OperatorFilter(logging.Filter):
    """Adds `operator` (the schema of the thread's connection) to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.operator = getattr(connection, "schema_name", None) or "-"
        return True
