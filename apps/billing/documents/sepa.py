"""SEPA files: pain.008.001.08 (direct debits) and pain.001.001.09 (credit transfers).

Written by sepaxml and held against the ISO 20022 schema. Text is in the characters that every bank
takes (EPC217-08, section 6.2): letters without accents, digits and / - ? : ( ) . , ' + space.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from lxml import etree
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from sepaxml import SepaDD, SepaTransfer

from cariflex.common.errors import DomainError

DEBIT_SCHEMA = "pain.008.001.08"
CREDIT_SCHEMA = "pain.001.001.09"
NAME_LENGTH, TEXT_LENGTH, ID_LENGTH = 70, 140, 35
_OTHER = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]+")


@dataclass(frozen=True, slots=True)
class BankParty:
    """Whose account: name, IBAN, and BIC where it is known."""

    name: str
    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Mandate:
    """The mandate of a debtor."""

    mandate_id: str
    signed_on: date


@dataclass(frozen=True, slots=True)
class BankOrder:
    """One payment in euros, from or to a party; `mandate` for a direct debit."""

    end_to_end_id: str
    amount: Decimal
    party: BankParty
    text: str
    mandate: Mandate | None = None


@dataclass(frozen=True, slots=True)
class BankFile:
    """What stands at the head of a file."""

    message_id: str
    owner: BankParty
    pays_on: date
    made_at: datetime
    creditor_id: str = ""


def debit_xml(file: BankFile, orders: Sequence[BankOrder]) -> bytes:
    """pain.008.001.08, CORE, recurring: each order takes euros from its party.

    DomainError for a wrong IBAN or BIC, an amount that is not positive, or no order at all.
    """
    config = {**_config(file), "creditor_id": file.creditor_id, "instrument": "CORE"}
    sepa = SepaDD(config, schema=DEBIT_SCHEMA, clean=False)
    for order in _checked(orders):
        if order.mandate is None:
            raise DomainError("documents.mandate_missing", f"{order.party.name} has no mandate.")
        sepa.add_payment(
            {
                **_payment(order),
                "type": "RCUR",
                "collection_date": file.pays_on,
                "mandate_id": bank_id(order.mandate.mandate_id),
                "mandate_date": order.mandate.signed_on,
            }
        )
    return _finished(sepa.export(validate=False), file, DEBIT_SCHEMA)


def credit_xml(file: BankFile, orders: Sequence[BankOrder]) -> bytes:
    """pain.001.001.09: each order gives euros to its party; errors as in `debit_xml`."""
    sepa = SepaTransfer(_config(file), schema=CREDIT_SCHEMA, clean=False)
    for order in _checked(orders):
        sepa.add_payment({**_payment(order), "execution_date": file.pays_on})
    return _finished(sepa.export(validate=False), file, CREDIT_SCHEMA)


def bank_text(text: str, length: int) -> str:
    """The text in characters that every bank takes, cut to a length."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(_OTHER.sub(" ", plain).split())[:length].strip()


def bank_id(text: str) -> str:
    """An identifier of at most 35 such characters without spaces."""
    return bank_text(text, ID_LENGTH).replace(" ", "-")


def _config(file: BankFile) -> dict[str, Any]:
    return {**_party(file.owner), "batch": True, "currency": "EUR"}


def _party(party: BankParty) -> dict[str, Any]:
    try:
        iban = IBAN(party.iban)
    except SchwiftyException as err:
        raise DomainError(
            "documents.iban_invalid", f"{party.name}: this is no IBAN.", field="iban"
        ) from err
    parts = {"name": bank_text(party.name, NAME_LENGTH), "IBAN": str(iban)}
    if party.bic:
        try:
            parts["BIC"] = str(BIC(party.bic))
        except SchwiftyException as err:
            raise DomainError(
                "documents.bic_invalid", f"{party.name}: this is no BIC.", field="bic"
            ) from err
    return parts


def _payment(order: BankOrder) -> dict[str, Any]:
    return {
        **_party(order.party),
        # sepaxml counts cents.
        "amount": int(order.amount.scaleb(2)),
        "description": bank_text(order.text, TEXT_LENGTH),
        "endtoend_id": bank_id(order.end_to_end_id),
    }


def _checked(orders: Sequence[BankOrder]) -> Sequence[BankOrder]:
    if not orders:
        raise DomainError("documents.sepa_empty", "There is nothing to pay.")
    for order in orders:
        if order.amount <= 0 or order.amount != order.amount.quantize(Decimal("0.01")):
            raise DomainError(
                "documents.amount_invalid",
                f"{order.end_to_end_id}: {order.amount} is no amount in whole cents above 0.",
            )
    return orders


def _finished(written: bytes, file: BankFile, schema: str) -> bytes:
    """The file with our own message id and moment, that the schema accepts."""
    root = etree.fromstring(written)
    names = {"p": f"urn:iso:std:iso:20022:tech:xsd:{schema}"}
    moment = file.made_at.isoformat(timespec="seconds")
    for path, text in ((".//p:MsgId", file.message_id), (".//p:CreDtTm", moment)):
        for node in root.iterfind(path, names):
            node.text = text
    for number, node in enumerate(root.iterfind(".//p:PmtInfId", names), start=1):
        node.text = f"{file.message_id[: ID_LENGTH - 4]}-{number}"
    checker = _schema(schema)
    if not checker.validate(root):
        raise DomainError("documents.sepa_schema", str(checker.error_log)[:500])
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


@cache
def _schema(name: str) -> etree.XMLSchema:
    with resources.as_file(resources.files("sepaxml").joinpath("schemas", f"{name}.xsd")) as path:
        return etree.XMLSchema(etree.parse(path))
