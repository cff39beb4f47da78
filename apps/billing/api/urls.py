"""Addresses of billing below /api/v1/; each module of the package brings its own."""

from django.urls import URLPattern

from apps.billing.api.accounts import urlpatterns as accounts
from apps.billing.api.balances import urlpatterns as balances
from apps.billing.api.cdrs import urlpatterns as cdrs
from apps.billing.api.disputes import urlpatterns as disputes
from apps.billing.api.documents import urlpatterns as documents
from apps.billing.api.exports import urlpatterns as exports
from apps.billing.api.inbox import urlpatterns as inbox
from apps.billing.api.invoices import urlpatterns as invoices
from apps.billing.api.months import urlpatterns as months
from apps.billing.api.payments import urlpatterns as payments
from apps.billing.api.settlements import urlpatterns as settlements
from apps.billing.api.statements import urlpatterns as statements
from apps.billing.api.tariff_assignments import urlpatterns as tariff_assignments
from apps.billing.api.tariffs import urlpatterns as tariffs
from apps.billing.api.taxes import urlpatterns as taxes

urlpatterns: list[URLPattern] = [
    *accounts,
    *invoices,
    *settlements,
    *months,
    *taxes,
    *tariffs,
    *tariff_assignments,
    *payments,
    *balances,
    *statements,
    *disputes,
    *exports,
    *documents,
    *cdrs,
    *inbox,
]
