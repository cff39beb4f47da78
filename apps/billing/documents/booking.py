"""How invoices, payments and settlements are booked: double entry, French chart of accounts.

| what | journal | debit | credit |
|---|---|---|---|
| invoice | sales | 411 customer: gross | 706 sales: net, 4457 tax |
| credit note | sales | 706, 4457 | 411 |
| payment in | bank | 512 / 5115 / 530 | 411 customer, or 471 while the payer is not known |
| payment out | bank | 411 customer | 512 / 5115 / 530 |
| payer found later | other | 471 | 411 customer |
| settlement that we owe | purchases | 604 net, 44566 tax, 622 hub fee | 401 partner |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from apps.billing.documents.fec import Account, Amount, Entry, entry_made


@dataclass(frozen=True, slots=True)
class SalesAccounts:
    """Where the sales of one tax rate, and its tax, go."""

    sales: str
    tax_collected: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The operator's accounts and journals, as in `BookSettings`."""

    customers: str
    suppliers: str
    sales: str
    tax_collected: str
    tax_deductible: str
    purchases: str
    hub_fees: str
    bank: str
    cards: str
    cash: str
    suspense: str
    sales_journal: str
    purchases_journal: str
    bank_journal: str
    general_journal: str
    by_tax: Mapping[tuple[str, Decimal], SalesAccounts] = field(default_factory=dict)

    def sales_accounts(self, category: str, percent: Decimal) -> SalesAccounts:
        """The accounts of a tax rate, else those of all sales."""
        own = self.by_tax.get((category, percent.normalize()))
        if own is None:
            return SalesAccounts(self.sales, self.tax_collected)
        return SalesAccounts(own.sales, own.tax_collected or self.tax_collected)

    def money(self, method: str) -> Account:
        """Where money of that way of payment lies."""
        if method == "card":
            return Account(self.cards, "Encaissements par carte")
        if method == "cash":
            return Account(self.cash, "Caisse")
        return Account(self.bank, "Banque")

    def customer(self, code: str, name: str) -> Account:
        """A customer below the account of customers; without a code, whoever it may be."""
        if not code:
            return Account(self.suspense, "Compte d'attente")
        return Account(self.customers, "Clients", code, name)


@dataclass(frozen=True, slots=True)
class TaxedSum:
    """Net and tax of one rate."""

    category: str
    percent: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Sale:
    """An issued invoice or credit note, in its own currency."""

    source: str
    reference: str
    issued_on: date
    is_credit_note: bool
    party_code: str
    party_name: str
    sums: tuple[TaxedSum, ...]
    currency: str
    euros: Decimal
    """What one unit of the currency is worth on that day."""


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    """A payment that came in (positive) or went out (negative)."""

    source: str
    reference: str
    paid_on: date
    method: str
    amount: Decimal
    party_code: str
    party_name: str
    currency: str
    euros: Decimal


@dataclass(frozen=True, slots=True)
class Purchase:
    """A confirmed settlement that we owe a partner."""

    source: str
    reference: str
    on: date
    party_code: str
    party_name: str
    net: Decimal
    tax: Decimal
    hub_fee: Decimal
    """Signed as it counts in what is owed."""
    currency: str
    euros: Decimal


def sale_entry(sale: Sale, chart: Chart) -> Entry:
    """An invoice or a credit note in the journal of sales."""
    sign = 1 if sale.is_credit_note else -1
    parts: list[Amount] = []
    for each in sale.sums:
        accounts = chart.sales_accounts(each.category, each.percent)
        parts.append(Amount(Account(accounts.sales, "Ventes de recharge"), sign * each.net))
        parts.append(Amount(Account(accounts.tax_collected, "Taxe collectée"), sign * each.tax))
    word = "Avoir" if sale.is_credit_note else "Facture"
    return entry_made(
        source=sale.source,
        journal=chart.sales_journal,
        on=sale.issued_on,
        piece_reference=sale.reference,
        piece_on=sale.issued_on,
        label=f"{word} {sale.reference} {sale.party_name}",
        parts=parts,
        against=chart.customer(sale.party_code, sale.party_name),
        currency=sale.currency,
        euros=sale.euros,
    )


def money_entry(moved: MoneyMoved, chart: Chart) -> Entry:
    """A payment in the journal of the bank."""
    word = "Règlement" if moved.amount > 0 else "Remboursement"
    return entry_made(
        source=moved.source,
        journal=chart.bank_journal,
        on=moved.paid_on,
        piece_reference=moved.reference,
        piece_on=moved.paid_on,
        label=f"{word} {moved.party_name or moved.reference}",
        parts=[Amount(chart.customer(moved.party_code, moved.party_name), -moved.amount)],
        against=chart.money(moved.method),
        currency=moved.currency,
        euros=moved.euros,
    )


def payer_found_entry(moved: MoneyMoved, chart: Chart, *, on: date) -> Entry:
    """A payment that lay on the suspense account goes to its customer."""
    return entry_made(
        source=moved.source,
        journal=chart.general_journal,
        on=on,
        piece_reference=moved.reference,
        piece_on=moved.paid_on,
        label=f"Affectation {moved.party_name}",
        parts=[Amount(chart.customer(moved.party_code, moved.party_name), -moved.amount)],
        against=chart.customer("", ""),
        currency=moved.currency,
        euros=moved.euros,
    )


def purchase_entry(purchase: Purchase, chart: Chart) -> Entry:
    """What a partner sold us, in the journal of purchases."""
    return entry_made(
        source=purchase.source,
        journal=chart.purchases_journal,
        on=purchase.on,
        piece_reference=purchase.reference,
        piece_on=purchase.on,
        label=f"Itinérance {purchase.reference} {purchase.party_name}",
        parts=[
            Amount(Account(chart.purchases, "Achats d'itinérance"), purchase.net),
            Amount(Account(chart.tax_deductible, "Taxe déductible"), purchase.tax),
            Amount(Account(chart.hub_fees, "Frais de plateforme"), purchase.hub_fee),
        ],
        against=Account(chart.suppliers, "Fournisseurs", purchase.party_code, purchase.party_name),
        currency=purchase.currency,
        euros=purchase.euros,
    )
