"""Statement files: what is read, what is not and why, whatever a bank or an attacker writes."""

from datetime import date
from decimal import Decimal

import pytest

from apps.billing.statements import (
    CsvOptions,
    StatementProblem,
    camt053_parse,
    columns_guess,
    csv_headers,
    csv_parse,
    format_guess,
)
from tests.billing.payments.scene import IBAN_A, IBAN_B, camt, entry

D = Decimal


def test_a_camt_statement_line_by_line() -> None:
    content = camt(
        entry("120.00", "Facture T-2026-00001", end_to_end="E2E-1"),
        entry("30.50", "Loyer", side="DBIT", name="SCI DU PORT", reference="BR-2"),
        opening="1000.00",
        closing="1089.50",
    )

    statement = camt053_parse(content)

    first, second = statement.lines
    assert (first.number, first.amount, first.currency) == (1, D("120.00"), "EUR")
    assert (first.booked_on, first.party_iban) == (date(2026, 6, 12), IBAN_A)
    assert (first.reference, first.end_to_end_id) == ("Facture T-2026-00001", "E2E-1")
    assert (second.amount, second.party_name, second.end_to_end_id) == (
        D("-30.50"), "SCI DU PORT", "",
    )  # fmt: skip
    assert (statement.iban, statement.balances_add_up) == (IBAN_B, True)
    assert (statement.opening_balance, statement.closing_balance) == (D("1000.00"), D("1089.50"))
    assert statement.bad_lines == ()


def test_bookings_that_do_not_make_the_balance_are_told() -> None:
    assert camt053_parse(camt(entry("1.00"), closing="9.00")).balances_add_up is False
    assert camt053_parse(camt(entry("1.00"))).balances_add_up is None


def test_a_collection_is_taken_apart_where_its_parts_add_up() -> None:
    def part(amount: str, text: str) -> str:
        return (
            f'<TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>'
            f"<RltdPties><Dbtr><Pty><Nm>{text}</Nm></Pty></Dbtr></RltdPties>"
            f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
        )

    def booking(*parts: str) -> bytes:
        return camt(
            '<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
            "<BookgDt><DtTm>2026-06-12T08:00:00</DtTm></BookgDt>"
            f"<NtryDtls>{''.join(parts)}</NtryDtls></Ntry>"
        )

    apart = camt053_parse(booking(part("10.00", "ANNE"), part("20.00", "BRUNO"))).lines
    whole = camt053_parse(booking(part("10.00", "ANNE"), part("19.00", "BRUNO"))).lines

    assert [(line.number, line.amount, line.party_name) for line in apart] == [
        (1, D("10.00"), "ANNE"), (2, D("20.00"), "BRUNO"),
    ]  # fmt: skip
    assert [(line.amount, line.party_name, line.reference) for line in whole] == [
        (D("30.00"), "", "ANNE BRUNO")
    ]


def test_a_debit_that_came_back_is_a_return() -> None:
    [line] = camt053_parse(
        camt(entry("12.00", side="DBIT", extra="<RvslInd>true</RvslInd>", end_to_end="DD-7"))
    ).lines

    assert (line.is_return, line.amount, line.end_to_end_id) == (True, D("-12.00"), "DD-7")


@pytest.mark.parametrize(
    ("entry_text", "code"),
    [
        (entry("0.00"), "line.amount"),
        (entry("abc"), "line.amount"),
        (entry("1.005"), "line.decimals"),
        (entry("1e99"), "line.amount"),
        (entry("NaN"), "line.amount"),
        (entry("5.00", day="2026-02-30"), "line.date"),
        (entry("5.00", side="BOTH"), "line.side"),
        (entry("5.00").replace('Ccy="EUR"', 'Ccy="euro"'), "line.currency"),
        (entry("5.00").replace("BOOK", "PDNG"), "line.not_booked"),
    ],
)
def test_a_bad_booking_is_kept_with_its_number(entry_text: str, code: str) -> None:
    statement = camt053_parse(camt(entry("1.00"), entry_text, entry("2.00", reference="BR-9")))

    assert [line.number for line in statement.lines] == [1, 3]
    [bad] = statement.bad_lines
    assert (bad.number, bad.code) == (2, code)
    assert "Ntry" in bad.raw


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "statement.empty"),
        (b"<Document>", "statement.not_xml"),
        (b"<Document/>", "statement.not_camt"),
        (b'<!DOCTYPE d [<!ENTITY x "y">]><d>&x;</d>', "statement.doctype"),
        (b"<a>" + b"x" * 10_000_001 + b"</a>", "statement.too_large"),
        (b"<!DOCTYPE d SYSTEM 'file:///etc/passwd'><d/>", "statement.doctype"),
        (b"\x00\x01", "statement.not_xml"),
    ],
)
def test_what_is_no_camt_is_refused_whole(content: bytes, code: str) -> None:
    with pytest.raises(StatementProblem) as refused:
        camt053_parse(content)

    assert refused.value.code == code


