"""A checker of FEC files, written from LPF art. A47 A-1 alone; it imports nothing of ours."""

import re
from collections import defaultdict
from decimal import Decimal

NAMES = [
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
]
AMOUNT = re.compile(r"\d+,\d{2}")
DAY = re.compile(r"20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
NEEDED = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib",
    "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "ValidDate",
)  # fmt: skip


def read(content: bytes) -> list[dict[str, str]]:
    lines = content.decode("utf-8").split("\r\n")
    assert lines[-1] == ""
    return [dict(zip(NAMES, line.split("\t"), strict=True)) for line in lines[1:-1]]


def problems(content: bytes) -> list[str]:
    """All that is wrong with the file; empty when nothing is."""
    found: list[str] = []
    if content.decode("utf-8").split("\r\n")[0].split("\t") != NAMES:
        return ["the first line does not name the 18 columns"]
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    days: dict[tuple[str, str], set[str]] = defaultdict(set)
    numbers: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(read(content), start=2):
        empty = [name for name in NEEDED if not row[name]]
        found += [f"line {place}: {name} is empty" for name in empty]
        for name in ("Debit", "Credit"):
            if not AMOUNT.fullmatch(row[name]):
                found.append(f"line {place}: {name} is {row[name]!r}")
        for name in ("EcritureDate", "PieceDate", "ValidDate"):
            if not DAY.fullmatch(row[name]):
                found.append(f"line {place}: {name} is {row[name]!r}")
        if not re.match(r"[1-8]\d\d", row["CompteNum"]):
            found.append(f"line {place}: CompteNum is {row['CompteNum']!r}")
        debit, credit = (Decimal(row[name].replace(",", ".")) for name in ("Debit", "Credit"))
        if (debit == 0) == (credit == 0):
            found.append(f"line {place}: one of Debit and Credit must be 0")
        if bool(row["Montantdevise"]) != bool(row["Idevise"]):
            found.append(f"line {place}: Montantdevise without Idevise or the other way round")
        key = (row["JournalCode"], row["EcritureNum"])
        sums[key] += debit - credit
        days[key].add(row["EcritureDate"])
        if not numbers[row["JournalCode"]] or numbers[row["JournalCode"]][-1] != int(key[1]):
            numbers[row["JournalCode"]].append(int(key[1]))
    found += [f"entry {key}: off by {amount}" for key, amount in sums.items() if amount]
    found += [f"entry {key}: has {len(each)} dates" for key, each in days.items() if len(each) > 1]
    for journal, each in numbers.items():
        if each != list(range(each[0], each[0] + len(each))):
            found.append(f"journal {journal}: numbers {each}")
    return found
