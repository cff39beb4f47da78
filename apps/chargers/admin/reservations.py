"""Reservations, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from apps.chargers.choices import ReservationStatus
from apps.chargers.models import Reservation
from apps.chargers.models.sessions import mask_token
from apps.chargers.services.reservations import reservation_cancel, reservation_make
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class ReservationForm(forms.ModelForm):  # type: ignore[type-arg]
    """What to keep, for whom, until when; the station is asked while the form is checked."""

    asked_by_id: int | None = None

    class Meta:
        model = Reservation
        fields = (
            "station", "evse_number", "connector_type", "id_token", "id_token_type", "expires_at",
        )  # fmt: skip

    def _post_clean(self) -> None:
        """The service makes the row, so that its refusals are errors of the form."""
        if self.errors:
            return
        given = self.cleaned_data
        try:
            with transaction.atomic():
                self.instance = reservation_make(
                    station_id=given["station"].station_id,
                    evse_id=given["evse_number"],
                    connector_type=given["connector_type"],
                    id_token=given["id_token"],
                    token_type=given["id_token_type"],
                    expires_at=given["expires_at"],
                    requested_by_id=self.asked_by_id,
                    now=utc_now(),
                )
        except DomainError as refused:
            self.add_error(None, ValidationError(str(refused)))

    def save(self, commit: bool = True) -> Reservation:
        return self.instance

    def save_m2m(self) -> None:
        """A reservation has no relations to many."""


@admin.register(Reservation)
class ReservationAdmin(ModelAdmin):
    """Adding one asks the station; it is cancelled by asking again."""

    form = ReservationForm
    list_display = (
        "id", "station", "evse_number", "masked", "starts_at", "expires_at", "status_label",
        "refusal",
    )  # fmt: skip
    list_filter = ("status", "station")
    list_select_related = ("station", "command")
    search_fields = ("station__station_id", "=id_token")
    date_hierarchy = "starts_at"
    actions = ("cancel",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ReservationForm.Meta.fields
        return (
            "station", "evse_number", "connector_type", "masked", "id_token_type", "starts_at",
            "expires_at", "status", "refusal", "session", "requested_by", "requested_at",
            "ended_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.asked_by_id = request.user.pk
        return form

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has made the row."""

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargers.change_reservation")

    @action(description=_("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> None:
        for pk in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                command = reservation_cancel(reservation_id=pk, requested_by_id=request.user.pk)
            except DomainError as refused:
                messages.error(request, f"{pk}: {refused}")
            else:
                level = messages.ERROR if command.error else messages.SUCCESS
                messages.add_message(
                    request, level, command.error or _("The station is asked to give it back.")
                )

    @admin.display(description=_("token"))
    def masked(self, reservation: Reservation) -> str:
        return mask_token(reservation.id_token)

    @admin.display(description=_("refused with"))
    def refusal(self, reservation: Reservation) -> str:
        if reservation.status != ReservationStatus.REFUSED or reservation.command is None:
            return ""
        answer = reservation.command.answer or {}
        return str(answer.get("status", reservation.command.error))

    @display(
        description=_("status"),
        label=Badges(
            {
                ReservationStatus.ACCEPTED: "success",
                ReservationStatus.REQUESTED: "info",
                ReservationStatus.REFUSED: "danger",
            }
        ),
    )
    def status_label(self, reservation: Reservation) -> tuple[str, str]:
        return reservation.status, reservation.get_status_display()
