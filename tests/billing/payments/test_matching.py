"""Proposals: the right paper first, with its reasons; nothing that does not fit."""

from decimal import Decimal

import pytest

from apps.billing.matching import (
    Candidate,
    Money,
    Party,
    Proposal,
    book_of,
    name_likeness,
    proposals,
)

D = Decimal
IBAN = "FR7630006000011234567890189"
PARTIES = {
    1: Party(1, "Marina du Gosier SARL", IBAN),
    2: Party(2, "Taxi Kréyol", "", frozenset({"FR99"})),
    3: Party(3, "Dupont Jean"),
}


def paper(key: int, amount: str, account: int = 1, reference: str = "", due: int = 0) -> Candidate:
    return Candidate(
        "invoice", key, reference or f"INV-2026-{key:05d}", D(amount), account, due or key
    )


def money(amount: str, text: str = "", **values: object) -> Money:
    return Money(
        **{"rest": D(amount), "is_in": True, "text": text, "name": "", "iban": "", **values}  # type: ignore[arg-type]
    )


def best(one: Money, *papers: Candidate) -> Proposal:
    return proposals(one, book_of(papers, PARTIES))[0]


def keys(proposal: Proposal) -> list[tuple[int, Decimal]]:
    return [(candidate.key, amount) for candidate, amount in proposal.parts]


@pytest.mark.parametrize(
    "text",
    [
        "VIR INV-2026-00007", "inv 2026 00007 merci", "INV202600007", "/RFB/INV/2026/00007/X",
        "INV_2026_00007.",
    ],
)  # fmt: skip
def test_the_number_is_found_whatever_the_bank_did_to_it(text: str) -> None:
    found = best(money("120.00", text), paper(7, "120.00"), paper(8, "120.00"))

    assert keys(found) == [(7, D("120.00"))]
    assert [reason.code for reason in found.reasons] == ["reference", "amount"]
    assert (found.score, found.is_sure) == (85, True)


def test_a_number_in_a_longer_number_is_another() -> None:
    found = proposals(
        money("1.00", "T-12"), book_of([paper(1, "9.00", reference="T-1000")], PARTIES)
    )
    longer = proposals(
        money("1.00", "T-10005"), book_of([paper(1, "9.00", reference="T-1000")], PARTIES)
    )

    assert found == longer == ()


def test_two_invoices_named_together() -> None:
    one = money("150.00", "INV-2026-00001 et INV-2026-00002", iban=IBAN)

    found = best(one, paper(1, "100.00"), paper(2, "50.00"), paper(3, "150.00", 2))

    assert keys(found) == [(1, D("100.00")), (2, D("50.00"))]
    assert (found.score, found.is_sure) == (100, True)


def test_the_oldest_invoices_that_make_the_sum() -> None:
    found = best(money("150.00", iban=IBAN), paper(1, "100.00"), paper(2, "50.00"), paper(3, "7"))

    assert keys(found) == [(1, D("100.00")), (2, D("50.00"))]
    assert not found.is_sure


def test_an_amount_alone_is_weak_and_never_sure() -> None:
    found = best(money("77.00"), paper(1, "77.00"))

    assert (found.score, found.is_sure) == (35, False)
    assert [reason.code for reason in found.reasons] == ["amount", "only_one"]


def test_two_that_fit_alike_are_both_shown_and_neither_is_sure() -> None:
    found = proposals(
        money("50.00", iban=IBAN, name="MARINA DU GOSIER"),
        book_of([paper(1, "50.00"), paper(2, "50.00")], PARTIES),
    )

    assert [keys(one) for one in found[:2]] == [[(1, D("50.00"))], [(2, D("50.00"))]]
    assert not any(one.is_sure for one in found)


def test_less_and_more_than_is_open_are_said() -> None:
    less = best(money("40.00", "INV-2026-00001"), paper(1, "100.00"))
    more = best(money("140.00", "INV-2026-00001"), paper(1, "100.00"))

    assert (keys(less), less.reasons[1].code) == ([(1, D("40.00"))], "less_than_open")
    assert (keys(more), more.reasons[1].code) == ([(1, D("100.00"))], "more_than_open")
    assert not less.is_sure
    assert not more.is_sure


def test_an_iban_that_paid_before_and_a_name_count() -> None:
    before = best(money("5.00", iban="FR99"), paper(1, "5.00", 2), paper(2, "5.00", 3))
    name = best(money("5.00", name="M. JEAN DUPONT"), paper(1, "5.00", 2), paper(2, "5.00", 3))

    assert [reason.code for reason in before.reasons] == ["amount", "iban_before"]
    assert [(reason.code, reason.points) for reason in name.reasons] == [
        ("amount", 25), ("name", 15),
    ]  # fmt: skip


def test_a_returned_debit_is_found_by_its_end_to_end_id() -> None:
    back = Candidate("payment", 4, "", D("-60.00"), 1, 0, "DD-7")
    one = money("60.00", end_to_end_id="DD-7", is_in=False, is_return=True)

    found = best(one, back)

    assert (found.parts[0][0].kind, found.is_sure) == ("payment", True)


def test_nothing_fits_nothing_is_proposed() -> None:
    assert proposals(money("3.00", "hello"), book_of([paper(1, "9.00")], PARTIES)) == ()


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ("DUPONT JEAN", "Jean Dupont", True),
        ("MARINA DU GOSIER", "Marina du Gosier SARL", True),
        ("KREYOL TAXI", "Taxi Kréyol", True),
        ("DUPONT MARIE", "Dupont Jean", False),
        ("SARL", "SAS", False),
        ("", "Dupont", False),
    ],
)
def test_names_are_compared_without_order_accents_and_forms(
    one: str, other: str, *, is_alike: bool
) -> None:
    assert (name_likeness(one, other) >= 0.75) is is_alike
