"""Payments, bank statements and reminders, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.billing.admin.invoices import each_row
from apps.billing.choices import BankLineState, PaymentDirection, ReminderState
from apps.billing.models import (
    BankLine,
    BankStatement,
    Payment,
    PaymentAllocation,
    Reminder,
    ReminderLevel,
    ReminderText,
)
from apps.billing.reminder_words import words_check
from apps.billing.services.payments import payment_unmatch
from apps.billing.services.reminders import reminder_drop
from apps.billing.services.reminders_send import reminder_send
from apps.chargers.admin.base import ReadOnlyAdmin
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class _ReadOnlyInline(TabularInline):
    extra = 0
    per_page = 50
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class AllocationInline(_ReadOnlyInline):
    model = PaymentAllocation
    fk_name = "payment"
    fields = ("invoice", "settlement", "amount", "way", "note", "at", "released_at")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    inlines = (AllocationInline,)
    list_display = (
        "paid_on", "direction_label", "method", "account", "party_name", "amount", "allocated",
        "currency", "is_set_aside",
    )  # fmt: skip
    list_select_related = ("account",)
    list_filter = ("direction", "method", "currency", "is_set_aside")
    search_fields = ("reference", "party_name", "party_iban", "external_id", "account__name")
    date_hierarchy = "paid_on"
    actions = ("unmatch",)

    @display(
        description=_("direction"),
        label=Badges({PaymentDirection.IN: "success", PaymentDirection.OUT: "info"}),
    )
    def direction_label(self, payment: Payment) -> tuple[str, str]:
        return payment.direction, payment.get_direction_display()

    def has_match_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_payment")

    @admin.action(description=_("Release what they pay"), permissions=["match"])
    def unmatch(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        done = each_row(
            request, queryset, lambda pk: payment_unmatch(payment_id=pk, by_id=request.user.pk)
        )
        text = ngettext("%(count)d payment is released.", "%(count)d payments are released.", done)
        messages.info(request, text % {"count": done})


class BankLineInline(_ReadOnlyInline):
    model = BankLine
    fields = (
        "number", "state", "booked_on", "amount", "currency", "party_name", "reference", "problem",
    )  # fmt: skip


@admin.register(BankStatement)
class BankStatementAdmin(ReadOnlyAdmin):
    inlines = (BankLineInline,)
    list_display = (
        "imported_at", "file_name", "format", "iban", "taken_count", "known_count", "left_count",
        "bad_count", "balances_add_up",
    )  # fmt: skip
    list_filter = ("format",)
    search_fields = ("file_name", "iban", "sha256")
    date_hierarchy = "imported_at"


@admin.register(BankLine)
class BankLineAdmin(ReadOnlyAdmin):
    list_display = (
        "statement", "number", "state_label", "booked_on", "amount", "currency", "party_name",
        "problem",
    )  # fmt: skip
    list_select_related = ("statement",)
    list_filter = ("state", "problem_code")
    search_fields = ("reference", "party_name", "party_iban", "raw")

    @display(
        description=_("state"),
        label=Badges(
            {
                BankLineState.TAKEN: "success",
                BankLineState.KNOWN: None,
                BankLineState.LEFT: "info",
                BankLineState.BAD: "danger",
            }
        ),
    )
    def state_label(self, line: BankLine) -> tuple[str, str]:
        return line.state, line.get_state_display()


class ReminderTextForm(forms.ModelForm):  # type: ignore[type-arg]
    """A placeholder that stands for nothing is refused."""

    class Meta:
        model = ReminderText
        fields = ("language", "subject", "body")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for field in ("subject", "body"):
            try:
                words_check(cleaned.get(field, ""), field=field)
            except DomainError as err:
                self.add_error(field, err.message)
        return cleaned


class ReminderTextInline(TabularInline):
    model = ReminderText
    form = ReminderTextForm
    extra = 0


@admin.register(ReminderLevel)
class ReminderLevelAdmin(ModelAdmin):
    inlines = (ReminderTextInline,)
    list_display = (
        "level", "name", "days_after_due", "fee", "fee_currency", "is_automatic", "is_active",
    )  # fmt: skip
    search_fields = ("name",)


@admin.register(Reminder)
class ReminderAdmin(ReadOnlyAdmin):
    list_display = (
        "invoice", "level", "state_label", "open_amount", "fee", "currency", "address", "made_at",
        "sent_at", "last_error",
    )  # fmt: skip
    list_select_related = ("invoice",)
    list_filter = ("state", "level")
    search_fields = ("invoice__reference", "address")
    date_hierarchy = "made_at"
    actions = ("send", "drop")

    @display(
        description=_("state"),
        label=Badges(
            {
                ReminderState.PROPOSED: "info",
                ReminderState.SENDING: "warning",
                ReminderState.SENT: "success",
                ReminderState.FAILED: "danger",
                ReminderState.DROPPED: None,
            }
        ),
    )
    def state_label(self, reminder: Reminder) -> tuple[str, str]:
        return reminder.state, reminder.get_state_display()

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.send_reminder")

    @admin.action(description=_("Send by e-mail"), permissions=["send"])
    def send(self, request: HttpRequest, queryset: QuerySet[Reminder]) -> None:
        by_id = request.user.pk
        sent = 0

        def one(pk: int) -> None:
            nonlocal sent
            reminder = reminder_send(reminder_id=pk, now=utc_now(), by_id=by_id)
            sent += reminder.state == ReminderState.SENT

        each_row(request, queryset, one)
        text = ngettext("%(count)d reminder is sent.", "%(count)d reminders are sent.", sent)
        messages.info(request, text % {"count": sent})

    @admin.action(description=_("Drop"), permissions=["send"])
    def drop(self, request: HttpRequest, queryset: QuerySet[Reminder]) -> None:
        done = each_row(request, queryset, lambda pk: reminder_drop(reminder_id=pk))
        text = ngettext("%(count)d reminder is dropped.", "%(count)d reminders are dropped.", done)
        messages.info(request, text % {"count": done})
