"""Tokens, their groups, and the lists that stations hold, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from apps.chargers.admin.base import SEND_COMMAND
from apps.chargers.admin.imports import TokenImportPage
from apps.chargers.admin.words import refusal
from apps.chargers.choices import LocalListStatus, TokenStatus
from apps.chargers.models import IdToken, LocalList, TokenGroup
from apps.chargers.services.local_lists import local_list_order
from apps.chargers.services.tokens import token_add, token_remove, token_update
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class IdTokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A token; its text is given once, and is masked from then on."""

    class Meta:
        model = IdToken
        fields = (
            "id_token", "type", "status", "group", "valid_from", "expires_at",
            "charging_priority", "is_in_local_lists", "note",
        )  # fmt: skip

    def _post_clean(self) -> None:
        """The service writes the row, so that its refusals are errors of the form."""
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = self._write(dict(self.cleaned_data))
        except DomainError as err:
            self.add_error(err.field if err.field in self.fields else None, refusal(err))

    def _write(self, given: dict[str, Any]) -> IdToken:
        if self.instance.pk is None:
            return token_add(**given)
        return token_update(token_id=self.instance.pk, **given)

    def save(self, commit: bool = True) -> IdToken:
        return self.instance

    def save_m2m(self) -> None:
        """A token has no relations to many."""


@admin.register(IdToken)
class IdTokenAdmin(TokenImportPage):
    form = IdTokenForm
    autocomplete_fields = ("group",)
    list_select_related = ("group",)
    list_display = (
        "masked", "type", "status_label", "group", "valid_from", "expires_at", "note", "created_at",
    )  # fmt: skip
    list_filter = ("status", "type", "is_in_local_lists", "group")
    search_fields = ("=id_token", "note", "group__group_id")
    date_hierarchy = "created_at"
    actions_list = ("import_list",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields: tuple[str, ...] = IdTokenForm.Meta.fields
        return fields if obj is None else ("masked", *fields[1:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("masked",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        token_remove(token_id=obj.pk)

    @admin.display(description=_("token"), ordering="id_token")
    def masked(self, token: IdToken) -> str:
        return str(token)

    @display(
        description=_("status"),
        label=Badges(
            {
                TokenStatus.ACCEPTED: "success",
                TokenStatus.BLOCKED: "danger",
                TokenStatus.EXPIRED: "warning",
                TokenStatus.INVALID: "danger",
            }
        ),
    )
    def status_label(self, token: IdToken) -> tuple[str, str]:
        return token.status, token.get_status_display()


@admin.register(TokenGroup)
class TokenGroupAdmin(ModelAdmin):
    list_display = ("group_id", "name", "is_one_at_a_time")
    list_filter = ("is_one_at_a_time",)
    search_fields = ("group_id", "name")


@admin.register(LocalList)
class LocalListAdmin(ModelAdmin):
    """Written by the sweep and by what stations answer."""

    list_display = (
        "station", "status_label", "version", "confirmed_version", "held", "updated_at",
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("station",)
    search_fields = ("station__station_id",)
    # Whole tokens are shown nowhere.
    exclude = ("entries",)
    actions = ("ask_version", "send_whole")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_send_command_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SEND_COMMAND)

    @action(description=_("Ask for the version"), permissions=["send_command"])
    def ask_version(self, request: HttpRequest, queryset: QuerySet[LocalList]) -> None:
        self._order(request, queryset, is_whole=False)

    @action(description=_("Send the whole list anew"), permissions=["send_command"])
    def send_whole(self, request: HttpRequest, queryset: QuerySet[LocalList]) -> None:
        self._order(request, queryset, is_whole=True)

    def _order(
        self, request: HttpRequest, queryset: QuerySet[LocalList], *, is_whole: bool
    ) -> None:
        sent = 0
        stations = queryset.order_by("pk").values_list("station__station_id", flat=True)
        for station_id in stations:
            try:
                row = local_list_order(
                    station_id=station_id,
                    is_whole=is_whole,
                    now=utc_now(),
                    requested_by_id=request.user.pk,
                )
            except DomainError as err:
                messages.warning(request, f"{station_id}: {refusal(err)}")
            else:
                sent += row.status == LocalListStatus.SENDING
        messages.info(
            request,
            ngettext("%(count)d station was asked.", "%(count)d stations were asked.", sent)
            % {"count": sent},
        )

    @admin.display(description=_("tokens"))
    def held(self, row: LocalList) -> int:
        return len(row.entries)

    @display(
        description=_("status"),
        label=Badges(
            {
                LocalListStatus.CURRENT: "success",
                LocalListStatus.SENDING: "info",
                LocalListStatus.FAILED: "danger",
            }
        ),
    )
    def status_label(self, row: LocalList) -> tuple[str, str]:
        return row.status, row.get_status_display()
