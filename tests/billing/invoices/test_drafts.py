"""Drafts of a month: from live CDRs, grouped by place and tax, made again without a trace."""

import random
from datetime import date
from decimal import Decimal

import pytest

from apps.billing.models import BillingAccount, Cdr, Invoice, InvoiceCdr, Issuer
from apps.billing.selectors.invoices import invoice_problems
from apps.billing.services.drafts import draft_delete, drafts_refresh, invoice_draft_make
from apps.billing.services.invoices import invoice_issue
from apps.billing.services.taxes import tax_place_set, tax_rate_set
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up
from tests.billing.invoices.rows import (
    MARCH,
    account_make,
    cdr_make,
    cdr_of,
    credit_make,
    partner_make,
    site_make,
    station_make,
)

TODAY = date(2026, 4, 2)


def codes(invoice: Invoice) -> list[str]:
    return [problem.code for problem in invoice_problems(invoice, today=TODAY)]


def test_a_draft_sums_up_the_cdrs_of_an_account(account: BillingAccount) -> None:
    for net in ("2.7149", "2.7149", "1.0002"):
        cdr_make(account, net, energy_kwh="9.00055")
    cdr_make(account_make("other"), "50")
    cdr_make(None, "70")

    (draft,) = invoice_draft_make(month=MARCH, account_id=account.pk)

    # 2.7149 + 2.7149 + 1.0002 = 6.43; 6.43 x 8.5 % = 0.54655
    assert (draft.net, draft.tax, draft.gross) == (
        Decimal("6.43"), Decimal("0.55"), Decimal("6.98"),
    )  # fmt: skip
    assert (draft.reference, draft.currency, draft.language) == (None, "EUR", "fr")
    (line,) = draft.lines.all()
    assert (line.quantity, line.unit) == (Decimal("27.001650"), "KWH")
    assert (line.net, line.sessions_count) == (Decimal("6.43"), 3)
    assert (line.tax_name, line.tax_category, line.tax_percent) == ("TVA", "S", Decimal("8.5"))
    assert codes(draft) == []


def test_made_again_a_draft_is_the_same_row_with_what_came_since(account: BillingAccount) -> None:
    cdr_make(account, "2")
    (first,) = invoice_draft_make(month=MARCH)
    cdr_make(account, "3")

    (second,) = invoice_draft_make(month=MARCH)
    (third,) = invoice_draft_make(month=MARCH)

    assert first.pk == second.pk == third.pk
    assert (first.net, second.net, third.net) == (2, 5, 5)
    assert InvoiceCdr.objects.count() == 2
    assert Invoice.objects.count() == 1


def test_lines_are_by_place_and_tax_rate(account: BillingAccount) -> None:
    marina = station_make("CS-1", site_make("marina"))
    harbour = station_make("CS-2", site_make("harbour"))
    cdr_make(account, "10", station=marina)
    cdr_make(account, "20", station=harbour)
    # Energy at the normal rate, and parking at the reduced one.
    cdr_make(account, "7", station=marina, taxes=[("8.5", "5"), ("2.1", "2")])

    (draft,) = invoice_draft_make(month=MARCH)

    lines = [(line.net, line.tax_percent, line.unit, line.sessions_count) for line in
             draft.lines.all()]  # fmt: skip
    assert lines == [
        (Decimal("20.00"), Decimal("8.500"), "KWH", 1),
        (Decimal("2.00"), Decimal("2.100"), "C62", 0),
        (Decimal("15.00"), Decimal("8.500"), "KWH", 2),
    ]
    assert [(tax["percent"], tax["basis"], tax["amount"]) for tax in draft.taxes] == [
        ("2.1", "2.00", "0.04"), ("8.5", "35.00", "2.98"),
    ]  # fmt: skip
    assert "Marina" in draft.lines.get(position=3).description
    assert codes(draft) == []


@pytest.mark.parametrize(
    ("treatment", "category", "mention"),
    [("reverse_charge", "AE", "Reverse charge"), ("outside", "O", "VAT not applicable")],
)
def test_an_account_without_tax_pays_the_net(
    issuer: Issuer, treatment: str, category: str, mention: str
) -> None:
    partner = partner_make(tax_treatment=treatment, vat_number="NL123456782B90")
    cdr_make(partner, "10")

    (draft,) = invoice_draft_make(month=MARCH)

    assert (draft.net, draft.tax) == (10, 0)
    (tax,) = draft.taxes
    assert (tax["category"], tax["percent"]) == (category, "0")
    assert tax["legal_mention"].startswith(mention)
    assert codes(draft) == []


def test_a_site_in_another_territory_has_its_taxes(account: BillingAccount) -> None:
    site = site_make("marigot")
    tax_place_set(site=site, territory="mf")
    cdr_make(account, "10", station=station_make("CS-9", site), taxes=[("4", "10")])
    cdr_make(account, "10", taxes=[(None, "10")])

    (draft,) = invoice_draft_make(month=MARCH)

    assert [(line.tax_name, line.tax_percent) for line in draft.lines.all()] == [
        ("TGCA", Decimal(4)), ("TVA", Decimal("8.5")),
    ]  # fmt: skip
    assert codes(draft) == []


