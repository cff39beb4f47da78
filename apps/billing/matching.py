"""Which open papers a payment probably pays: a score of 0-100 with its reasons. No database.

Points: a paper's number in the payment's text 60 (our settlement's partner reference alike), the
amount open to the cent 25 (of all papers named together), the account's IBAN 25 (one that it paid
from before 20), its name 10 to 15. An amount that only one open paper has counts 10 more. Nothing
below 25 is proposed; from 85 on, and 15 ahead of the next, a proposal counts as sure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import SequenceMatcher
from functools import lru_cache

LEAST = 25
SURE = 85
AHEAD = 15
MOST_TOGETHER = 12
MOST_SHOWN = 5
MOST_SAME_AMOUNT = 20
REFERENCE, AMOUNT, IBAN, IBAN_BEFORE, NAME, ONLY_ONE = 60, 25, 25, 20, 15, 10
_LEGAL_FORMS = frozenset(
    ("SA", "SAS", "SASU", "SARL", "EURL", "SCI", "SNC", "GMBH", "LTD", "LIMITED", "LLC", "INC")
    + ("SL", "SRL", "BV", "NV", "AG", "MR", "MME", "M", "MRS", "MS")
)
_FOLD = str.maketrans("ÀÂÄÁÃÇÉÈÊËÍÎÏÌÑÓÔÖÒÚÙÛÜ", "AAAAACEEEEIIIINOOOOUUUU")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open paper: `open` is positive for what is owed to us, negative for what we owe."""

    kind: str
    """`invoice`, `settlement`, or `payment` (a payment in that may have bounced)."""
    key: int
    reference: str
    open: Decimal
    account: int | None
    due_order: int = 0
    end_to_end_id: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """What is known of an account: its names and where its money comes from."""

    account: int
    name: str
    iban: str = ""
    ibans_before: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Money:
    """The payment as far as it is not allocated: `rest` is positive, also for money that left."""

    rest: Decimal
    is_in: bool
    text: str
    name: str
    iban: str
    end_to_end_id: str = ""
    account: int | None = None
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a proposal is made: a stable code, its points, and what it is about."""

    code: str
    points: int
    about: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Papers that the payment would pay, oldest first, each with its amount."""

    parts: tuple[tuple[Candidate, Decimal], ...]
    account: int | None
    points: int
    reasons: tuple[Reason, ...]
    is_sure: bool = False

    @property
    def score(self) -> int:
        """The points, 100 at most."""
        return min(100, self.points)

    @property
    def key(self) -> str:
        """Names the proposal: the same papers with the same amounts."""
        return ",".join(f"{paper.kind}:{paper.key}:{amount}" for paper, amount in self.parts)

    @property
    def amount(self) -> Decimal:
        """What is paid of all of them together."""
        return sum((amount for _paper, amount in self.parts), Decimal(0))


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that payments of one currency and direction are held against."""

    candidates: Sequence[Candidate]
    parties: Mapping[int, Party]
    by_account: Mapping[int | None, tuple[Candidate, ...]] = field(default_factory=dict)
    by_amount: Mapping[Decimal, tuple[Candidate, ...]] = field(default_factory=dict)
    plain: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    by_iban: Mapping[str, frozenset[int]] = field(default_factory=dict)
    by_word: Mapping[str, frozenset[int]] = field(default_factory=dict)


def book_of(candidates: Iterable[Candidate], parties: Mapping[int, Party]) -> Book:
    """The candidates, sorted for many payments."""
    papers = sorted(candidates, key=lambda paper: (paper.due_order, paper.kind, paper.key))
    by_account: dict[int | None, list[Candidate]] = {}
    by_amount: dict[Decimal, list[Candidate]] = {}
    plain: dict[str, list[Candidate]] = {}
    for paper in papers:
        by_account.setdefault(paper.account, []).append(paper)
        by_amount.setdefault(abs(paper.open), []).append(paper)
        if len(folded := _plain(paper.reference)) >= 4:
            plain.setdefault(folded, []).append(paper)
    return Book(
        papers,
        parties,
        {account: tuple(rows) for account, rows in by_account.items()},
        {amount: tuple(rows) for amount, rows in by_amount.items()},
        {folded: tuple(rows) for folded, rows in plain.items()},
        _accounts_by((iban, one) for one in parties.values() for iban in _ibans(one)),
        _accounts_by((word, one) for one in parties.values() for word in _words(one.name)),
    )


def proposals(money: Money, book: Book) -> tuple[Proposal, ...]:
    """The best proposals, best first, at most five; none where nothing fits."""
    named = _named(money, book)
    found: dict[str, Proposal] = {}
    groups: list[tuple[Candidate, ...]] = []
    if named:
        by_account: dict[int | None, list[Candidate]] = {}
        for paper in named:
            by_account.setdefault(paper.account, []).append(paper)
        groups += [tuple(papers) for papers in by_account.values()]
        groups += [(paper,) for paper in named]
    accounts = _likely(money, book)
    for account in accounts:
        papers = book.by_account.get(account, ())
        groups += [(paper,) for paper in papers if abs(paper.open) == money.rest]
        groups += _sums(papers, money.rest)
        groups += [papers[:1]] if papers else []
    groups += [(paper,) for paper in book.by_amount.get(money.rest, ())[:MOST_SAME_AMOUNT]]
    for group in groups:
        one = _scored(money, book, group, {(p.kind, p.key) for p in named}, accounts)
        if one is not None and one.points >= LEAST:
            found[one.key] = one
    best = sorted(found.values(), key=lambda one: (-one.points, len(one.parts), one.key))
    return _with_sure(best[:MOST_SHOWN])


def _scored(
    money: Money,
    book: Book,
    papers: Sequence[Candidate],
    named: set[tuple[str, int]],
    accounts: Mapping[int, tuple[Reason, ...]],
) -> Proposal | None:
    parts = _parts(money.rest, papers)
    if not parts:
        return None
    account = papers[0].account
    reasons: list[Reason] = []
    if all((paper.kind, paper.key) in named for paper, _amount in parts):
        about = ", ".join(paper.reference or paper.end_to_end_id for paper, _amount in parts)
        reasons.append(Reason("reference", REFERENCE, about))
    if sum(abs(paper.open) for paper, _amount in parts) == money.rest:
        reasons.append(Reason("amount", AMOUNT))
        if len(parts) == 1 and len(book.by_amount.get(money.rest, ())) == 1:
            reasons.append(Reason("only_one", ONLY_ONE))
    elif sum(amount for _paper, amount in parts) < money.rest:
        reasons.append(Reason("more_than_open", 0))
    else:
        reasons.append(Reason("less_than_open", 0))
    reasons += accounts.get(account, ()) if account is not None else ()
    points = sum(reason.points for reason in reasons)
    return Proposal(tuple(parts), account, points, tuple(reasons))


def _parts(rest: Decimal, papers: Sequence[Candidate]) -> list[tuple[Candidate, Decimal]]:
    parts = []
    for paper in papers[:MOST_TOGETHER]:
        amount = min(rest, abs(paper.open))
        if amount <= 0:
            break
        parts.append((paper, amount))
        rest -= amount
    return parts


def _with_sure(best: Sequence[Proposal]) -> tuple[Proposal, ...]:
    if not best:
        return ()
    first = best[0]
    is_exact = any(reason.code == "amount" for reason in first.reasons)
    is_ahead = len(best) == 1 or first.points - best[1].points >= AHEAD
    return (replace(first, is_sure=is_exact and is_ahead and first.points >= SURE), *best[1:])


def _named(money: Money, book: Book) -> list[Candidate]:
    """Papers whose number stands in the payment's text, whatever the bank did to its dashes."""
    text = f"{money.text} {money.end_to_end_id}"
    plain = _plain(text)
    found = []
    for folded, papers in book.plain.items():
        if folded in plain:
            found += [paper for paper in papers if _stands_in(paper.reference, text)]
    if money.end_to_end_id:
        found += [
            paper
            for paper in book.candidates
            if paper.end_to_end_id and paper.end_to_end_id == money.end_to_end_id
            and paper not in found
        ]  # fmt: skip
    return sorted(found, key=lambda paper: (paper.due_order, paper.key))[: 2 * MOST_TOGETHER]


