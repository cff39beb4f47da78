"""An invoice as UN/CEFACT Cross Industry Invoice (D16B), profile EN 16931 of Factur-X.

Elements stand in the order of the schema; the business term of each is named beside it. Nothing is
computed here but the price of one unit (BT-146): amounts are those of the paper.
"""

from datetime import date
from decimal import Decimal

from lxml import etree

from apps.billing.choices import TaxCategory
from apps.billing.documents.mentions import payment_notes
from apps.billing.documents.papers import InvoicePaper, LinePaper, PartyPaper, TaxPaper
from apps.billing.templatetags.papers import QUANTITY_PLACES, price_of_one
from cariflex.common.money import round_half_up

RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
NAMESPACES = {"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT}

PROFILE = "urn:cen.eu:en16931:2017"
INVOICE, CREDIT_NOTE = "380", "381"
SERVICES = "S1"
"""Kind of operation in BT-23 (French CTC), as the paper's own mention says it."""
CREDIT_TRANSFER, SEPA_TRANSFER, SEPA_DEBIT = "30", "58", "59"
SIREN, SIRET = "0002", "0009"
"""ISO 6523 codes of identifiers."""
FRENCH_ADDRESS, MAIL_ADDRESS = "0225", "EM"
"""Schemes of electronic addresses (BT-34-1, BT-49-1)."""

Node = etree._Element


def invoice_xml(paper: InvoicePaper) -> bytes:
    """The invoice as XML; no rule is checked here (`facturx.checked_xml` does)."""
    root = etree.Element(f"{{{RSM}}}CrossIndustryInvoice", nsmap=NAMESPACES)
    _context(root)
    _document(root, paper)
    trade = etree.SubElement(root, f"{{{RSM}}}SupplyChainTradeTransaction")
    for line in paper.lines:
        _line(trade, line)
    _agreement(trade, paper)
    delivery = _add(trade, "ApplicableHeaderTradeDelivery")
    _day(
        _add(delivery, "ActualDeliverySupplyChainEvent"), "OccurrenceDateTime", paper.period_end
    )  # BT-72
    _settlement(trade, paper)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add(parent: Node, name: str, text: str | None = None, **attributes: str) -> Node:
    node = etree.SubElement(parent, f"{{{RAM}}}{name}", attributes)
    node.text = text
    return node


def _add_if(parent: Node, name: str, text: str, **attributes: str) -> None:
    if text:
        _add(parent, name, text, **attributes)


def _day(parent: Node, name: str, day: date, namespace: str = UDT) -> None:
    moment = etree.SubElement(_add(parent, name), f"{{{namespace}}}DateTimeString", format="102")
    moment.text = f"{day:%Y%m%d}"


def number(value: Decimal) -> str:
    """A number without exponent and without idle zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: Decimal) -> str:
    """An amount with two decimals."""
    return f"{value:.2f}"


def _context(root: Node) -> None:
    context = etree.SubElement(root, f"{{{RSM}}}ExchangedDocumentContext")
    process = _add(context, "BusinessProcessSpecifiedDocumentContextParameter")
    _add(process, "ID", SERVICES)  # BT-23
    _add(_add(context, "GuidelineSpecifiedDocumentContextParameter"), "ID", PROFILE)  # BT-24


def _document(root: Node, paper: InvoicePaper) -> None:
    document = etree.SubElement(root, f"{{{RSM}}}ExchangedDocument")
    _add(document, "ID", paper.reference)  # BT-1
    _add(document, "TypeCode", CREDIT_NOTE if paper.is_credit_note else INVOICE)  # BT-3
    if paper.issued_on:
        _day(document, "IssueDateTime", paper.issued_on)  # BT-2
    if paper.reason:
        _add(_add(document, "IncludedNote"), "Content", paper.reason)
    for note in payment_notes(paper):
        included = _add(document, "IncludedNote")
        _add(included, "Content", note.text)  # BT-22
        _add(included, "SubjectCode", note.subject)  # BT-21


def _line(trade: Node, line: LinePaper) -> None:
    item = _add(trade, "IncludedSupplyChainTradeLineItem")
    _add(_add(item, "AssociatedDocumentLineDocument"), "LineID", str(line.position))  # BT-126
    _add(_add(item, "SpecifiedTradeProduct"), "Name", line.description)  # BT-153
    billed, price = _billed(line)
    agreed = _add(_add(item, "SpecifiedLineTradeAgreement"), "NetPriceProductTradePrice")
    _add(agreed, "ChargeAmount", number(price))  # BT-146
    delivery = _add(item, "SpecifiedLineTradeDelivery")
    _add(delivery, "BilledQuantity", number(billed), unitCode=line.unit)  # BT-129, BT-130
    settlement = _add(item, "SpecifiedLineTradeSettlement")
    tax = _add(settlement, "ApplicableTradeTax")
    _add(tax, "TypeCode", "VAT")
    _add(tax, "CategoryCode", line.tax_category.value)  # BT-151
    if line.tax_category != TaxCategory.OUTSIDE:  # BR-O-05
        _add(tax, "RateApplicablePercent", number(line.tax_percent))  # BT-152
    total = _add(settlement, "SpecifiedTradeSettlementLineMonetarySummation")
    _add(total, "LineTotalAmount", amount(line.net))  # BT-131


def _billed(line: LinePaper) -> tuple[Decimal, Decimal]:
    """Quantity (4 decimals at most) and price (6 at most, never negative: BR-27) of a line.

    What is given back has a negative quantity. A line whose quantity is 0 is one piece.
    """
    billed = round_half_up(line.billed, QUANTITY_PLACES) or Decimal(1).copy_sign(line.net)
    return billed, price_of_one(line.net, billed)


def _agreement(trade: Node, paper: InvoicePaper) -> None:
    agreement = _add(trade, "ApplicableHeaderTradeAgreement")
    outside = any(tax.category == TaxCategory.OUTSIDE for tax in paper.taxes)
    seller = _add(agreement, "SellerTradeParty")
    _add_if(seller, "GlobalID", paper.seller.siret, schemeID=SIRET)  # BT-29
    _add(seller, "Name", paper.seller.name)  # BT-27
    _add_if(seller, "Description", _seller_description(paper.seller))  # BT-33
    _party_rest(seller, paper.seller, with_tax=not outside, with_contact=True)
    buyer = _add(agreement, "BuyerTradeParty")
    _add_if(buyer, "ID", paper.buyer_code)  # BT-46
    _add(buyer, "Name", paper.buyer.name)  # BT-44
    _party_rest(buyer, paper.buyer, with_tax=not outside, with_contact=False)


def _seller_description(seller: PartyPaper) -> str:
    return ", ".join(filter(None, (seller.legal_form, seller.share_capital, seller.registry)))


def _party_rest(node: Node, party: PartyPaper, *, with_tax: bool, with_contact: bool) -> None:
    if party.siren:
        _add(_add(node, "SpecifiedLegalOrganization"), "ID", party.siren, schemeID=SIREN)
    if with_contact and (party.phone or party.email):  # BG-6
        contact = _add(node, "DefinedTradeContact")
        _add(contact, "PersonName", party.name)
        if party.phone:
            _add(_add(contact, "TelephoneUniversalCommunication"), "CompleteNumber", party.phone)
        if party.email:
            _add(_add(contact, "EmailURIUniversalCommunication"), "URIID", party.email)
    address = _add(node, "PostalTradeAddress")
    _add_if(address, "PostcodeCode", party.postal_code)
    _add_if(address, "LineOne", party.street)
    _add_if(address, "LineTwo", party.street_more)
    _add_if(address, "CityName", party.city)
    _add(address, "CountryID", party.country_code)
    endpoint, scheme = electronic_address(party)
    if endpoint:  # BT-34, BT-49
        _add(_add(node, "URIUniversalCommunication"), "URIID", endpoint, schemeID=scheme)
    if with_tax and party.vat_number:  # BT-31, BT-32, BT-48; none outside the scope (BR-O-02)
        scheme = "VA" if is_vat_number(party) else "FC"
        registration = _add(node, "SpecifiedTaxRegistration")
        _add(registration, "ID", "".join(party.vat_number.split()), schemeID=scheme)


def electronic_address(party: PartyPaper) -> tuple[str, str]:
    """Where the invoice is delivered: the SIREN in France's directory, else an e-mail address."""
    if party.siren and party.is_french:
        return party.siren, FRENCH_ADDRESS
    return party.email, MAIL_ADDRESS if party.email else ""


def is_vat_number(party: PartyPaper) -> bool:
    """Whether it begins with a country's code, as a VAT identifier does (BR-CO-9)."""
    prefix = party.vat_number[:2]
    return prefix.isalpha() and (
        prefix == party.country_code or (prefix == "FR" and party.is_french)
    )


def _settlement(trade: Node, paper: InvoicePaper) -> None:
    settlement = _add(trade, "ApplicableHeaderTradeSettlement")
    seller = paper.seller
    by_debit = bool(paper.mandate_id and seller.sepa_creditor_id and not paper.is_credit_note)
    if by_debit:
        _add(settlement, "CreditorReferenceID", seller.sepa_creditor_id)  # BT-90
    _add(settlement, "PaymentReference", paper.reference)  # BT-83
    if paper.home_tax:
        _add(settlement, "TaxCurrencyCode", paper.home_tax.currency)  # BT-6
    _add(settlement, "InvoiceCurrencyCode", paper.currency)  # BT-5
    _payment_means(settlement, paper, by_debit=by_debit)
    for tax in paper.taxes:
        _tax(settlement, tax)
    period = _add(settlement, "BillingSpecifiedPeriod")
    _day(period, "StartDateTime", paper.period_start)  # BT-73
    _day(period, "EndDateTime", paper.period_end)  # BT-74
    if paper.due_on:
        terms = _add(settlement, "SpecifiedTradePaymentTerms")
        _day(terms, "DueDateDateTime", paper.due_on)  # BT-9
        if by_debit:
            _add(terms, "DirectDebitMandateID", paper.mandate_id)  # BT-89
    _totals(settlement, paper)
    if paper.credited:
        credited = _add(settlement, "InvoiceReferencedDocument")
        _add(credited, "IssuerAssignedID", paper.credited.reference)  # BT-25
        _day(credited, "FormattedIssueDateTime", paper.credited.issued_on, QDT)  # BT-26


def _payment_means(settlement: Node, paper: InvoicePaper, *, by_debit: bool) -> None:
    seller, buyer = paper.seller, paper.buyer
    if by_debit:
        means = _add(settlement, "SpecifiedTradeSettlementPaymentMeans")
        _add(means, "TypeCode", SEPA_DEBIT)  # BT-81
        if buyer.iban:
            _add(_add(means, "PayerPartyDebtorFinancialAccount"), "IBANID", buyer.iban)  # BT-91
    elif seller.iban and not paper.is_credit_note:
        means = _add(settlement, "SpecifiedTradeSettlementPaymentMeans")
        _add(means, "TypeCode", SEPA_TRANSFER if paper.currency == "EUR" else CREDIT_TRANSFER)
        payee = _add(means, "PayeePartyCreditorFinancialAccount")
        _add(payee, "IBANID", "".join(seller.iban.split()))  # BT-84
        if seller.bic:
            bank = _add(means, "PayeeSpecifiedCreditorFinancialInstitution")
            _add(bank, "BICID", seller.bic)  # BT-86


def _tax(settlement: Node, tax: TaxPaper) -> None:
    node = _add(settlement, "ApplicableTradeTax")
    _add(node, "CalculatedAmount", amount(tax.amount))  # BT-117
    _add(node, "TypeCode", "VAT")
    is_exempt = tax.category not in (TaxCategory.STANDARD, TaxCategory.ZERO)  # BR-S-10, BR-Z-10
    if is_exempt:
        _add_if(node, "ExemptionReason", tax.legal_mention)  # BT-120
    _add(node, "BasisAmount", amount(tax.basis))  # BT-116
    _add(node, "CategoryCode", tax.category.value)  # BT-118
    if is_exempt:
        _add_if(node, "ExemptionReasonCode", tax.exemption_code)  # BT-121
    if tax.category != TaxCategory.OUTSIDE:
        _add(node, "RateApplicablePercent", number(tax.percent))  # BT-119


def _totals(settlement: Node, paper: InvoicePaper) -> None:
    totals = _add(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation")
    _add(totals, "LineTotalAmount", amount(paper.net))  # BT-106
    _add(totals, "TaxBasisTotalAmount", amount(paper.net))  # BT-109
    _add(totals, "TaxTotalAmount", amount(paper.tax), currencyID=paper.currency)  # BT-110
    if paper.home_tax:
        home = paper.home_tax
        _add(totals, "TaxTotalAmount", amount(home.amount), currencyID=home.currency)  # BT-111
    _add(totals, "GrandTotalAmount", amount(paper.gross))  # BT-112
    _add(totals, "DuePayableAmount", amount(paper.gross))  # BT-115
