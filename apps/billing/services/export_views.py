"""Saved choices of columns: one's own, and those that somebody shares with everybody."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.billing.exports.cdr_files import cdr_params
from apps.billing.exports.choices import CsvStyle, RowOrder
from apps.billing.exports.columns import known_columns
from apps.billing.models import ExportView
from apps.billing.selectors.exports import export_views_of
from cariflex.common.errors import DomainError

NAME_MAX_LENGTH = 80


def export_view_save(
    *,
    by: User,
    name: str,
    columns: Sequence[str],
    order: str = RowOrder.ISSUED,
    style: str = CsvStyle.INTERNATIONAL,
    with_titles: bool = False,
    is_shared: bool = False,
) -> ExportView:
    """Keep a choice under a name; one's own view of that name is replaced.

    DomainError `export.view_name`, and as of the parameters of an export.
    """
    values = _checked(name, columns, order, style, with_titles=with_titles)
    view, _created = ExportView.objects.update_or_create(
        owner=by, name=values.pop("name"), defaults={**values, "is_shared": is_shared}
    )
    return view


def export_view_update(*, view_id: int, by: User, **changes: Any) -> ExportView:
    """Change one's own view: name, columns, order, style, with_titles, is_shared.

    DomainError `export.view_unknown`, `export.view_foreign`, `export.view_name_taken`.
    """
    with transaction.atomic():
        view = _own(view_id, by)
        for field, value in changes.items():
            setattr(view, field, value)
        values = _checked(
            view.name, view.columns, view.order, view.style, with_titles=view.with_titles
        )
        for field, value in values.items():
            setattr(view, field, value)
        try:
            view.save()
        except IntegrityError as err:
            raise DomainError(
                "export.view_name_taken", "Another view of yours has this name.", field="name"
            ) from err
    return view


def export_view_delete(*, view_id: int, by: User) -> None:
    """Forget one's own view; DomainError `export.view_unknown` or `export.view_foreign`."""
    with transaction.atomic():
        _own(view_id, by).delete()


def view_params(*, view_id: int | str, by: User | None) -> dict[str, Any]:
    """The parameters that a view stands for; DomainError `export.view_unknown`.

    Columns that the register has no more are left out: a view outlives them.
    """
    text = str(view_id)
    number = int(text) if text.isdecimal() and len(text) < 16 else 0
    view = export_views_of(by).filter(pk=number).first()
    if view is None:
        raise DomainError("export.view_unknown", "There is no such view.", field="view")
    return {
        "columns": known_columns(view.columns),
        "order": view.order,
        "style": view.style,
        "with_titles": view.with_titles,
    }


def _checked(
    name: str, columns: Sequence[str], order: str, style: str, *, with_titles: bool
) -> dict[str, Any]:
    """The fields of a view, in order."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_MAX_LENGTH or not name.isprintable():
        raise DomainError(
            "export.view_name", f"A name has 1 to {NAME_MAX_LENGTH} characters.", field="name"
        )
    wanted = {"columns": columns, "order": order, "style": style, "with_titles": with_titles}
    checked = cdr_params(wanted)
    del checked["filters"]
    return {"name": name, **checked}


def _own(view_id: int, by: User) -> ExportView:
    view = export_views_of(by).select_for_update(of=("self",)).filter(pk=view_id).first()
    if view is None:
        raise DomainError("export.view_unknown", "There is no such view.", field="view")
    if view.owner_id != by.pk:
        raise DomainError("export.view_foreign", "Only its owner changes a view.")
    return view
