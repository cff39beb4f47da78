"""Tariff and session to priced lines, with an explanation; no database, no float."""
