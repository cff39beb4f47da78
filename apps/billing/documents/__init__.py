"""Papers and files of billing: PDF, Factur-X, SEPA, FEC and the e-reporting data set.

Pure functions: frozen dataclasses in, bytes out; no row is read or written here. The rows are read
by `apps.billing.selectors` and kept by `apps.billing.services.documents`.
"""
