"""Papers from rows: what `apps.billing.documents` writes."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, DecimalField, F, Q, QuerySet, Sum, When
from django.db.models.functions import Abs, TruncDate

from apps.billing.choices import (
    AccountKind,
    InvoiceKind,
    InvoiceState,
    SettlementDirection,
    SettlementState,
    TaxCategory,
)
from apps.billing.documents.papers import (
    Credited,
    HomeTax,
    InvoicePaper,
    LinePaper,
    PartyPaper,
    ReceiptPaper,
    ReminderPaper,
    ReminderRow,
    SettlementPaper,
    SettlementRow,
    TaxPaper,
)
from apps.billing.minor_units import to_minor_units
from apps.billing.models import (
    BillingAccount,
    Cdr,
    Invoice,
    InvoiceCdr,
    Issuer,
    PartnerCdr,
    Reminder,
    Settlement,
)
from apps.billing.selectors.accounts import issuer_get
from apps.billing.selectors.taxes import BOOKS_CURRENCY
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up

NO_TAX = Decimal("0.00")


def invoice_paper(invoice: Invoice) -> InvoicePaper:
    """The paper of an invoice or credit note; of a draft with the parties as they are now."""
    issued = invoice.state == InvoiceState.ISSUED
    seller = invoice.seller if issued else _fields(_issuer())
    buyer = invoice.buyer if issued else _fields(invoice.account)
    end = (invoice.month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    credited = invoice.credits
    return InvoicePaper(
        is_credit_note=invoice.kind == InvoiceKind.CREDIT_NOTE,
        reference=invoice.reference or "",
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        period_start=invoice.month,
        period_end=end,
        currency=invoice.currency,
        language=invoice.language,
        seller=PartyPaper.from_mapping(seller),
        buyer=PartyPaper.from_mapping(buyer),
        buyer_code=str(buyer.get("code", "")) or invoice.account.code,
        buyer_is_business=buyer.get("kind", invoice.account.kind) != AccountKind.PERSON,
        lines=tuple(
            LinePaper(
                position=line.position,
                description=line.description,
                quantity=line.quantity,
                unit=line.unit,
                net=line.net,
                tax_category=TaxCategory(line.tax_category),
                tax_percent=line.tax_percent,
                tax_name=line.tax_name,
                sessions_count=line.sessions_count,
            )
            for line in invoice.lines.order_by("position")
        ),
        taxes=tuple(_tax(tax) for tax in invoice.taxes),
        net=invoice.net,
        tax=invoice.tax,
        gross=invoice.gross,
        reason=invoice.reason,
        credited=(
            Credited(str(credited.reference), credited.issued_on)
            if credited is not None and credited.issued_on is not None
            else None
        ),
        mandate_id=_mandate(invoice, seller, buyer),
        home_tax=_home_tax(invoice, seller),
        mentions=tuple(str(sentence) for sentence in seller.get("mentions", ())),
    )


def settlement_paper(settlement: Settlement, *, language: str = "") -> SettlementPaper:
    """The statement of a settlement, with a line for each day of the issuer's time zone."""
    account, issuer = settlement.account, _issuer()
    invoice = settlement.invoice
    return SettlementPaper(
        issuer=PartyPaper.from_mapping(_fields(issuer)),
        partner=PartyPaper.from_mapping(_fields(account)),
        partner_code="-".join(filter(None, (account.party_country_code, account.party_id)))
        or account.code,
        language=language or account.language,
        month=settlement.month,
        is_payable=settlement.direction == SettlementDirection.PAYABLE,
        is_draft=settlement.state != SettlementState.CONFIRMED,
        currency=settlement.currency,
        cdr_count=settlement.cdr_count,
        energy_kwh=settlement.energy_kwh,
        net=settlement.net,
        tax=settlement.tax,
        hub_fee=settlement.hub_fee,
        total=settlement.total,
        invoice_reference=(
            (invoice.reference or "")
            if invoice is not None
            else settlement.partner_invoice_reference
        ),
        rows=_settlement_days(settlement, issuer.time_zone),
    )


def receipt_paper(cdr: Cdr, *, language: str) -> ReceiptPaper:
    """The receipt of a session that was paid at once."""
    charge = getattr(cdr.session, "ad_hoc_charge", None)
    return ReceiptPaper(
        issuer=PartyPaper.from_mapping(_fields(_issuer())),
        language=language,
        time_zone=cdr.time_zone,
        reference=cdr.reference,
        issued_at=cdr.issued_at,
        station=cdr.station_name or cdr.station_id,
        place=cdr.commune,
        evse="" if cdr.evse_id is None else str(cdr.evse_id),
        started_at=cdr.started_at,
        ended_at=cdr.ended_at,
        energy_kwh=cdr.energy_kwh,
        currency=cdr.currency,
        net=round_half_up(cdr.total_incl_vat) - round_half_up(cdr.vat),
        taxes=tuple(
            TaxPaper(
                name=str(tax["name"]),
                category=TaxCategory.STANDARD,
                percent=Decimal(str(tax["percent"] or 0)),
                basis=round_half_up(Decimal(str(tax["base"]))),
                amount=round_half_up(Decimal(str(tax["amount"]))),
            )
            for tax in cdr.rating["taxes"]
        ),
        gross=round_half_up(cdr.total_incl_vat),
        paid_by=charge.provider if charge is not None else "",
        explanation=cdr.explanation,
    )


