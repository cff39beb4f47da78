"""The CitrineOS server of an operator: how it is reached, how its bridge does, who serves whom."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from apps.chargers.admin.base import ReadOnlyAdmin
from apps.chargers.choices import BackEnd
from apps.chargers.csms.citrineos.tasks import citrineos_provision
from apps.chargers.models import CitrineAccount, CitrineCursor, CitrineMessage
from apps.chargers.services.citrineos import account_save, back_end_choose
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

_SECRETS = ("amqp_url", "rest_token", "graphql_secret")
_REFUSALS = {
    "citrineos.one_active": _("Another CitrineOS server is active."),
    "citrineos.none_active": _("No CitrineOS server is active."),
}


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """A server; what is secret is never shown, and kept when its field is left empty."""

    class Meta:
        model = CitrineAccount
        fields = "__all__"
        widgets = dict.fromkeys(  # noqa: RUF012 - Django's own form
            _SECRETS, UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept = {name: getattr(self.instance, name, "") for name in _SECRETS}
        if self.instance.pk is not None and "amqp_url" in self.fields:
            self.fields["amqp_url"].required = False

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, kept in self._kept.items():
            if not cleaned.get(name) and kept:
                cleaned[name] = kept
        others = CitrineAccount.objects.filter(is_active=True).exclude(pk=self.instance.pk)
        if cleaned.get("is_active") and others.exists():
            raise ValidationError({"is_active": _REFUSALS["citrineos.one_active"]})
        return cleaned


class CursorInline(StackedInline):
    """How the bridge does."""

    model = CitrineCursor
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "held_until", "connected_at", "last_message_at", "live_count", "repeated_count",
        "recovered_count", "unusable_count", "filled_at", "last_id", "provisioned_at", "trouble",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(CitrineAccount)
class CitrineAccountAdmin(ModelAdmin):
    form = AccountForm
    list_display = (
        "name", "active_label", "bridge_label", "last_message_at", "recovered_count", "trouble",
    )  # fmt: skip
    list_select_related = ("cursor",)
    search_fields = ("name", "rest_url")
    inlines = (CursorInline,)
    actions = ("provision_now", "serve_all", "serve_none")

    @display(
        description=_("state"),
        ordering="is_active",
        label=Badges({True: "success", False: None}),
    )
    def active_label(self, account: CitrineAccount) -> tuple[bool, str]:
        return account.is_active, str(_("Active")) if account.is_active else str(_("Not active"))

    @display(
        description=_("bridge"),
        label=Badges({"runs": "success", "none": "danger", "off": None}),
    )
    def bridge_label(self, account: CitrineAccount) -> tuple[str, str]:
        cursor = _cursor(account)
        if cursor is not None and cursor.held_until is not None and cursor.held_until > utc_now():
            return "runs", str(_("Running"))
        if account.is_active:
            return "none", str(_("No process is the bridge"))
        return "off", str(_("Off"))

    @admin.display(description=_("last message"))
    def last_message_at(self, account: CitrineAccount) -> object:
        cursor = _cursor(account)
        return None if cursor is None else cursor.last_message_at

    @admin.display(description=_("messages found by comparison"))
    def recovered_count(self, account: CitrineAccount) -> int:
        cursor = _cursor(account)
        return 0 if cursor is None else cursor.recovered_count

    @admin.display(description=_("trouble"))
    def trouble(self, account: CitrineAccount) -> str:
        cursor = _cursor(account)
        return "" if cursor is None else cursor.trouble

    def save_model(
        self, request: HttpRequest, account: CitrineAccount, form: Any, change: bool
    ) -> None:
        account_save(account)

    @admin.action(
        description=_("Make stations and tokens known to CitrineOS"), permissions=["change"]
    )
    def provision_now(self, request: HttpRequest, _queryset: Any) -> None:
        citrineos_provision.enqueue()
        messages.success(request, _("It is on its way; its end is shown beside the server."))

    @admin.action(description=_("Serve all stations by CitrineOS"), permissions=["change"])
    def serve_all(self, request: HttpRequest, _queryset: Any) -> None:
        self._choose(request, BackEnd.CITRINEOS)

    @admin.action(description=_("Serve all stations by Cariflex"), permissions=["change"])
    def serve_none(self, request: HttpRequest, _queryset: Any) -> None:
        self._choose(request, BackEnd.NATIVE)

    def _choose(self, request: HttpRequest, back_end: BackEnd) -> None:
        try:
            moved = back_end_choose(back_end=back_end)
        except DomainError as err:
            messages.error(request, _REFUSALS.get(err.code, err.message))
            return
        messages.success(
            request,
            ngettext("%(count)d station was moved.", "%(count)d stations were moved.", moved)
            % {"count": moved},
        )


@admin.register(CitrineMessage)
class CitrineMessageAdmin(ReadOnlyAdmin):
    """What was taken; the messages themselves are in the message log."""

    list_display = ("at", "station_id", "correlation_id", "is_recovered")
    list_filter = ("is_recovered",)
    search_fields = ("=station_id", "=correlation_id")
    # A count over millions of lines would be most of the page's time.
    show_full_result_count = False


def _cursor(account: CitrineAccount) -> CitrineCursor | None:
    try:
        return account.cursor
    except CitrineCursor.DoesNotExist:
        return None
