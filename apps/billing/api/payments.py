"""Payments over HTTP: recording, matching, allocating, balances by age."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.choices import PaymentDirection, PaymentMethod
from apps.billing.models import BillingAccount, Payment, PaymentAllocation
from apps.billing.selectors.matches import matches_of
from apps.billing.selectors.payments import (
    STATES,
    PaymentFilter,
    allocations_of,
    payment_rows,
    payments_page,
)
from apps.billing.services.matching import match_accept
from apps.billing.services.payments import (
    payment_assign,
    payment_refund,
    payment_register,
    payment_set_aside,
    payment_unmatch,
)
from apps.billing.services.payments_allocate import payment_allocate
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

READ = ("billing.view_payment",)
CHANGE = (*READ, "billing.change_payment")
REFUSALS = {
    "payment.unknown": status.HTTP_404_NOT_FOUND,
    "payment.external_id_taken": status.HTTP_409_CONFLICT,
    "payment.nothing_left": status.HTTP_409_CONFLICT,
    "payment.nothing_open": status.HTTP_409_CONFLICT,
    "payment.too_much": status.HTTP_409_CONFLICT,
    "payment.in_use": status.HTTP_409_CONFLICT,
    "match.gone": status.HTTP_409_CONFLICT,
}
CONFLICT = OpenApiResponse(ApiErrorSerializer, "Somebody was first, or too little is left or open.")


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """Money received or paid out; `rest` is what pays nothing yet."""

    account = serializers.CharField(
        source="account.code", default=None, allow_null=True, help_text="The account's code."
    )
    rest = serializers.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        model = Payment
        fields = (
            "id", "method", "direction", "account", "paid_on", "currency", "amount", "allocated",
            "rest", "party_name", "party_iban", "reference", "end_to_end_id", "external_id",
            "is_set_aside", "set_aside_reason", "note", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class AllocationSerializer(serializers.ModelSerializer[PaymentAllocation]):
    """What a payment pays, or gives back; a released one counts no more."""

    class Meta:
        model = PaymentAllocation
        fields = (
            "id", "payment", "from_invoice", "from_settlement", "invoice", "settlement", "reminder",
            "given_back", "amount", "way", "note", "at", "released_at", "release_reason",
        )  # fmt: skip
        read_only_fields = fields


class PaymentWholeSerializer(PaymentSerializer):
    """A payment with everything that it paid."""

    allocations = serializers.SerializerMethodField()

    class Meta(PaymentSerializer.Meta):
        fields = (*PaymentSerializer.Meta.fields, "allocations")
        read_only_fields = fields

    def get_allocations(self, payment: Payment) -> list[dict[str, Any]]:
        """In the order in which they were made."""
        rows: list[dict[str, Any]] = AllocationSerializer(allocations_of(payment), many=True).data
        return rows


class MatchReasonSerializer(serializers.Serializer[Any]):
    """Why a match is proposed."""

    code = serializers.CharField()
    points = serializers.IntegerField()
    about = serializers.CharField()


class ProposalSerializer(serializers.Serializer[Any]):
    """What the payment probably pays; accept it by its `key`."""

    key = serializers.CharField()
    score = serializers.IntegerField(help_text="0-100.")
    is_sure = serializers.BooleanField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    reasons = MatchReasonSerializer(many=True)


class NewPaymentSerializer(serializers.Serializer[Any]):
    """A payment to be recorded. The same `external_id` again gives the payment that is there."""

    method = serializers.ChoiceField(PaymentMethod.choices)
    direction = serializers.ChoiceField(PaymentDirection.choices, default=PaymentDirection.IN)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    currency = serializers.CharField(max_length=3)
    paid_on = serializers.DateField()
    account = serializers.CharField(required=False, allow_null=True, help_text="Its code.")
    party_name = serializers.CharField(max_length=200, default="", allow_blank=True)
    party_iban = serializers.CharField(max_length=40, default="", allow_blank=True)
    reference = serializers.CharField(max_length=500, default="", allow_blank=True)
    end_to_end_id = serializers.CharField(max_length=64, default="", allow_blank=True)
    external_id = serializers.CharField(max_length=100, required=False, allow_null=True)
    note = serializers.CharField(max_length=300, default="", allow_blank=True)


class AllocateSerializer(serializers.Serializer[Any]):
    """What a payment pays: one paper; without amount as much as possible."""

    invoice = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    settlement = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    reminder = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    is_for_other_account = serializers.BooleanField(default=False)


class RefundSerializer(serializers.Serializer[Any]):
    """Money that was given back, of a payment's rest or of a paper's credit."""

    payment = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    invoice = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    paid_on = serializers.DateField()
    reference = serializers.CharField(max_length=500, default="", allow_blank=True)
    external_id = serializers.CharField(max_length=100, required=False, allow_null=True)


class PaymentParameters(PageParameters):
    state = serializers.ChoiceField(STATES, required=False, default="")
    method = serializers.ChoiceField(PaymentMethod.choices, required=False, default="")
    direction = serializers.ChoiceField(PaymentDirection.choices, required=False, default="")
    account = serializers.CharField(required=False, default="", help_text="An account's code.")
    search = serializers.CharField(required=False, default="")


class PaymentsView(ApiView):
    """Payments."""

    permissions = {"GET": READ, "POST": (*READ, "billing.add_payment")}
    parameters = PaymentParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=list_of(PaymentSerializer))
    def get(self, request: Request) -> Response:
        """Payments, last recorded first; `state=open` are those of which something is left."""
        asked = dict(self.page)
        after, limit = asked.pop("after"), asked.pop("limit")
        page = payments_page(after=after, limit=limit, chosen=PaymentFilter(**asked))
        return listed(request, page, PaymentSerializer)

    @extend_schema(request=NewPaymentSerializer, responses={201: PaymentSerializer, 409: CONFLICT})
    def post(self, request: Request) -> Response:
        """Record a payment, once for each `external_id`."""
        wanted = checked(NewPaymentSerializer, request)
        code = wanted.pop("account", None)
        account = get_object_or_404(BillingAccount, code=code) if code else None
        payment = payment_register(
            account_id=account.pk if account else None, by_id=request.user.pk, **wanted
        )
        return Response(PaymentSerializer(payment).data, status=status.HTTP_201_CREATED)


class PaymentView(ApiView):
    """One payment."""

    permissions = {"GET": READ}

    @extend_schema(responses=PaymentWholeSerializer)
    def get(self, request: Request, payment_id: int) -> Response:
        """The payment with its allocations."""
        payment = get_object_or_404(payment_rows(), pk=payment_id)
        return Response(PaymentWholeSerializer(payment).data)


class AcceptMatchSerializer(serializers.Serializer[Any]):
    """Which proposal."""

    key = serializers.CharField(max_length=1000)


class PaymentMatchesView(ApiView):
    """What a payment probably pays."""

    permissions = {"GET": READ, "POST": CHANGE}
    refusal_statuses = REFUSALS

    @extend_schema(responses=ProposalSerializer(many=True))
    def get(self, request: Request, payment_id: int) -> Response:
        """At most five proposals, best first."""
        payment = get_object_or_404(payment_rows(), pk=payment_id)
        found = matches_of(payment) if payment.rest and not payment.is_set_aside else ()
        return Response(ProposalSerializer(found, many=True).data)

    @extend_schema(
        request=AcceptMatchSerializer, responses={200: PaymentWholeSerializer, 409: CONFLICT}
    )
    def post(self, request: Request, payment_id: int) -> Response:
        """Accept a proposal by its key."""
        key = checked(AcceptMatchSerializer, request)["key"]
        payment = match_accept(payment_id=payment_id, key=key, by_id=request.user.pk)
        return Response(PaymentWholeSerializer(payment).data)


class PaymentActView(ApiView):
    """Something that is done with a payment."""

    permissions = {"POST": CHANGE}
    refusal_statuses = REFUSALS


class PaymentAllocateView(PaymentActView):
    """Let a payment pay a paper."""

    @extend_schema(request=AllocateSerializer, responses={201: AllocationSerializer, 409: CONFLICT})
    def post(self, request: Request, payment_id: int) -> Response:
        """Pay an invoice, a settlement or a reminder's fee."""
        wanted = checked(AllocateSerializer, request)
        allocation = payment_allocate(
            payment_id=payment_id,
            invoice_id=wanted.get("invoice"),
            settlement_id=wanted.get("settlement"),
            reminder_id=wanted.get("reminder"),
            amount=wanted.get("amount"),
            is_for_other_account=wanted["is_for_other_account"],
            by_id=request.user.pk,
        )
        return Response(AllocationSerializer(allocation).data, status=status.HTTP_201_CREATED)


class WhySerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class PaymentUnmatchView(PaymentActView):
    """Release everything that a payment pays."""

    @extend_schema(request=WhySerializer, responses=PaymentWholeSerializer)
    def post(self, request: Request, payment_id: int) -> Response:
        """Its papers are open again; the history stays."""
        why = checked(WhySerializer, request)
        payment_unmatch(payment_id=payment_id, reason=why["reason"], by_id=request.user.pk)
        return Response(PaymentWholeSerializer(payment_rows().get(pk=payment_id)).data)


class PaymentSetAsideView(PaymentActView):
    """Not a payment of a customer or partner."""

    @extend_schema(request=WhySerializer, responses={200: PaymentSerializer, 409: CONFLICT})
    def post(self, request: Request, payment_id: int) -> Response:
        """It is proposed and counted no more."""
        why = checked(WhySerializer, request)
        payment = payment_set_aside(payment_id=payment_id, reason=why["reason"])
        return Response(PaymentSerializer(payment).data)


class AssignSerializer(serializers.Serializer[Any]):
    """Whose payment it is."""

    account = serializers.CharField(allow_null=True, help_text="An account's code, or null.")


class PaymentAssignView(PaymentActView):
    """Say whose payment it is."""

    @extend_schema(request=AssignSerializer, responses={200: PaymentSerializer, 409: CONFLICT})
    def post(self, request: Request, payment_id: int) -> Response:
        """Refused while it pays papers of another account."""
        code = checked(AssignSerializer, request)["account"]
        account = get_object_or_404(BillingAccount, code=code) if code else None
        payment = payment_assign(payment_id=payment_id, account_id=account.pk if account else None)
        return Response(PaymentSerializer(payment).data)


