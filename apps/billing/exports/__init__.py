"""Exports: CDRs as CSV and XLSX with chosen columns, and the files of the books."""
