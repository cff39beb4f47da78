"""The operator's certificate authorities and the certificates at its stations."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.chargers.admin.base import SEND_COMMAND, ReadOnlyAdmin, row_or_404
from apps.chargers.admin.expiry import EXPIRY_COLOURS, expiry_label
from apps.chargers.admin.upkeep import STATUS_COLOURS
from apps.chargers.admin.words import refusal
from apps.chargers.choices import UpkeepStatus
from apps.chargers.models import CertificateAuthority, StationCertificate
from apps.chargers.services.certificate_orders import certificate_delete
from apps.chargers.services.certificates import (
    authority_create,
    authority_retire,
    certificate_end,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class AuthorityForm(forms.ModelForm):  # type: ignore[type-arg]
    """The name of a new authority; its key is made here and leaves the database never."""

    class Meta:
        model = CertificateAuthority
        fields = ("name",)
        widgets = {"name": UnfoldAdminTextInputWidget()}

    def _post_clean(self) -> None:
        """The service makes the row, so that its refusals are errors of the form."""
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = authority_create(name=self.cleaned_data["name"], now=utc_now())
        except DomainError as err:
            self.add_error("name", refusal(err))

    def save(self, commit: bool = True) -> CertificateAuthority:
        return self.instance

    def save_m2m(self) -> None:
        """An authority has no relations to many."""


@admin.register(CertificateAuthority)
class CertificateAuthorityAdmin(ModelAdmin):
    """Adding one makes its key; the newest active one signs, all active ones are trusted."""

    form = AuthorityForm
    list_display = ("name", "is_active", "expiry_shown", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name",)
    date_hierarchy = "created_at"
    actions = ("retire",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return AuthorityForm.Meta.fields
        return ("name", "is_active", "expiry_shown", "valid_to", "created_at", "certificate")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has made the row."""

    def has_retire_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargers.change_certificateauthority")

    @display(description=_("validity"), ordering="valid_to", label=EXPIRY_COLOURS)
    def expiry_shown(self, authority: CertificateAuthority) -> tuple[str, str]:
        return expiry_label(authority.valid_to, now=utc_now())

    @action(description=_("Trust no more"), permissions=["retire"])
    def retire(self, request: HttpRequest, queryset: QuerySet[CertificateAuthority]) -> None:
        for pk, name in queryset.order_by("pk").values_list("pk", "name"):
            authority_retire(authority_id=pk)
            messages.success(
                request,
                _("Stations with certificates of %(name)s are refused from now on.")
                % {"name": name},
            )


@admin.register(StationCertificate)
class StationCertificateAdmin(ReadOnlyAdmin):
    """What stations hold: their own certificates and the roots that they trust."""

    list_display = (
        "station", "use", "serial_number", "subject", "expiry_shown", "status_label", "created_at",
    )  # fmt: skip
    list_filter = ("use", "status", "valid_to")
    list_select_related = ("station",)
    search_fields = ("station__station_id", "serial_number", "subject")
    date_hierarchy = "created_at"
    actions = ("take_back", "delete_there")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.pem_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:certificate_id>/pem", view, name="chargers_certificate_pem"), *urls]

    def pem_view(self, request: HttpRequest, certificate_id: int) -> HttpResponse:
        """The chain as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        certificate = row_or_404(StationCertificate.objects.exclude(pem=""), certificate_id)
        return HttpResponse(
            certificate.pem,
            content_type="application/x-pem-file",
            headers={"Content-Disposition": f'attachment; filename="{certificate.pk}.pem"'},
        )

    @display(description=_("validity"), ordering="valid_to", label=EXPIRY_COLOURS)
    def expiry_shown(self, certificate: StationCertificate) -> tuple[str, str]:
        in_force = certificate.status in (UpkeepStatus.DONE, UpkeepStatus.RUNNING)
        return expiry_label(certificate.valid_to if in_force else None, now=utc_now())

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, certificate: StationCertificate) -> tuple[str, str]:
        return certificate.status, certificate.get_status_display()

    def has_take_back_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargers.change_stationcertificate")

    def has_send_command_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SEND_COMMAND)

    @action(description=_("Take back: opens no connection"), permissions=["take_back"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[StationCertificate]) -> None:
        ended = 0
        for pk in queryset.order_by("pk").values_list("pk", flat=True):
            certificate_end(certificate_id=pk, now=utc_now())
            ended += 1
        messages.success(
            request,
            ngettext(
                "%(count)d certificate was taken back.", "%(count)d certificates were taken back.",
                ended,
            )
            % {"count": ended},
        )  # fmt: skip

    @action(description=_("Delete at the station"), permissions=["send_command"])
    def delete_there(self, request: HttpRequest, queryset: QuerySet[StationCertificate]) -> None:
        for certificate in queryset.select_related("station").order_by("pk"):
            try:
                command = certificate_delete(
                    certificate_id=certificate.pk, requested_by_id=request.user.pk
                )
            except DomainError as err:
                messages.warning(request, f"{certificate}: {refusal(err)}")
            else:
                level = messages.ERROR if command.error else messages.SUCCESS
                messages.add_message(
                    request,
                    level,
                    f"{certificate.station}: {command.error or _('The order was sent.')}",
                )