def reminder_paper(reminder: Reminder) -> ReminderPaper:
    """A reminder with its invoice and the words that it was made with."""
    invoice = reminder.invoice
    if invoice.issued_on is None or invoice.due_on is None:
        raise DomainError("documents.invoice_not_issued", "A draft has no reminder.")
    row = ReminderRow(
        reference=str(invoice.reference),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        gross=invoice.gross,
        open_amount=reminder.open_amount,
        days_late=reminder.days_overdue,
    )
    return ReminderPaper(
        seller=PartyPaper.from_mapping(_fields(_issuer())),
        buyer=PartyPaper.from_mapping(_fields(invoice.account)),
        language=reminder.language,
        made_on=reminder.made_at.date(),
        level=reminder.level,
        currency=reminder.currency,
        subject=reminder.subject,
        text=reminder.body,
        rows=(row,),
        fee=reminder.fee,
        total=reminder.open_amount + reminder.fee,
    )


def _issuer() -> Issuer:
    issuer = issuer_get()
    if issuer is None:
        raise DomainError("billing.issuer_missing", "Enter who issues the invoices first.")
    return issuer


def _fields(party: Issuer | BillingAccount) -> dict[str, Any]:
    return {field.attname: field.value_from_object(party) for field in party._meta.concrete_fields}


def _tax(kept: Mapping[str, Any]) -> TaxPaper:
    return TaxPaper(
        name=str(kept["name"]),
        category=TaxCategory(kept["category"]),
        percent=Decimal(str(kept["percent"])),
        basis=Decimal(str(kept["basis"])),
        amount=Decimal(str(kept["amount"])),
        legal_mention=str(kept.get("legal_mention") or ""),
        exemption_code=str(kept.get("exemption_code") or ""),
    )


def _mandate(invoice: Invoice, seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> str:
    """The mandate by which the sum is taken; only euros are (SEPA)."""
    by_debit = (
        invoice.currency == BOOKS_CURRENCY
        and seller.get("sepa_creditor_id")
        and buyer.get("iban")
        and buyer.get("sepa_mandate_signed_on")
    )
    return str(buyer.get("sepa_mandate_id", "")) if by_debit else ""


def _home_tax(invoice: Invoice, seller: Mapping[str, Any]) -> HomeTax | None:
    """The tax in euros, which a French seller always states (BR-FR-CO-12)."""
    party = PartyPaper.from_mapping(seller)
    if invoice.currency == BOOKS_CURRENCY or not party.is_french:
        return None
    rate = seller.get("exchange_rate")
    if rate is None:
        return HomeTax(BOOKS_CURRENCY, NO_TAX) if not invoice.tax else None
    euros = Decimal(str(rate["euros"]))
    return HomeTax(
        BOOKS_CURRENCY,
        to_minor_units(invoice.tax * euros, BOOKS_CURRENCY),
        euros,
        date.fromisoformat(str(rate["on"])),
    )


def _settlement_days(settlement: Settlement, time_zone: str) -> tuple[SettlementRow, ...]:
    """Its CDRs by the local day on which they ended, those taken back off."""
    rows: QuerySet[Any]
    if settlement.direction == SettlementDirection.PAYABLE:
        rows = PartnerCdr.objects.filter(settlement=settlement)
        cdr, is_credit = "", Q(is_credit=True)
    else:
        rows = InvoiceCdr.objects.filter(
            line__invoice__account=settlement.account_id,
            line__invoice__month=settlement.month,
            line__invoice__currency=settlement.currency,
        )
        cdr, is_credit = "cdr__", Q(line__invoice__kind=InvoiceKind.CREDIT_NOTE)

    def signed(name: str) -> Sum:
        minus = When(is_credit, then=-Abs(F(name)))
        return Sum(Case(minus, default=F(name), output_field=DecimalField()))

    days = (
        rows.annotate(day=TruncDate(f"{cdr}ended_at", tzinfo=ZoneInfo(time_zone)))
        .order_by("day")
        .values("day")
        .annotate(count=Count("pk"), energy=signed(f"{cdr}energy_kwh"), sum=signed("net"))
    )
    return tuple(
        SettlementRow(row["day"], row["count"], row["energy"], round_half_up(row["sum"]))
        for row in days
    )
