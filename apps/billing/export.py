"""The streamed CSV of CDRs, under its first name."""

from apps.billing.exports.csv_file import cdr_csv

__all__ = ["cdr_csv"]