class RefundsView(ApiView):
    """Money given back."""

    permissions = {"POST": (*CHANGE, "billing.add_payment")}
    refusal_statuses = REFUSALS

    @extend_schema(request=RefundSerializer, responses={201: PaymentSerializer, 409: CONFLICT})
    def post(self, request: Request) -> Response:
        """Record a refund of a payment's rest, or of the credit on an invoice."""
        wanted = checked(RefundSerializer, request)
        refund = payment_refund(
            payment_id=wanted.pop("payment", None),
            invoice_id=wanted.pop("invoice", None),
            by_id=request.user.pk,
            **wanted,
        )
        return Response(PaymentSerializer(refund).data, status=status.HTTP_201_CREATED)


def checked(form: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The body of a request as the form has it."""
    asked = form(data=request.data)
    asked.is_valid(raise_exception=True)
    wanted: dict[str, Any] = dict(asked.validated_data)
    return wanted


urlpatterns = [
    *route("payments", PaymentsView.as_view(), "payments"),
    *route("payments/refunds", RefundsView.as_view(), "payments-refunds"),
    *route("payments/<int:payment_id>", PaymentView.as_view(), "payment"),
    *route("payments/<int:payment_id>/matches", PaymentMatchesView.as_view(), "payment-matches"),
    *route("payments/<int:payment_id>/allocate", PaymentAllocateView.as_view(), "payment-allocate"),
    *route("payments/<int:payment_id>/unmatch", PaymentUnmatchView.as_view(), "payment-unmatch"),
    *route("payments/<int:payment_id>/assign", PaymentAssignView.as_view(), "payment-assign"),
    *route(
        "payments/<int:payment_id>/set-aside", PaymentSetAsideView.as_view(), "payment-set-aside"
    ),
]
