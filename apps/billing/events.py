"""What billing tells upward when the transaction commits."""

from dataclasses import dataclass
from uuid import UUID

from cariflex.common.events import Event


@dataclass(frozen=True)
class CdrIssued(Event):
    """A CDR was issued; told once for each."""

    cdr_id: UUID
    session_id: int


@dataclass(frozen=True)
class InvoiceIssued(Event):
    """An invoice or a credit note was issued; told once for each."""

    invoice_id: int


@dataclass(frozen=True)
class TariffIssued(Event):
    """A version of a tariff was issued: partners and displays may want to know."""

    tariff_id: int
    version_id: int
