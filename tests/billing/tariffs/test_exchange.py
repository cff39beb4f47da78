"""OCPI JSON in and out; the examples of the specification survive the way."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.billing.models import Tariff, TariffVersion
from apps.billing.rating import RatingProblem, tariff_parse
from apps.billing.selectors.tariff_lists import tariff_exported
from apps.billing.services.tariffs import tariff_draft_discard, tariff_import, tariff_version_issue
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_dumps, exact_loads
from tests.billing.tariffs.conftest import NOW, content, element

EXAMPLES = sorted((Path(__file__).parents[2] / "ocpi" / "examples").glob("2.2.1/tariff_*.json"))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 15


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_specification_comes_back_as_it_was(
    operator_a: Operator, path: Path
) -> None:
    given = exact_loads(path.read_text())
    version = tariff_import(content=given, now=NOW).version
    tariff_version_issue(version_id=version.pk, now=NOW)

    back = tariff_exported(
        TariffVersion.objects.get(), ocpi="2.2.1", start=NOW, end=NOW + timedelta(days=1)
    )

    before, _notes = tariff_parse(given, "2.2.1")
    after, _notes = tariff_parse(exact_loads(exact_dumps(back)), "2.2.1")
    assert (after.elements, after.currency) == (before.elements, before.currency)
    assert (after.min_price, after.max_price) == (before.min_price, before.max_price)
    assert after.details.get("tariff_alt_text") == before.details.get("tariff_alt_text")
    assert (back["country_code"], back["party_id"]) == ("GP", "CFG"), "ours, not the example's"


def test_an_import_is_a_draft_and_the_next_one_waits_for_it(operator_a: Operator) -> None:
    first = tariff_import(content=content(element("0.3")), now=NOW).version
    with pytest.raises(DomainError) as refused:
        tariff_import(content=content(element("0.4")) | {"id": "x"}, now=NOW)
    assert refused.value.code == "billing.tariff_has_draft"
    tariff_version_issue(version_id=first.pk, now=NOW)

    second = tariff_import(content=content(element("0.4")) | {"id": "x"}, now=NOW).version

    assert (first.state, second.number, Tariff.objects.count()) == ("draft", 2, 1)
    assert second.content["id"] == "X"
    tariff_draft_discard(version_id=second.pk)
    assert TariffVersion.objects.count() == 1


def test_other_versions_of_ocpi(operator_a: Operator) -> None:
    taxed = content(element("0.3"), tax_included="N/A", country_code="FR", party_id="ABC",
                    last_updated="2026-01-01T00:00:00Z")  # fmt: skip
    version = tariff_import(content=taxed, now=NOW).version
    assert "vat" not in version.content["elements"][0]["price_components"][0], "no tax applies"

    window = {"start": NOW, "end": NOW + timedelta(days=1)}
    new = tariff_exported(version, ocpi="2.3.0", **window)
    old = tariff_exported(version, ocpi="2.1.1", **window)

    assert new["tax_included"] == "NO"
    assert "country_code" not in old
    with pytest.raises(DomainError) as refused:
        tariff_import(content=taxed | {"id": "Y", "tax_included": "YES"}, now=NOW)
    assert refused.value.code == "version.not_expressible"
    bounded = tariff_import(
        content=content(element("1")) | {"id": "Z", "min_price": {"excl_vat": Decimal(1)}}, now=NOW
    ).version
    with pytest.raises(RatingProblem, match="min_price"):
        tariff_exported(bounded, ocpi="2.1.1", **window)


def test_what_is_odd_is_told_and_what_is_unknown_is_named(operator_a: Operator) -> None:
    odd = content(element("0.3", min_kwh=5, max_kwh=2), element("0.4"), colour="red")

    told = {note.code for note in tariff_import(content=odd, now=NOW).notes}

    assert {"element.never_applies", "field.unknown"} <= told


@pytest.mark.parametrize("text", ["[]", "{}", '{"currency": "EUR"}', '{"id": 1}'])
def test_what_is_no_tariff(operator_a: Operator, text: str) -> None:
    given: Any = json.loads(text)

    with pytest.raises(DomainError) as refused:
        tariff_import(content=given, now=NOW)

    assert refused.value.message
    assert not Tariff.objects.exists()
