"""Taxes by territory and day, exchange rates, and the rules that choose a line's tax."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.billing.minor_units import minor_units, to_minor_units
from apps.billing.models import TaxRate
from apps.billing.paper_words import line_words, mention
from apps.billing.selectors.taxes import euros_at, taxes_at
from apps.billing.services.taxes import exchange_rate_set, tax_rate_set, taxes_load
from apps.billing.tax_file import shipped_taxes, territory_names, treatment_tax
from apps.billing.tax_rules import (
    KnownTax,
    tax_choose,
    tax_from_json,
    tax_shares,
    tax_sums,
)
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError

DAY = date(2026, 3, 31)


NORMAL = (
    ("GP", DAY, "TVA", "8.5", "S"),
    ("MQ", DAY, "TVA", "8.5", "S"),
    ("RE", DAY, "TVA", "8.5", "S"),
    ("GF", DAY, "TVA", "0", "O"),
    ("YT", DAY, "TVA", "0", "O"),
    ("MF", DAY, "TGCA", "4", "S"),
    ("BL", DAY, "TVA", "0", "O"),
    ("FR", DAY, "TVA", "20", "S"),
    ("DM", DAY, "VAT", "15", "S"),
    ("LC", date(2017, 1, 31), "VAT", "15", "S"),
    ("LC", date(2017, 2, 1), "VAT", "12.5", "S"),
    ("AG", date(2024, 1, 1), "ABST", "17", "S"),
    ("DO", DAY, "ITBIS", "18", "S"),
)
UNKNOWN = (("HT", DAY), ("AG", date(2023, 12, 31)), ("", DAY))


def test_the_normal_rate_of_a_territory_on_a_day(operator_a: Operator) -> None:
    taxes_load()

    for territory, on, name, percent, category in NORMAL:
        (normal,) = [rate for rate in taxes_at(territory, on) if rate.code == "normal"]
        assert (normal.name, normal.percent, normal.category) == (name, Decimal(percent), category)
        # Where nothing is charged the paper says why, in each language.
        assert set(normal.legal_mention) == ({"fr", "en", "es"} if category == "O" else set())
    for territory, on in UNKNOWN:
        assert taxes_at(territory, on) == []


def test_every_shipped_rate_has_a_source_and_none_is_claimed_unread() -> None:
    assert all(tax.source for tax in shipped_taxes())
    named = {tax.territory for tax in shipped_taxes()}
    assert named < set(territory_names())
    secondary = {tax.territory for tax in shipped_taxes() if "not a primary" in tax.source}
    assert secondary == {"BB", "TT", "VC"}


def test_loading_again_changes_nothing_and_mends_what_was_changed(operator_a: Operator) -> None:
    assert taxes_load() == len(shipped_taxes())
    assert taxes_load() == 0

    TaxRate.objects.filter(territory="GP", code="normal").update(percent=9)
    TaxRate.objects.create(
        territory="ZZ", code="old", name="x", category="S", percent=1, valid_from=DAY,
        is_shipped=True,
    )  # fmt: skip
    assert taxes_load() == 2
    assert taxes_at("GP", DAY)[0].percent == Decimal("8.5")


def test_the_operators_own_rate_holds_from_its_day(operator_a: Operator) -> None:
    taxes_load()
    tax_rate_set(
        territory="gp", code="normal", name="TVA", percent=Decimal("9"),
        valid_from=date(2027, 1, 1), source="loi de finances",
    )  # fmt: skip
    assert taxes_load() == 0

    def at(on: date) -> Decimal:
        (rate,) = [one for one in taxes_at("GP", on) if one.code == "normal"]
        return rate.percent

    assert (at(date(2026, 12, 31)), at(date(2027, 1, 1))) == (Decimal("8.5"), 9)


REFUSED: tuple[tuple[dict[str, object], str], ...] = (
    ({"percent": Decimal(101)}, "percent"),
    ({"percent": Decimal(-1)}, "percent"),
    ({"percent": Decimal(0)}, "percent"),
    ({"category": "O"}, "percent"),
    ({"category": "Q"}, "category"),
    ({"territory": " "}, "territory"),
    ({"valid_until": DAY}, "valid_until"),
)


def test_what_is_no_rate_is_refused(operator_a: Operator) -> None:
    rate: dict[str, object] = {
        "territory": "HT", "code": "normal", "name": "TCA", "percent": Decimal(10),
        "valid_from": DAY,
    }  # fmt: skip

    for wrong, field in REFUSED:
        with pytest.raises(DomainError) as refused:
            tax_rate_set(**{**rate, **wrong})  # type: ignore[arg-type]
        assert refused.value.field == field


def test_a_rate_of_exchange_serves_35_days(operator_a: Operator) -> None:
    exchange_rate_set(currency="USD", on=DAY, euros=Decimal("0.9"))
    exchange_rate_set(currency="USD", on=DAY, euros=Decimal("0.91"), source="ECB")

    assert euros_at("USD", DAY + timedelta(days=35)).euros == Decimal("0.91")
    assert euros_at("EUR", DAY).euros == 1
    for on in (DAY + timedelta(days=36), DAY - timedelta(days=1)):
        with pytest.raises(DomainError, match="No rate of USD"):
            euros_at("USD", on)
    for currency, euros in (("EUR", "1"), ("USD", "0"), ("QQQ", "1")):
        with pytest.raises(DomainError):
            exchange_rate_set(currency=currency, on=DAY, euros=Decimal(euros))


@pytest.mark.parametrize("currency", ["EUR", "USD", "XCD", "BBD", "HTG", "DOP", "TTD", "JMD"])
def test_caribbean_currencies_have_cents(currency: str) -> None:
    assert minor_units(currency) == 2
    assert to_minor_units(Decimal("1.005"), currency) == Decimal("1.01")


def test_yen_have_none() -> None:
    assert to_minor_units(Decimal("100.5"), "JPY") == Decimal("101.00")


# --- rules ---

GUADELOUPE = (
    KnownTax("normal", "TVA", "S", Decimal("8.5")),
    KnownTax("reduced", "TVA", "S", Decimal("2.1")),
)


@pytest.mark.parametrize(
    ("percent", "known", "chosen", "problem"),
    [
        (Decimal("8.5"), GUADELOUPE, "8.5", ""),
        (Decimal("2.1"), GUADELOUPE, "2.1", ""),
        (None, GUADELOUPE, "8.5", ""),
        (Decimal(20), GUADELOUPE, "20", "billing.tax_mismatch"),
        (Decimal(0), GUADELOUPE, "0", "billing.tax_mismatch"),
        (Decimal(10), (), "10", "billing.tax_unknown"),
        (None, (), "0", "billing.tax_unknown"),
    ],
)
def test_the_tax_of_a_share(
    percent: Decimal | None, known: tuple[KnownTax, ...], chosen: str, problem: str
) -> None:
    tax = tax_choose(percent, known, "fr")

    assert (tax.percent, tax.problem) == (Decimal(chosen), problem)


amounts = st.integers(0, 100_000_000).map(lambda units: Decimal(units).scaleb(-4))
percents = st.sampled_from([None, "8.5", "2.1", "20", "0"])
calmly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@calmly
@given(st.lists(st.tuples(percents, amounts), max_size=5), st.integers(-9, 9))
def test_shares_come_to_the_total_exactly(
    taxes: list[tuple[str | None, Decimal]], rest: int
) -> None:
    total = sum((base for _percent, base in taxes), Decimal(0)) + Decimal(rest).scaleb(-4)

    shares = tax_shares(
        {"taxes": [{"percent": percent, "base": str(base)} for percent, base in taxes]}, total
    )

    assert sum(share.net for share in shares) == total
    assert len({share.percent for share in shares}) == len(shares)
    stated = {Decimal(percent).normalize() for percent, _base in taxes if percent}
    assert {share.percent for share in shares if share.percent is not None} <= stated


@calmly
@given(st.lists(st.tuples(percents, amounts), min_size=1, max_size=8))
def test_the_tax_is_on_the_sum_of_each_rate_and_survives_json(
    lines: list[tuple[str | None, Decimal]],
) -> None:
    taxed = [
        (tax_choose(Decimal(percent) if percent else None, GUADELOUPE, "fr"), round(net, 2))
        for percent, net in lines
    ]

    sums = tax_sums(taxed, 2)

    assert sum(one.basis for one in sums) == sum(net for _tax, net in taxed)
    for one in sums:
        assert abs(one.amount - one.basis * one.tax.percent / 100) <= Decimal("0.005")
        assert tax_from_json(one.as_json()).as_json() == one.as_json()


def test_mentions_are_in_three_languages() -> None:
    assert treatment_tax("reverse_charge", "es").legal_mention == "Inversión del sujeto pasivo"
    assert treatment_tax("outside", "de").legal_mention.startswith("TVA non applicable")
    for language, word in (("fr", "escompte"), ("en", "discount"), ("es", "descuento")):
        assert word in mention("no_discount", language)
    assert line_words("energy", "en", place="Marina").endswith("Marina")
