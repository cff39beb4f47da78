"""What stands on a paper, as frozen dataclasses; `apps.billing.selectors.papers` fills them.

BT-xx and BG-xx are the business terms of EN 16931-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from apps.billing.choices import TaxCategory


@dataclass(frozen=True, slots=True)
class PartyPaper:
    """A seller or a buyer (BG-4, BG-7): the fields of `PostalParty`, and of `Issuer`."""

    name: str
    street: str = ""
    street_more: str = ""
    postal_code: str = ""
    city: str = ""
    country_code: str = ""
    territory: str = ""
    siren: str = ""
    siret: str = ""
    vat_number: str = ""
    email: str = ""
    phone: str = ""
    iban: str = ""
    bic: str = ""
    legal_form: str = ""
    share_capital: str = ""
    registry: str = ""
    sepa_creditor_id: str = ""
    late_payment_terms: str = ""
    footer: str = ""

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "PartyPaper":
        """The party of the fields frozen with an invoice; what this paper has no room for is left.

        A SIREN that is not given is read from the SIRET.
        """
        known = {each.name for each in fields(cls)}
        given = {name: str(value) for name, value in mapping.items() if name in known and value}
        given.setdefault("name", "")
        if not given.get("siren") and given.get("siret"):
            given["siren"] = given["siret"][:9]
        return cls(**given)

    @property
    def is_french(self) -> bool:
        """Registered in France, whose territories have codes of their own."""
        return self.country_code in FRENCH_CODES


FRENCH_CODES = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "MF", "BL", "PM"})
"""ISO 3166-1 codes of France and of those territories whose companies have a SIREN."""


@dataclass(frozen=True, slots=True)
class LinePaper:
    """An invoice line (BG-25); `net` is rounded, `quantity` is in `unit` (UN/ECE Rec 20)."""

    position: int
    description: str
    quantity: Decimal
    unit: str
    net: Decimal
    tax_category: TaxCategory
    tax_percent: Decimal
    tax_name: str = ""
    sessions_count: int = 0

    @property
    def billed(self) -> Decimal:
        """The quantity as it is billed: negative where the line gives something back (BR-27)."""
        return -abs(self.quantity) if self.net < 0 else abs(self.quantity)


@dataclass(frozen=True, slots=True)
class TaxPaper:
    """The tax of one category and rate (BG-23)."""

    name: str
    category: TaxCategory
    percent: Decimal
    basis: Decimal
    amount: Decimal
    legal_mention: str = ""
    exemption_code: str = ""


@dataclass(frozen=True, slots=True)
class Credited:
    """The invoice that a credit note takes back (BT-25, BT-26)."""

    reference: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class HomeTax:
    """The tax in the seller's own currency (BT-6, BT-111), with the rate that was used."""

    currency: str
    amount: Decimal
    rate: Decimal | None = None
    """What one unit of the invoice's currency is worth in `currency`; None when there is no tax."""
    rate_on: date | None = None


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """An invoice or a credit note; a draft has neither `reference` nor dates."""

    is_credit_note: bool
    reference: str
    issued_on: date | None
    due_on: date | None
    period_start: date
    period_end: date
    """The last day of the month (BT-74)."""
    currency: str
    language: str
    seller: PartyPaper
    buyer: PartyPaper
    buyer_code: str
    """The account's code with the seller (BT-46)."""
    buyer_is_business: bool
    lines: tuple[LinePaper, ...]
    taxes: tuple[TaxPaper, ...]
    net: Decimal
    tax: Decimal
    gross: Decimal
    reason: str = ""
    credited: Credited | None = None
    mandate_id: str = ""
    """The SEPA mandate by which the sum is taken (BT-89)."""
    home_tax: HomeTax | None = None
    mentions: tuple[str, ...] = ()
    """Sentences that were frozen when it was issued."""

    @property
    def is_draft(self) -> bool:
        return not self.reference


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """A day of a statement with a partner."""

    day: date
    cdr_count: int
    energy_kwh: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True)
class SettlementPaper:
    """What a partner and we owe each other for a month, in one direction and currency."""

    issuer: PartyPaper
    partner: PartyPaper
    partner_code: str
    """OCPI country code and party id, or the account's code."""
    language: str
    month: date
    is_payable: bool
    is_draft: bool
    currency: str
    cdr_count: int
    energy_kwh: Decimal
    net: Decimal
    tax: Decimal
    hub_fee: Decimal
    total: Decimal
    invoice_reference: str = ""
    rows: tuple[SettlementRow, ...] = field(default=())

    @property
    def fee_signed(self) -> Decimal:
        """The hub fee as it counts in the total: negative where it lowers it."""
        return self.total - self.net - self.tax


@dataclass(frozen=True, slots=True)
class ReceiptPaper:
    """What a driver paid for one session at the station, without a contract."""

    issuer: PartyPaper
    language: str
    time_zone: str
    reference: str
    issued_at: datetime
    station: str
    place: str
    evse: str
    started_at: datetime
    ended_at: datetime
    energy_kwh: Decimal
    currency: str
    net: Decimal
    taxes: tuple[TaxPaper, ...]
    gross: Decimal
    paid_by: str = ""
    """How it was paid, such as the last digits of a card."""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ReminderRow:
    """An invoice that is overdue."""

    reference: str
    issued_on: date
    due_on: date
    gross: Decimal
    open_amount: Decimal
    days_late: int


@dataclass(frozen=True, slots=True)
class ReminderPaper:
    """A reminder of overdue invoices; level 1 is friendly, each further one firmer."""

    seller: PartyPaper
    buyer: PartyPaper
    language: str
    made_on: date
    level: int
    currency: str
    subject: str
    text: str
    rows: tuple[ReminderRow, ...]
    fee: Decimal
    total: Decimal
