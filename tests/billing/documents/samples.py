"""Papers as an operator of Guadeloupe writes them; each tax category has one."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from apps.billing.choices import TaxCategory
from apps.billing.documents.papers import (
    Credited,
    HomeTax,
    InvoicePaper,
    LinePaper,
    PartyPaper,
    TaxPaper,
)

D = Decimal
SELLER = PartyPaper(
    name="Énergie des Îles",
    street="12 rue Frébault",
    postal_code="97110",
    city="Pointe-à-Pitre",
    country_code="FR",
    territory="GP",
    siren="732829320",
    siret="73282932000074",
    vat_number="FR44732829320",
    email="facturation@energie-iles.example",
    phone="+590 590 12 34 56",
    iban="FR7630006000011234567890189",
    bic="AGRIFRPP",
    legal_form="SAS",
    share_capital="50 000 EUR",
    registry="RCS Pointe-à-Pitre 732 829 320",
    sepa_creditor_id="FR72ZZZ123456",
    footer="Médiateur de l'énergie : www.energie-mediateur.fr",
)
COMPANY = PartyPaper(
    name="Taxis Karukéra & Fils <SARL>",
    street="3 quai Lardenoy",
    postal_code="97100",
    city="Basse-Terre",
    country_code="FR",
    territory="GP",
    siren="552100554",
    siret="55210055400013",
    vat_number="FR96552100554",
    email="compta@taxis.example",
    iban="FR1420041010050500013M02606",
)
PERSON = PartyPaper(
    name="Éloïse Désirée",
    street="Route de la Soufrière",
    postal_code="97120",
    city="Saint-Claude",
    country_code="FR",
    email="eloise@example.org",
)
PARTNER = PartyPaper(
    name="Voltaria GmbH",
    street="Ladeweg 1",
    postal_code="10115",
    city="Berlin",
    country_code="DE",
    vat_number="DE136695976",
    email="billing@voltaria.example",
)
DOMINICA = PartyPaper(
    name="Nature Isle Taxi Co-op",
    street="Bay Front",
    city="Roseau",
    country_code="DM",
    email="office@nit.example",
)


def line(
    position: int,
    net: str,
    quantity: str = "1",
    *,
    unit: str = "C62",
    category: TaxCategory = TaxCategory.STANDARD,
    percent: str = "8.5",
    description: str = "Recharge, stations de Guadeloupe",
    sessions: int = 0,
) -> LinePaper:
    return LinePaper(
        position=position,
        description=description,
        quantity=D(quantity),
        unit=unit,
        net=D(net),
        tax_category=category,
        tax_percent=D(percent),
        tax_name="TVA",
        sessions_count=sessions,
    )


def standard() -> InvoicePaper:
    """8.5 % and 2.1 %: 312.456789 kWh for 109.36 and a card for 15.00; 9.30 and 0.32 of tax."""
    return InvoicePaper(
        is_credit_note=False,
        reference="F-2026-000042",
        issued_on=date(2026, 4, 2),
        due_on=date(2026, 5, 2),
        period_start=date(2026, 3, 1),
        period_end=date(2026, 3, 31),
        currency="EUR",
        language="fr",
        seller=SELLER,
        buyer=COMPANY,
        buyer_code="taxis-karukera",
        buyer_is_business=True,
        lines=(
            line(1, "109.36", "312.456789", unit="KWH", sessions=17),
            line(2, "15.00", "3", percent="2.1", description="Badge"),
        ),
        taxes=(
            TaxPaper("TVA", TaxCategory.STANDARD, D("8.5"), D("109.36"), D("9.30")),
            TaxPaper("TVA", TaxCategory.STANDARD, D("2.1"), D("15.00"), D("0.32")),
        ),
        net=D("124.36"),
        tax=D("9.62"),
        gross=D("133.98"),
    )


def untaxed(
    category: TaxCategory, mention: str, code: str = "", *, name: str = "TVA"
) -> InvoicePaper:
    """The same month without tax: 100.00."""
    return replace(
        standard(),
        reference=f"F-2026-{category}",
        lines=(line(1, "100.00", "250", unit="KWH", category=category, percent="0"),),
        taxes=(TaxPaper(name, category, D(0), D("100.00"), D("0.00"), mention, code),),
        net=D("100.00"),
        tax=D("0.00"),
        gross=D("100.00"),
    )


def zero() -> InvoicePaper:
    return untaxed(TaxCategory.ZERO, "")


def exempt() -> InvoicePaper:
    """Guyane: French VAT does not apply there."""
    return untaxed(TaxCategory.EXEMPT, "TVA non applicable en Guyane, article 294 du CGI")


def reverse_charge() -> InvoicePaper:
    """An eMSP in Germany."""
    paper = untaxed(TaxCategory.REVERSE_CHARGE, "Autoliquidation", "VATEX-EU-AE")
    return replace(paper, buyer=PARTNER, buyer_code="DE-VLT", language="en")


def outside() -> InvoicePaper:
    """A customer outside the scope of tax, in US dollars; nothing names a VAT number."""
    paper = untaxed(TaxCategory.OUTSIDE, "Outside the scope of VAT", "VATEX-EU-O")
    home = HomeTax("EUR", D("0.00"))
    return replace(paper, buyer=DOMINICA, currency="USD", language="es", home_tax=home)


def credit_note() -> InvoicePaper:
    """Takes 10.00 of the standard invoice back; amounts are positive."""
    return replace(
        standard(),
        is_credit_note=True,
        reference="A-2026-000003",
        issued_on=date(2026, 4, 20),
        due_on=date(2026, 4, 20),
        lines=(line(1, "10.00", "28.5714", unit="KWH"),),
        taxes=(TaxPaper("TVA", TaxCategory.STANDARD, D("8.5"), D("10.00"), D("0.85")),),
        net=D("10.00"),
        tax=D("0.85"),
        gross=D("10.85"),
        reason="Session comptée deux fois",
        credited=Credited("F-2026-000042", date(2026, 4, 2)),
    )


def caribbean_dollars() -> InvoicePaper:
    """In XCD, with the tax in euros too; 1 XCD = 0.342 EUR, 9.30 XCD = 3.18 EUR."""
    return replace(
        standard(),
        reference="F-2026-XCD1",
        currency="XCD",
        language="en",
        lines=(line(1, "109.36", "312.456789", unit="KWH"),),
        taxes=(TaxPaper("TVA", TaxCategory.STANDARD, D("8.5"), D("109.36"), D("9.30")),),
        net=D("109.36"),
        tax=D("9.30"),
        gross=D("118.66"),
        home_tax=HomeTax("EUR", D("3.18"), D("0.342"), date(2026, 4, 1)),
    )


def person() -> InvoicePaper:
    """A private customer who pays by direct debit; one line gives 5.00 back."""
    return replace(
        standard(),
        reference="F-2026-000043",
        buyer=replace(PERSON, iban="FR1420041010050500013M02606"),
        buyer_code="c-1007",
        buyer_is_business=False,
        mandate_id="RUM-1007",
        lines=(
            line(1, "45.00", "100", unit="KWH", sessions=4),
            line(2, "-5.00", "10", unit="KWH", description="Session du 3 mars, corrigée"),
        ),
        taxes=(TaxPaper("TVA", TaxCategory.STANDARD, D("8.5"), D("40.00"), D("3.40")),),
        net=D("40.00"),
        tax=D("3.40"),
        gross=D("43.40"),
    )


ALL = {
    make.__name__: make
    for make in (
        standard, zero, exempt, reverse_charge, outside, credit_note, caribbean_dollars, person,
    )
}  # fmt: skip
