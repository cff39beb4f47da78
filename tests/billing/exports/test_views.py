"""Saved views: one's own, shared ones, and whose they are."""

import pytest

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.models import ExportView
from apps.billing.selectors.exports import export_views_of
from apps.billing.services.export_views import (
    export_view_delete,
    export_view_save,
    export_view_update,
    view_params,
)
from cariflex.common.errors import DomainError


@pytest.fixture
def colleague(operator_a: object) -> User:
    user: User = user_ensure(username="colleague", password="pw", role=Role.BILLING)
    return user


def names(user: User | None) -> list[str]:
    return list(export_views_of(user).values_list("name", flat=True))


def test_a_view_is_ones_own_until_it_is_shared(biller: User, colleague: User) -> None:
    view = export_view_save(by=biller, name="  For the  accountant ", columns=["id", "vat"])
    assert view.name == "For the accountant"
    assert (names(biller), names(colleague), names(None)) == ([view.name], [], [])

    export_view_update(view_id=view.pk, by=biller, is_shared=True)

    assert names(colleague) == names(None) == [view.name]
    assert view_params(view_id=view.pk, by=colleague)["columns"] == ["id", "vat"]


def test_the_same_name_again_replaces_ones_own_only(biller: User, colleague: User) -> None:
    first = export_view_save(by=biller, name="Month", columns=["id"])
    other = export_view_save(by=colleague, name="Month", columns=["vat"])

    again = export_view_save(by=biller, name="Month", columns=["reference"], style="excel_fr")

    assert (again.pk, again.columns, again.style) == (first.pk, ["reference"], "excel_fr")
    other.refresh_from_db()
    assert other.columns == ["vat"]


def test_only_its_owner_changes_a_view(biller: User, colleague: User) -> None:
    view = export_view_save(by=biller, name="Month", columns=["id"], is_shared=True)

    for act in (
        lambda: export_view_update(view_id=view.pk, by=colleague, name="Mine"),
        lambda: export_view_delete(view_id=view.pk, by=colleague),
    ):
        with pytest.raises(DomainError) as error:
            act()
        assert error.value.code == "export.view_foreign"
    export_view_delete(view_id=view.pk, by=biller)
    assert not ExportView.objects.exists()


def test_a_view_is_renamed_but_not_over_another(biller: User) -> None:
    one = export_view_save(by=biller, name="One", columns=["id"])
    export_view_save(by=biller, name="Two", columns=["vat"])

    renamed = export_view_update(view_id=one.pk, by=biller, name="Three", order="-issued_at")
    with pytest.raises(DomainError) as error:
        export_view_update(view_id=one.pk, by=biller, name="Two")

    assert (renamed.pk, renamed.columns, renamed.order) == (one.pk, ["id"], "-issued_at")
    assert error.value.code == "export.view_name_taken"
    assert names(biller) == ["Three", "Two"]


@pytest.mark.parametrize(
    ("name", "columns", "code"),
    [
        ("", ["id"], "export.view_name"),
        ("x" * 81, ["id"], "export.view_name"),
        ("a\x00b", ["id"], "export.view_name"),
        ("Fine", ["secret"], "export.column_unknown"),
    ],
)
def test_what_makes_no_sense_is_refused(
    biller: User, name: str, columns: list[str], code: str
) -> None:
    with pytest.raises(DomainError) as error:
        export_view_save(by=biller, name=name, columns=columns)

    assert error.value.code == code
    assert not ExportView.objects.exists()