def test_a_rate_that_the_law_does_not_know_is_told_and_not_issued(account: BillingAccount) -> None:
    cdr_make(account, "10", taxes=[("20", "10")])

    (draft,) = invoice_draft_make(month=MARCH)

    assert draft.tax == 2
    assert codes(draft) == ["billing.tax_mismatch"]
    with pytest.raises(DomainError, match="20 %"):
        invoice_issue(invoice_id=draft.pk, by=None)

    tax_rate_set(
        territory="GP", code="special", name="TVA", percent=Decimal(20),
        valid_from=date(2026, 1, 1), source="ruling",
    )  # fmt: skip
    (draft,) = invoice_draft_make(month=MARCH)
    assert codes(draft) == []


def test_credited_cdrs_leave_a_draft(account: BillingAccount) -> None:
    wrong = cdr_make(account, "9")
    cdr_make(account, "5")
    (draft,) = invoice_draft_make(month=MARCH)
    credit_make(wrong)

    assert codes(draft) == ["billing.draft_outdated"]

    (draft,) = invoice_draft_make(month=MARCH)
    assert (draft.net, Invoice.objects.count()) == (5, 1)


def test_a_draft_of_which_nothing_is_left_goes(account: BillingAccount) -> None:
    cdr = cdr_make(account, "9")
    cdr_make(account, "0", energy_kwh="0")
    invoice_draft_make(month=MARCH)
    credit_make(cdr)

    assert invoice_draft_make(month=MARCH) == []
    assert Invoice.objects.count() == InvoiceCdr.objects.count() == 0


def test_one_draft_for_each_currency(account: BillingAccount) -> None:
    cdr_make(account, "9.994", currency="USD")
    cdr_make(account, "100.5", currency="JPY")
    cdr_make(account, "5", currency="XCD")

    drafts = invoice_draft_make(month=MARCH)

    # Yen have no decimals: 100.5 -> 101, and 8.5 % of it 8.585 -> 9.
    assert [(draft.currency, draft.net, draft.tax) for draft in drafts] == [
        ("JPY", 101, 9), ("USD", Decimal("9.99"), Decimal("0.85")), ("XCD", 5, Decimal("0.43")),
    ]  # fmt: skip
    assert codes(drafts[1]) == ["billing.exchange_rate_missing"]


def test_a_currency_that_papers_cannot_write_is_refused(account: BillingAccount) -> None:
    cdr_make(account, "9.9945", currency="KWD")
    cdr_make(account_make("other"), "5")

    with pytest.raises(DomainError, match="Nothing can be billed in 'KWD'"):
        invoice_draft_make(month=MARCH)

    # It keeps no other account back.
    assert Invoice.objects.get().net == 5
    assert drafts_refresh(today=TODAY) == 0


def test_a_deleted_draft_gives_its_cdrs_back(account: BillingAccount) -> None:
    cdr_make(account, "9")
    (draft,) = invoice_draft_make(month=MARCH)

    draft_delete(invoice_id=draft.pk)

    assert drafts_refresh(today=TODAY) == 1
    assert drafts_refresh(today=TODAY) == 0
    assert Invoice.objects.get().net == 9


def test_lines_come_to_the_cdrs_to_the_cent(account: BillingAccount) -> None:
    """Whatever the sessions cost: each line is its CDRs' sum, rounded once; nothing is lost."""
    chance = random.Random(20260301)
    stations = [station_make(f"CS-{n}", site_make(f"site-{n}")) for n in range(4)]
    cdrs = []
    for _nth in range(120):
        parts = [Decimal(chance.randrange(0, 400_000)).scaleb(-4) for _ in range(2)]
        taxes = [("8.5", str(parts[0]))]
        if chance.random() < 0.3:
            taxes.append(("2.1", str(parts[1])))
        net = sum((Decimal(base) for _percent, base in taxes), Decimal(0))
        cdrs.append(cdr_of(account, str(net), taxes=taxes, station=chance.choice(stations)))  # type: ignore[arg-type]
    Cdr.objects.bulk_create(cdrs)

    (draft,) = invoice_draft_make(month=MARCH)

    lines = list(draft.lines.all())
    wanted: dict[tuple[str, Decimal], Decimal] = {}
    for cdr in cdrs:
        for tax in cdr.rating["taxes"]:
            key = (cdr.session.station.site.name, Decimal(tax["percent"]))
            wanted[key] = wanted.get(key, Decimal(0)) + Decimal(tax["base"])
    assert sorted(line.net for line in lines) == sorted(map(round_half_up, wanted.values()))
    assert draft.net == sum(line.net for line in lines)
    assert abs(draft.net - sum(cdr.total_excl_vat for cdr in cdrs)) <= Decimal("0.005") * len(lines)
    assert InvoiceCdr.objects.count() == len(cdrs) == sum(line.sessions_count for line in lines)
    for tax in draft.taxes:
        of_rate = [line.net for line in lines if line.tax_percent == Decimal(tax["percent"])]
        assert Decimal(tax["basis"]) == sum(of_rate)
        assert Decimal(tax["amount"]) == round_half_up(
            Decimal(tax["basis"]) * Decimal(tax["percent"]) / 100
        )


def test_an_operator_drafts_its_own_cdrs_only(
    account: BillingAccount, operator_b: Operator
) -> None:
    cdr_make(account, "9")

    with operator_context("martinique"):
        assert invoice_draft_make(month=MARCH) == []
        assert drafts_refresh(today=TODAY) == 0
        assert Invoice.objects.count() == 0

    assert len(invoice_draft_make(month=MARCH)) == 1
