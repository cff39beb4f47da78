"""Bank statements as files: CAMT.053 and CSV, read without a database.

Nothing of a file is dropped: what cannot be read is a `BadLine` with its number and why.
"""

from apps.billing.statements.camt053 import camt053_parse
from apps.billing.statements.csv_lines import (
    CSV_FIELDS,
    CsvOptions,
    columns_guess,
    csv_headers,
    csv_parse,
)
from apps.billing.statements.model import (
    BadLine,
    Line,
    Statement,
    StatementProblem,
    format_guess,
)

__all__ = [
    "CSV_FIELDS",
    "BadLine",
    "CsvOptions",
    "Line",
    "Statement",
    "StatementProblem",
    "camt053_parse",
    "columns_guess",
    "csv_headers",
    "csv_parse",
    "format_guess",
]
