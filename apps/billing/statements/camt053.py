"""CAMT.053 (ISO 20022 bank-to-customer statement), any version from 001.02 on.

A booking of several payments is taken apart where the bank gives each one's amount and they add
up to it; otherwise it stays one line.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from lxml import etree

from apps.billing.statements.model import (
    LARGEST,
    MOST_LINES,
    RAW_LENGTH,
    REFERENCE_LENGTH,
    BadLine,
    Line,
    Statement,
    StatementProblem,
    fingerprinted,
    iban_clean,
    size_check,
    text_clean,
)

NOT_PROVIDED = "NOTPROVIDED"
BOOKED = "BOOK"


class _Unreadable(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def camt053_parse(content: bytes) -> Statement:
    """The lines of a CAMT.053 file; raises StatementProblem when it is not one.

    No entity is resolved, nothing is fetched, and a document type is refused.
    """
    size_check(content)
    root = _root(content)
    statements = list(root.iterfind(".//{*}Stmt"))
    if not statements:
        raise StatementProblem("statement.not_camt", "There is no statement (Stmt) in the file.")
    lines: list[Line] = []
    bad: list[BadLine] = []
    number = 0
    adds_up: bool | None = None
    for one in statements:
        own_iban = iban_clean(_text(one, "Acct/Id/IBAN"))
        booked = Decimal(0)
        is_whole = True
        for entry in one.iterfind("{*}Ntry"):
            for part in _parts(entry):
                number += 1
                if number > MOST_LINES:
                    raise StatementProblem("statement.too_long", "More than 50,000 lines.")
                try:
                    line = _line(number, entry, part, own_iban)
                except _Unreadable as err:
                    is_whole = is_whole and err.code == "line.not_booked"
                    bad.append(BadLine(number, err.code, err.message, _raw(entry)))
                else:
                    booked += line.amount
                    lines.append(line)
        adds_up = _and(adds_up, _adds_up(one, booked) if is_whole else None)
    return Statement(
        lines=fingerprinted(lines),
        bad_lines=tuple(bad),
        iban=iban_clean(_text(statements[0], "Acct/Id/IBAN")),
        statement_ids=tuple(filter(None, (_text(one, "Id")[:60] for one in statements))),
        opening_balance=_balance(statements[0], ("OPBD", "PRCD")),
        closing_balance=_balance(statements[-1], ("CLBD",)),
        balances_add_up=adds_up,
    )


def _root(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as err:
        raise StatementProblem("statement.not_xml", f"The XML cannot be read: {err}") from err
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise StatementProblem("statement.doctype", "A document type (DOCTYPE) is not taken.")
    return root


def _parts(entry: etree._Element) -> Iterator[etree._Element | None]:
    """The payments of a booking, or None for it as a whole."""
    details = list(entry.iterfind("{*}NtryDtls/{*}TxDtls"))
    if len(details) < 2:
        yield details[0] if details else None
        return
    amounts = [_detail_amount(detail) for detail in details]
    whole = _decimal(_text(entry, "Amt"))
    known = [amount for amount in amounts if amount is not None]
    if whole is not None and len(known) == len(details) and sum(known) == whole:
        yield from details
    else:
        yield None


def _line(number: int, entry: etree._Element, part: etree._Element | None, iban: str) -> Line:
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status and status != BOOKED:
        raise _Unreadable("line.not_booked", f"The booking is not final: its status is {status}.")
    several = len(list(entry.iterfind("{*}NtryDtls/{*}TxDtls"))) > 1
    amount = _detail_amount(part) if part is not None and several else None
    if amount is None:
        amount = _decimal(_text(entry, "Amt"))
    currency = _currency(entry, part if several else None)
    if amount is None or amount <= 0 or amount >= LARGEST:
        raise _Unreadable("line.amount", f"No amount can be read: {_text(entry, 'Amt')!r}.")
    if amount != amount.quantize(Decimal("0.01")):
        raise _Unreadable("line.decimals", f"The amount {amount} has more than two decimals.")
    side = _text(entry, "CdtDbtInd")
    if side not in ("CRDT", "DBIT"):
        raise _Unreadable("line.side", "It does not say whether it is a credit or a debit.")
    is_credit = side == "CRDT"
    source = part if part is not None else entry
    # A booking of many that stays one line has no single party.
    is_batch = several and part is None
    party = "Dbtr" if is_credit else "Cdtr"
    is_return = _text(entry, "RvslInd") == "true" or source.find(".//{*}RtrInf") is not None
    if is_return:
        # The parties are those of the payment that comes back.
        party = "Cdtr" if is_credit else "Dbtr"
    end_to_end = "" if is_batch else _first(source, "Refs/EndToEndId")
    name, party_iban = "", ""
    if not is_batch:
        name = _first(source, f"RltdPties/{party}/Nm", f"RltdPties/{party}/Pty/Nm")
        party_iban = iban_clean(_first(source, f"RltdPties/{party}Acct/Id/IBAN"))
    return Line(
        number=number,
        booked_on=_day(entry),
        amount=amount if is_credit else -amount,
        currency=currency,
        party_name=name[:200],
        party_iban=party_iban,
        reference=_reference(entry, source)[:REFERENCE_LENGTH],
        end_to_end_id="" if end_to_end == NOT_PROVIDED else end_to_end[:64],
        bank_reference=(
            ("" if is_batch else _first(source, "Refs/AcctSvcrRef"))
            or _text(entry, "AcctSvcrRef")
            or _text(entry, "NtryRef")
        )[:64],
        is_return=is_return,
        raw=_raw(entry),
        own_iban=iban,
    )  # fmt: skip


def _reference(entry: etree._Element, source: etree._Element) -> str:
    words = [
        text_clean(node.text or "")
        for path in (".//{*}RmtInf/{*}Strd/{*}CdtrRefInf/{*}Ref", ".//{*}RmtInf/{*}Ustrd")
        for node in source.iterfind(path)
    ]
    if not any(words):
        words = [_text(entry, "AddtlNtryInf"), _first(source, "AddtlTxInf")]
    return " ".join(filter(None, words))


def _currency(entry: etree._Element, part: etree._Element | None) -> str:
    node = entry.find("{*}Amt")
    if part is not None:
        node = part.find("{*}Amt")
        if node is None:
            node = part.find("{*}AmtDtls/{*}TxAmt/{*}Amt")
    currency = (node.get("Ccy") or "") if node is not None else ""
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise _Unreadable("line.currency", f"No currency can be read: {currency!r}.")
    return currency


def _detail_amount(detail: etree._Element) -> Decimal | None:
    return _decimal(_text(detail, "Amt") or _text(detail, "AmtDtls/TxAmt/Amt"))


def _day(entry: etree._Element) -> date:
    text = (
        _text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm")[:10]
        or _text(entry, "ValDt/Dt") or _text(entry, "ValDt/DtTm")[:10]
    )  # fmt: skip
    try:
        return date.fromisoformat(text[:10])
    except ValueError as err:
        raise _Unreadable("line.date", f"No date can be read: {text!r}.") from err


def _balance(statement: etree._Element, kinds: tuple[str, ...]) -> Decimal | None:
    for balance in statement.iterfind("{*}Bal"):
        if _text(balance, "Tp/CdOrPrtry/Cd") in kinds:
            amount = _decimal(_text(balance, "Amt"))
            if amount is not None and abs(amount) < LARGEST:
                return amount if _text(balance, "CdtDbtInd") == "CRDT" else -amount
    return None


def _adds_up(statement: etree._Element, booked: Decimal) -> bool | None:
    opening = _balance(statement, ("OPBD", "PRCD"))
    closing = _balance(statement, ("CLBD",))
    return None if opening is None or closing is None else opening + booked == closing


def _and(before: bool | None, now: bool | None) -> bool | None:
    if before is None or now is None:
        return now if before is None else before
    return before and now


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _text(node: etree._Element, path: str) -> str:
    """The text at a path of local names; empty when there is none."""
    found = node.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    return text_clean(found.text or "") if found is not None else ""


def _first(node: etree._Element, *paths: str) -> str:
    """The first text below any of the paths, at any depth."""
    for path in paths:
        found = node.find(".//" + "/".join(f"{{*}}{name}" for name in path.split("/")))
        if found is not None and found.text and found.text.strip():
            return text_clean(found.text)
    return ""


def _raw(entry: etree._Element) -> str:
    text = etree.tostring(entry, encoding="unicode", with_tail=False)
    return " ".join(text.split())[:RAW_LENGTH]