def test_entities_are_never_put_in() -> None:
    bomb = camt(entry("1.00", "&lol;")).replace(
        b"<Document", b'<!DOCTYPE Document [<!ENTITY lol "lollol">]><Document'
    )

    with pytest.raises(StatementProblem) as refused:
        camt053_parse(bomb)

    assert refused.value.code == "statement.doctype"


FRENCH = """Compte;FR76 3000;;;
Date;Libellé;Débit;Crédit;Nom
12/06/2026;VIR T-2026-00001;;1 120,50;MARINA
13/06/2026;LOYER;-800,00;;SCI
31/02/2026;X;;1,00;
14/06/2026;Y;1,00;1,00;
15/06/2026;Z;;;

16/06/2026;W;;12,345;
"""


def test_a_french_csv_with_debits_and_credits() -> None:
    statement = csv_parse(FRENCH.encode("cp1252").replace(b"Compte;FR76 3000;;;\n", b""))

    assert [(line.number, line.amount) for line in statement.lines] == [
        (2, D("1120.50")), (3, D("-800.00")),
    ]  # fmt: skip
    assert statement.lines[0].reference == "VIR T-2026-00001"
    assert [(line.number, line.code) for line in statement.bad_lines] == [
        (4, "line.date"), (5, "line.amount"), (6, "line.amount"), (8, "line.amount"),
    ]  # fmt: skip


def test_columns_are_mapped_by_hand_where_names_are_unknown() -> None:
    content = b'Wann,Wieviel,Was\n2026-06-12,-12.00,hello\n06/13/2026,"1,234.50",x\n'
    with pytest.raises(StatementProblem) as refused:
        csv_parse(content)
    assert (refused.value.code, refused.value.field) == ("statement.column_missing", "date")

    options = CsvOptions({"date": "Wann", "amount": "Wieviel"}, "USD", is_month_first=True)
    lines = csv_parse(content, options).lines

    assert [(line.amount, line.currency, line.booked_on.day) for line in lines] == [
        (D("-12.00"), "USD", 12), (D("1234.50"), "USD", 13),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1 234,56", "1234.56"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"), ("(12,00)", "-12"), ("12,00-", "-12"), ("+3.5 EUR", "3.5"),
        ("\u221212,00 €", "-12"), ("1'234.50", "1234.50"), ("7", "7"),
    ],
)  # fmt: skip
def test_amounts_as_banks_write_them(text: str, amount: str) -> None:
    content = f'date;amount\n2026-06-12;"{text}"\n'.encode()

    assert [line.amount for line in csv_parse(content).lines] == [D(amount)]


@pytest.mark.parametrize("text", ["1.234", "1,234", "12,3.4,5", "=1+1", "9" * 30, "0", "--", "1e5"])
def test_amounts_that_could_be_two_things_are_not_guessed(text: str) -> None:
    statement = csv_parse(f'date;amount\n2026-06-12;"{text}"\n'.encode())

    assert [bad.code for bad in statement.bad_lines] == ["line.amount"]


def test_the_same_booking_twice_in_a_file_is_two_and_in_two_files_one() -> None:
    one = camt053_parse(camt(entry("5.00"), entry("5.00")))
    other = camt053_parse(camt(entry("9.00", reference="BR-0"), entry("5.00"), entry("5.00")))

    first, second = (line.fingerprint for line in one.lines)
    assert first != second
    assert [line.fingerprint for line in other.lines[1:]] == [first, second]


def test_headers_and_formats_are_guessed() -> None:
    assert columns_guess(csv_headers(FRENCH.encode()[len("Compte;FR76 3000;;;\n") :])) == {
        "date": "Date", "reference": "Libellé", "debit": "Débit", "credit": "Crédit", "name": "Nom",
    }  # fmt: skip
    assert format_guess(b"\xef\xbb\xbf \n<Document/>") == "camt053"
    assert format_guess(b"a;b") == "csv"
