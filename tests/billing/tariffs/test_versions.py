"""Drafts are written, issued versions never change, whoever asks."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.billing.events import TariffIssued
from apps.billing.models import Tariff, TariffVersion
from apps.billing.selectors.tariffs import in_force, issued_versions
from apps.billing.services.tariffs import (
    tariff_archive,
    tariff_assign,
    tariff_assignment_end,
    tariff_create,
    tariff_draft_discard,
    tariff_draft_open,
    tariff_draft_save,
    tariff_register,
    tariff_version_issue,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from cariflex.common.exact_json import exact_dumps, exact_loads
from tests.billing.tariffs.conftest import NOW, content, element, tariff_make

DAY = timedelta(days=1)


def refusal(call: Any, **arguments: Any) -> tuple[str, str | None]:
    with pytest.raises(DomainError) as refused:
        call(**arguments)
    return refused.value.code, refused.value.field


def test_numbers_of_a_tariff_keep_every_digit(operator_a: Operator) -> None:
    made = tariff_create(code="T-1", name="T", content=content(element("0.3012")), now=NOW)

    stored = TariffVersion.objects.get(pk=made.pk).content

    assert stored["elements"][0]["price_components"][0]["price"] == Decimal("0.3012")
    assert (stored["country_code"], stored["party_id"], stored["id"]) == ("GP", "CFG", "T-1")
    assert exact_loads(exact_dumps({"a": [Decimal("0.10"), 1, "é\n", None]})) == {
        "a": [Decimal("0.10"), 1, "é\n", None]
    }
    for bad in ("NaN", "[Infinity]", "{"):
        with pytest.raises(ValueError, match=r"."):
            exact_loads(bad)
    with pytest.raises(ValueError, match="not JSON"):
        exact_dumps([Decimal("NaN")])


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"code": "T 1"}, "billing.tariff_code_invalid", "code"),
        ({"code": "x" * 37}, "billing.tariff_code_invalid", "code"),
        ({"code": "t-0"}, "billing.tariff_code_taken", "code"),
        ({"name": "  "}, "billing.tariff_name_missing", "name"),
        ({"type": "ODD"}, "billing.tariff_type_unknown", "type"),
        ({"content": {"currency": "EUR", "elements": []}}, "field.empty", "elements"),
        ({"content": content(element("0.3", day_of_week=["MONDAI"]))}, "field.invalid",
         "elements[0].restrictions.day_of_week[0]"),
    ],
)  # fmt: skip
def test_what_is_no_tariff_is_refused_with_its_place(
    operator_a: Operator, asked: dict[str, Any], code: str, field: str
) -> None:
    tariff_create(code="T-0", name="There", now=NOW)

    told = refusal(tariff_create, **({"code": "T-1", "name": "T", "now": NOW} | asked))

    assert told == (code, field)
    assert Tariff.objects.count() == 1


def test_an_issued_version_is_told_and_never_changed(
    operator_a: Operator, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[TariffIssued] = []
    subscribe(TariffIssued, told.append)
    with django_capture_on_commit_callbacks(execute=True):
        version = tariff_make("DAY", element("0.30"), since=NOW)
    unsubscribe(TariffIssued, told.append)

    assert told == [TariffIssued("guadeloupe", version.tariff_id, version.pk)]
    arguments = {"version_id": version.pk, "now": NOW}
    issued = ("billing.tariff_version_issued", None)
    assert refusal(tariff_draft_save, content=content(element("1")), **arguments) == issued
    assert refusal(tariff_version_issue, **arguments) == issued
    assert refusal(tariff_draft_discard, version_id=version.pk) == issued
    for statement in (
        "UPDATE billing_tariffversion SET content = '{}'",
        "UPDATE billing_tariffversion SET state = 'draft'",
        "DELETE FROM billing_tariffversion",
    ):
        with (
            pytest.raises(DatabaseError, match="never changed or deleted"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_the_newest_issued_version_is_in_force(operator_a: Operator) -> None:
    first = tariff_make("DAY", element("0.30"), since=NOW - 10 * DAY)
    second = tariff_draft_open(tariff_id=first.tariff_id, now=NOW)
    assert tariff_draft_open(tariff_id=first.tariff_id, now=NOW).pk == second.pk
    assert (second.number, second.content["elements"]) == (2, first.content["elements"])
    tariff_draft_save(
        version_id=second.pk, content=content(element("0.40")), now=NOW, change_note="Dearer"
    )
    tariff_version_issue(
        version_id=second.pk, valid_from=NOW + DAY, valid_until=NOW + 3 * DAY, now=NOW
    )
    versions = list(issued_versions([first.tariff_id]))

    found = [in_force(versions, NOW + n * DAY) for n in (-11, -10, 0, 1, 2, 3)]

    assert [one and one.number for one in found] == [None, 1, 1, 2, 2, None]


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "code"),
    [
        (NOW - DAY, None, "billing.tariff_starts_in_past"),
        (NOW + DAY, NOW + DAY, "billing.tariff_ends_before_start"),
        (None, NOW - DAY, "billing.tariff_ends_before_start"),
        (NOW.replace(year=9999), None, "billing.time_invalid"),
        (None, NOW.replace(year=1), "billing.time_invalid"),
    ],
)
def test_a_version_starts_in_the_past_only_on_purpose(
    operator_a: Operator, valid_from: Any, valid_until: Any, code: str
) -> None:
    draft = tariff_create(code="T", name="T", now=NOW)
    asked = {"version_id": draft.pk, "valid_from": valid_from, "valid_until": valid_until}

    assert refusal(tariff_version_issue, now=NOW, **asked)[0] == code

    if code == "billing.tariff_starts_in_past":
        issued = tariff_version_issue(now=NOW, is_backdated=True, issued_by="ana", **asked)
        assert (issued.valid_from, issued.issued_by) == (NOW - DAY, "ana")


def test_a_draft_that_moved_meanwhile_is_not_lost(operator_a: Operator) -> None:
    draft = tariff_create(code="T", name="T", now=NOW)
    saved = tariff_draft_save(
        version_id=draft.pk, content=content(element("0.2")), now=NOW, seen_at=draft.updated_at
    )

    asked = {"version_id": draft.pk, "content": content(element("9")), "now": NOW}
    told = refusal(tariff_draft_save, seen_at=draft.updated_at, **asked)

    assert told == ("billing.tariff_draft_moved", None)
    assert saved.updated_at > draft.updated_at
    assert TariffVersion.objects.get().content == saved.content


def test_discarding_the_only_draft_forgets_the_tariff(operator_a: Operator) -> None:
    draft = tariff_create(code="T", name="T", now=NOW)
    kept = tariff_make("DAY", element("0.30"), since=NOW)
    second = tariff_draft_open(tariff_id=kept.tariff_id, now=NOW)

    tariff_draft_discard(version_id=draft.pk)
    tariff_draft_discard(version_id=second.pk)

    assert list(Tariff.objects.values_list("code", flat=True)) == ["DAY"]
    assert refusal(tariff_draft_discard, version_id=draft.pk)[0] == "billing.tariff_unknown"


def test_a_tariff_in_use_is_not_archived(operator_a: Operator) -> None:
    version = tariff_make("DAY", element("0.30"), since=NOW)
    assigned = tariff_assign(tariff_id=version.tariff_id, scope="operator", now=NOW)
    asked = {"tariff_id": version.tariff_id, "is_archived": True}

    assert refusal(tariff_archive, now=NOW, **asked)[0] == "billing.tariff_in_use"
    tariff_assignment_end(assignment_id=assigned.pk, now=NOW + DAY)
    tariff_archive(now=NOW + DAY, **asked)

    assert refusal(tariff_assign, tariff_id=version.tariff_id, scope="operator", now=NOW + DAY) == (
        "billing.tariff_archived",
        None,
    )


def test_tariffs_of_one_operator_are_not_anothers(
    operator_a: Operator, operator_b: Operator
) -> None:
    version = tariff_make("DAY", element("0.30"), since=NOW)

    with operator_context("martinique"):
        told = refusal(tariff_draft_open, tariff_id=version.tariff_id, now=NOW)
        assert told[0] == "billing.tariff_unknown"
        tariff_register(
            name="Day", price_per_kwh_excl_vat=Decimal(1), vat_percent=Decimal(0), valid_from=NOW
        )
        assert Tariff.objects.count() == 1
    assert list(Tariff.objects.values_list("code", flat=True)) == ["DAY"]
