"""Billing over HTTP: accounts, invoices, settlements, months; each module has its addresses."""
