"""Bank statements and reminders over HTTP."""

import base64
import binascii
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.payments import REFUSALS, PaymentSerializer, checked
from apps.billing.choices import BankLineState, ReminderState, StatementFormat
from apps.billing.models import BankLine, BankStatement, Reminder
from apps.billing.selectors.payments import bank_lines_page, reminders_page, statements_page
from apps.billing.services.payments_import import ImportOptions, bank_line_take, statement_import
from apps.billing.services.reminders import reminder_drop, reminder_retry, reminders_make
from apps.billing.services.reminders_send import reminder_mark_sent, reminder_send
from apps.billing.statements import CSV_FIELDS
from apps.billing.statements.model import MOST_BYTES
from cariflex.common.api.errors import FieldError
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

READ = ("billing.view_bankstatement",)
ACTS = ("send", "mark_sent", "drop", "retry")
REMINDER_REFUSALS = {
    "reminder.unknown": status.HTTP_404_NOT_FOUND,
    "reminder.sent": status.HTTP_409_CONFLICT,
    "reminder.not_proposed": status.HTTP_409_CONFLICT,
    "reminder.paid": status.HTTP_409_CONFLICT,
    "reminder.disputed": status.HTTP_409_CONFLICT,
}


class BankStatementSerializer(serializers.ModelSerializer[BankStatement]):
    """A file that was imported, and what became of its lines."""

    class Meta:
        model = BankStatement
        fields = (
            "id", "format", "file_name", "sha256", "iban", "opening_balance", "closing_balance",
            "balances_add_up", "taken_count", "known_count", "left_count", "bad_count",
            "imported_at",
        )  # fmt: skip
        read_only_fields = fields


class BankLineSerializer(serializers.ModelSerializer[BankLine]):
    """One line: its number, and the payment that it became or why it did not."""

    class Meta:
        model = BankLine
        fields = (
            "id", "number", "state", "booked_on", "amount", "currency", "party_name", "party_iban",
            "reference", "end_to_end_id", "bank_reference", "is_return", "problem_code", "problem",
            "payment",
        )  # fmt: skip
        read_only_fields = fields


class ImportSerializer(serializers.Serializer[Any]):
    """A statement file, in base64. The same bytes again give the statement that is there."""

    file_name = serializers.CharField(max_length=200)
    content = serializers.CharField(help_text="Base64; 10 MB at most.")
    format = serializers.ChoiceField(StatementFormat.choices, required=False, default="")
    columns = serializers.DictField(
        child=serializers.CharField(), required=False, default=dict,
        help_text=f"CSV: field -> column name. Fields: {', '.join(CSV_FIELDS)}.",
    )  # fmt: skip
    currency = serializers.CharField(max_length=3, default="EUR")
    is_month_first = serializers.BooleanField(default=False)
    with_outgoing = serializers.BooleanField(default=False)


class StatementsView(ApiView):
    """Bank statements."""

    permissions = {"GET": READ, "POST": (*READ, "billing.add_bankstatement")}
    parameters = PageParameters

    @extend_schema(responses=list_of(BankStatementSerializer))
    def get(self, request: Request) -> Response:
        """Imported statements, last first."""
        return listed(request, statements_page(**self.page), BankStatementSerializer)

    @extend_schema(request=ImportSerializer, responses={201: BankStatementSerializer})
    def post(self, request: Request) -> Response:
        """Import a statement; its bad lines are listed with their numbers."""
        wanted = checked(ImportSerializer, request)
        try:
            content = base64.b64decode(wanted.pop("content"), validate=True)
        except (binascii.Error, ValueError) as err:
            raise FieldError("invalid", "This is no base64.", "content") from err
        if len(content) > MOST_BYTES:
            raise FieldError("statement.too_large", "At most 10 MB.", "content")
        statement = statement_import(
            content=content,
            file_name=wanted.pop("file_name"),
            options=ImportOptions(**wanted),
            now=utc_now(),
            by_id=request.user.pk,
        )
        return Response(BankStatementSerializer(statement).data, status=status.HTTP_201_CREATED)


class BankLineParameters(PageParameters):
    state = serializers.ChoiceField(BankLineState.choices, required=False, default="")