def _stands_in(reference: str, text: str) -> bool:
    """True where the number is not a part of a longer one: INV-1 does not stand in INV-12."""
    chunks = re.findall(r"[A-Za-z]+|\d+", reference)
    pattern = r"[\W_]*".join(re.escape(chunk) for chunk in chunks)
    start = r"(?<!\d)" if chunks[0].isdigit() else r"(?<![A-Za-z])"
    end = r"(?!\d)" if chunks[-1].isdigit() else r"(?![A-Za-z])"
    return re.search(f"{start}{pattern}{end}", text, re.IGNORECASE) is not None


def _likely(money: Money, book: Book) -> dict[int, tuple[Reason, ...]]:
    """Accounts that the payment seems to come from, with why."""
    found: dict[int, tuple[Reason, ...]] = {}
    for account in sorted(_named_alike(money, book) | book.by_iban.get(money.iban, frozenset())):
        party = book.parties[account]
        reasons = []
        if money.account == account:
            reasons.append(Reason("account", IBAN, party.name))
        elif money.iban and money.iban == party.iban:
            reasons.append(Reason("iban", IBAN, party.name))
        elif money.iban and money.iban in party.ibans_before:
            reasons.append(Reason("iban_before", IBAN_BEFORE, party.name))
        likeness = name_likeness(money.name, party.name)
        if likeness >= 0.75:
            points = 10 + round((likeness - 0.75) * 4 * (NAME - 10))
            reasons.append(Reason("name", points, party.name))
        if reasons:
            found[account] = tuple(reasons)
    return found


