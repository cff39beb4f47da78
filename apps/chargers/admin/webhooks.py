"""Webhooks and their deliveries, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from apps.chargers.admin.base import OrderDialog, ReadOnlyAdmin, moment_field, row_or_404
from apps.chargers.admin.words import refusal
from apps.chargers.models import WebhookDelivery, WebhookSubscription
from apps.chargers.services.webhooks import (
    Replay,
    webhook_create,
    webhook_delete,
    webhook_replay,
    webhook_secret_renew,
    webhook_test,
    webhook_update,
)
from apps.chargers.services.webhooks.types import EVENT_TYPES
from apps.outbox.choices import MessageState
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

FIELDS = ("name", "url", "event_types", "stations", "is_active")


def patterns_field(label: Any, **kwargs: Any) -> SimpleArrayField:
    """Filters, with commas between them."""
    return SimpleArrayField(
        forms.CharField(), label=label, widget=UnfoldAdminTextInputWidget(), **kwargs
    )


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who is told what; the services check the address and the filters."""

    asked_by_id: int | None = None
    event_types = patterns_field(_("Events"), initial=["*"])
    stations = patterns_field(
        _("Stations"),
        initial=["*"],
        help_text=_("Station ids with commas; * stands for any characters, as in MARINA-*"),
    )

    class Meta:
        model = WebhookSubscription
        fields = FIELDS
        widgets = {
            "name": UnfoldAdminTextInputWidget(),
            "url": UnfoldAdminTextInputWidget(),
            "is_active": UnfoldBooleanWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "event_types" in self.fields:
            self.fields["event_types"].help_text = _(
                "With commas; * stands for any characters. There are: %(types)s"
            ) % {"types": ", ".join(EVENT_TYPES)}

    def _post_clean(self) -> None:
        """The service writes the row, so that its refusals are errors of the form."""
        if self.errors:
            return
        given = {name: self.cleaned_data[name] for name in FIELDS}
        try:
            with transaction.atomic():
                if self.instance.pk:
                    self.instance = webhook_update(subscription_id=self.instance.pk, **given)
                else:
                    self.instance = webhook_create(created_by_id=self.asked_by_id, **given)
        except DomainError as err:
            self.add_error(err.field if err.field in self.fields else None, refusal(err))

    def save(self, commit: bool = True) -> WebhookSubscription:
        return self.instance

    def save_m2m(self) -> None:
        """A webhook has no relations to many."""


class ReplayForm(OrderDialog):
    """From when on events are sent again."""

    since = moment_field(_("Recorded from"))

    def order(self) -> Replay:
        webhook = row_or_404(WebhookSubscription.objects.all(), self.object_id)
        return webhook_replay(subscription_id=webhook.pk, since=self.cleaned_data["since"])


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(ModelAdmin):
    """Adding one makes its secret, which is shown once."""

    form = WebhookForm
    list_display = ("name", "url", "types", "state_label", "failures", "delivered_at")
    list_filter = ("is_active",)
    search_fields = ("name", "url")
    readonly_fields = ("failures", "retry_at", "delivered_at", "created_by", "created_at")
    actions_detail = ("test", "replay", "secret_renew", "deliveries")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return FIELDS if obj is None else (*FIELDS, *self.readonly_fields)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.asked_by_id = request.user.pk
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""
        if not change:
            self._secret_show(request, obj)

    def delete_model(self, request: HttpRequest, obj: WebhookSubscription) -> None:
        webhook_delete(subscription_id=obj.pk)

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]
    ) -> None:
        for pk in list(queryset.order_by("pk").values_list("pk", flat=True)):
            webhook_delete(subscription_id=pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its deliveries go with it, whoever may delete the webhook: they are no rows by hand."""
        _related, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return [str(one) for one in objs], counts, set(), protected

    def has_change_webhook_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("chargers.change_webhooksubscription")

    def has_view_delivery_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("chargers.view_webhookdelivery")

    @action(
        description=_("Send a test"), permissions=["change_webhook"], url_path="test",
        dialog={
            "title": _("Send a test"),
            "description": _("A test event is sent once; the deliveries show the answer."),
            "form_submit_text": _("Send"),
        },
    )  # fmt: skip
    def test(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        webhook = row_or_404(WebhookSubscription.objects.all(), object_id)
        webhook_test(subscription_id=webhook.pk, now=utc_now())
        messages.success(request, _("The test is on its way; the answer is shown here."))
        return self._to_deliveries(webhook.pk)

    @action(
        description=_("Send events again…"), permissions=["change_webhook"], url_path="replay",
        dialog={
            "title": _("Send events again"),
            "description": _("Events that the filters let pass are sent again, in order."),
            "form_class": ReplayForm,
            "form_submit_text": _("Send again"),
        },
    )  # fmt: skip
    def replay(self, request: HttpRequest, form: ReplayForm, object_id: str) -> HttpResponse:
        count = form.result.count
        messages.success(
            request,
            ngettext("%(count)d event is sent again.", "%(count)d events are sent again.", count)
            % {"count": count},
        )
        if form.result.next_event_id is not None:
            messages.warning(
                request,
                _("There are more, from event %(event)s on.")
                % {"event": form.result.next_event_id},
            )
        return self._to_deliveries(int(object_id))

    @action(
        description=_("Renew the secret"), permissions=["change_webhook"], url_path="secret",
        dialog={
            "title": _("Renew the secret"),
            "description": _("For 24 hours calls are signed with the old one too."),
            "form_submit_text": _("Renew"),
        },
    )  # fmt: skip
    def secret_renew(
        self, request: HttpRequest, _form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        webhook = row_or_404(WebhookSubscription.objects.all(), object_id)
        self._secret_show(request, webhook_secret_renew(subscription_id=webhook.pk, now=utc_now()))
        page = reverse("admin:chargers_webhooksubscription_change", args=[webhook.pk])
        return HttpResponse(headers={"HX-Redirect": page})

    @action(description=_("Deliveries"), permissions=["view_delivery"], url_path="deliveries")
    def deliveries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        webhook = row_or_404(WebhookSubscription.objects.all(), object_id)
        return HttpResponse(status=302, headers={"Location": _deliveries_page(webhook.pk)})

    @admin.display(description=_("events"))
    def types(self, webhook: WebhookSubscription) -> str:
        return ", ".join(webhook.event_types)

    @display(
        description=_("state"),
        label=Badges({"ok": "success", "failing": "danger", "off": None}),
    )
    def state_label(self, webhook: WebhookSubscription) -> tuple[str, Any]:
        if not webhook.is_active:
            return "off", _("Switched off")
        if webhook.failures:
            return "failing", _("Does not answer")
        return "ok", _("Active")

    def _secret_show(self, request: HttpRequest, webhook: WebhookSubscription) -> None:
        messages.warning(
            request,
            _("The secret, shown this once: %(secret)s") % {"secret": webhook.secret},
        )

    def _to_deliveries(self, webhook_id: int) -> HttpResponse:
        return HttpResponse(headers={"HX-Redirect": _deliveries_page(webhook_id)})


def _deliveries_page(webhook_id: int) -> str:
    page = reverse("admin:chargers_webhookdelivery_changelist")
    return f"{page}?subscription__id__exact={webhook_id}"


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What was sent; what was given up is sent again from the outbox."""

    list_display = (
        "id", "subscription", "event_type", "event_station", "event_sequence", "state_label",
        "attempts", "answer_status", "attempted_at", "duration_ms", "is_replay",
    )  # fmt: skip
    list_filter = ("message__state", "is_replay", "subscription")
    list_select_related = ("subscription", "event__station", "message")
    search_fields = ("event__type", "=event__event_id", "event__station__station_id")

    @admin.display(description=_("event"))
    def event_type(self, delivery: WebhookDelivery) -> str:
        return delivery.event.type

    @admin.display(description=_("station"))
    def event_station(self, delivery: WebhookDelivery) -> str:
        return str(delivery.event.station or "-")

    @admin.display(description=_("sequence"))
    def event_sequence(self, delivery: WebhookDelivery) -> int | None:
        return delivery.event.sequence

    @display(
        description=_("state"),
        label=Badges(
            {
                MessageState.WAITING: "info",
                MessageState.DELIVERED: "success",
                MessageState.DEAD: "danger",
            }
        ),
    )
    def state_label(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.message.state, delivery.message.get_state_display()
