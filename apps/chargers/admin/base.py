"""What the admin pages of stations have in common."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from apps.chargers.admin.words import refusal
from apps.chargers.models import ChargingStation, Command
from cariflex.common.errors import DomainError

SEND_COMMAND = "chargers.add_command"
REASON_MAX_LENGTH = 200


class ReadOnlyAdmin(ModelAdmin):
    """Rows that are written by stations and services, never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class SetFieldsAdmin(ModelAdmin):
    """Rows that stations write too: only what was changed in the form is written over."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
        elif changed := stored_fields(obj, form.changed_data):
            obj.save(update_fields=changed)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for row in formset.deleted_objects:
            row.delete()
        for row in formset.new_objects:
            row.save()
        for row, names in formset.changed_objects:
            if changed := stored_fields(row, names):
                row.save(update_fields=changed)
        formset.save_m2m()


def stored_fields(row: models.Model, names: list[str]) -> list[str]:
    """Those of a form's fields that are columns of the row."""
    columns = {field.name for field in row._meta.concrete_fields}
    return [name for name in names if name in columns]


class OrderDialog(BaseDialogForm):
    """A dialog that asks one service; what the service refuses is shown in the dialog."""

    form_before_template = "admin/chargers/refused.html"
    result: Any = None

    def order(self) -> Any:
        """Call the service with `cleaned_data`; what it gives back becomes `result`."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.result = self.order()
        except DomainError as err:
            self.add_error(err.field if err.field in self.fields else None, refusal(err))

    def get_before_template_context(
        self, request: HttpRequest, object_id: int | str | None = None
    ) -> dict[str, Any]:
        return {"errors": self.non_field_errors() if self.is_bound else []}

    @property
    def asked_by_id(self) -> int | None:
        return self.request.user.pk


class StationDialog(OrderDialog):
    """An order to the station of the page, with its reason."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=REASON_MAX_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = self.fields.pop("reason")
        self.station: ChargingStation = row_or_404(ChargingStation.objects.all(), self.object_id)

    @property
    def asker(self) -> dict[str, Any]:
        """Who asks, and why."""
        return {
            "requested_by_id": self.asked_by_id,
            "reason": self.cleaned_data.get("reason", ""),
        }


def moment_field(label: Any, **kwargs: Any) -> forms.DateTimeField:
    """A day and a time in the browser's own picker, of the page's time zone."""
    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%dT%H:%M"
    )
    return forms.DateTimeField(label=label, widget=widget, **kwargs)


def text_field(label: Any, **kwargs: Any) -> forms.CharField:
    """One line of text."""
    kwargs.setdefault("widget", UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))
    return forms.CharField(label=label, **kwargs)


def long_text_field(label: Any, **kwargs: Any) -> forms.CharField:
    """Several lines of text."""
    return forms.CharField(
        label=label, widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}), **kwargs
    )


def choice_field(label: Any, choices: Any, **kwargs: Any) -> forms.ChoiceField:
    """One of several."""
    return forms.ChoiceField(
        label=label, choices=choices, widget=UnfoldAdminSelectWidget(), **kwargs
    )


def row_or_404(rows: QuerySet[Any], object_id: int | str | None) -> Any:
    """The row of an address; whatever stands there instead of a number is not found."""
    text = str(object_id)
    row = rows.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 16 else None
    if row is None:
        raise Http404
    return row


def to_command(request: HttpRequest, command: Command) -> HttpResponse:
    """Show the order that was given: the dialog's htmx leaves for its page."""
    if command.error:
        messages.error(request, command.error)
    else:
        messages.success(request, _("The order was sent; its status shows the station's answer."))
    return to_row(command)


def to_row(row: models.Model) -> HttpResponse:
    """Leave the dialog for the page of a row."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return HttpResponse(headers={"HX-Redirect": reverse(name, args=[row.pk])})