class StatementLinesView(ApiView):
    """Lines of a statement."""

    permissions = {"GET": READ}
    parameters = BankLineParameters

    @extend_schema(responses=list_of(BankLineSerializer))
    def get(self, request: Request, statement_id: int) -> Response:
        """In the order of the file; `state=bad` are those that could not be read."""
        get_object_or_404(BankStatement, pk=statement_id)
        page = bank_lines_page(statement_id=statement_id, **self.page)
        return listed(request, page, BankLineSerializer)


class BankLineTakeView(ApiView):
    """Record the payment of a line that was left aside."""

    permissions = {"POST": (*READ, "billing.add_payment")}
    refusal_statuses = {**REFUSALS, "statement.line_unknown": status.HTTP_404_NOT_FOUND}

    @extend_schema(request=None, responses=PaymentSerializer)
    def post(self, request: Request, line_id: int) -> Response:
        """Again gives the same payment."""
        payment = bank_line_take(line_id=line_id, by_id=request.user.pk)
        return Response(PaymentSerializer(payment).data)


class ReminderSerializer(serializers.ModelSerializer[Reminder]):
    """A reminder of one invoice at one level."""

    invoice = serializers.CharField(source="invoice.reference")
    account = serializers.CharField(source="invoice.account.code")

    class Meta:
        model = Reminder
        fields = (
            "id", "invoice", "account", "level", "state", "language", "address", "open_amount",
            "fee", "currency", "days_overdue", "subject", "body", "on_paper", "made_at", "sent_at",
            "attempts", "last_error",
        )  # fmt: skip
        read_only_fields = fields


REMINDERS = list_of(ReminderSerializer)


class ReminderParameters(PageParameters):
    state = serializers.ChoiceField(ReminderState.choices, required=False, default="")


class RemindersView(ApiView):
    """Reminders."""

    permissions = {"GET": ("billing.view_reminder",), "POST": ("billing.add_reminder",)}
    parameters = ReminderParameters

    @extend_schema(responses=REMINDERS)
    def get(self, request: Request) -> Response:
        """Reminders, last made first."""
        return listed(request, reminders_page(**self.page), ReminderSerializer)

    @extend_schema(request=None, responses={200: REMINDERS})
    def post(self, request: Request) -> Response:
        """Propose the reminders that are due; gives the proposed ones. Nothing is sent."""
        reminders_make(now=utc_now())
        page = reminders_page(after=None, limit=100, state=ReminderState.PROPOSED)
        return listed(request, page, ReminderSerializer)


class ReminderActSerializer(serializers.Serializer[Any]):
    """What is done with it: `mark_sent` says that it went out on paper."""

    act = serializers.ChoiceField(ACTS)


class ReminderActsView(ApiView):
    """What is done with one reminder."""

    permissions = {"POST": ("billing.view_reminder", "billing.send_reminder")}
    refusal_statuses = REMINDER_REFUSALS

    @extend_schema(request=ReminderActSerializer, responses=ReminderSerializer)
    def post(self, request: Request, reminder_id: int) -> Response:
        """Send it by e-mail, say that it was sent, drop it, or propose it again."""
        act = checked(ReminderActSerializer, request)["act"]
        by_id = request.user.pk
        if act == "send":
            reminder = reminder_send(reminder_id=reminder_id, now=utc_now(), by_id=by_id)
        elif act == "mark_sent":
            reminder = reminder_mark_sent(
                reminder_id=reminder_id, now=utc_now(), on_paper=True, by_id=by_id
            )
        elif act == "drop":
            reminder = reminder_drop(reminder_id=reminder_id)
        else:
            reminder = reminder_retry(reminder_id=reminder_id)
        return Response(ReminderSerializer(reminder).data)


urlpatterns = [
    *route("payments/statements", StatementsView.as_view(), "payments-statements"),
    *route(
        "payments/statements/<int:statement_id>/lines",
        StatementLinesView.as_view(),
        "payments-statement-lines",
    ),
    *route(
        "payments/statement-lines/<int:line_id>/take",
        BankLineTakeView.as_view(),
        "payments-statement-line-take",
    ),
    *route("payments/reminders", RemindersView.as_view(), "payments-reminders"),
    *route(
        "payments/reminders/<int:reminder_id>/acts",
        ReminderActsView.as_view(),
        "payments-reminder-acts",
    ),
]