def _named_alike(money: Money, book: Book) -> set[int]:
    """Accounts worth a look: the payment's own, and those with the rarest word of its name."""
    known = [(len(book.by_word[word]), word) for word in _words(money.name) if word in book.by_word]
    found = set(book.by_word[min(known)[1]]) if known else set()
    if money.account in book.parties:
        found.add(money.account)  # type: ignore[arg-type]
    return found


def _accounts_by(pairs: Iterable[tuple[str, Party]]) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for key, party in pairs:
        found.setdefault(key, set()).add(party.account)
    return {key: frozenset(accounts) for key, accounts in found.items()}


def _ibans(party: Party) -> set[str]:
    return {iban for iban in (party.iban, *party.ibans_before) if iban}


def _sums(papers: Sequence[Candidate], rest: Decimal) -> list[tuple[Candidate, ...]]:
    """The oldest papers that together make the amount, if any."""
    total = Decimal(0)
    for count, paper in enumerate(papers[:MOST_TOGETHER], start=1):
        total += abs(paper.open)
        if total == rest and count > 1:
            return [tuple(papers[:count])]
        if total > rest:
            break
    return []


def name_likeness(one: str, other: str) -> float:
    """0 to 1: how much two names of banks and books are the same, whatever their order."""
    first, second = _words(one), _words(other)
    if not first or not second:
        return 0.0
    if set(first) == set(second):
        return 1.0
    common = set(first) & set(second)
    if len(common) >= 2 and (common == set(first) or common == set(second)):
        return 0.9
    if not common:
        return 0.0
    return SequenceMatcher(None, " ".join(sorted(first)), " ".join(sorted(second))).ratio()


@lru_cache(maxsize=50_000)
def _words(name: str) -> tuple[str, ...]:
    words = tuple(re.findall(r"[A-Z0-9]+", name.upper().translate(_FOLD)))
    return tuple(word for word in words if word not in _LEGAL_FORMS) or words


def _plain(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())
