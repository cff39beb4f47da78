"""Addresses of the books: the month, inbox, CDRs, invoices and settlements."""

from django.urls import path

from apps.console.views import billing_cdrs, billing_inbox, billing_invoices, billing_month

urlpatterns = [
    path("", billing_month.month, name="month"),
    path("months/<str:key>/drafts", billing_month.drafts, name="month-drafts"),
    path("months/<str:key>/issue", billing_month.issue, name="month-issue"),
    path("months/<str:key>/settle", billing_month.settle, name="month-settle"),
    path("months/<str:key>/reconcile", billing_month.reconcile, name="month-reconcile"),
    path("months/<str:key>/close", billing_month.close, name="month-close"),
    path("inbox/", billing_inbox.inbox, name="inbox"),
    path("inbox/<int:exception_id>/resolve", billing_inbox.resolve, name="inbox-resolve"),
    path("inbox/findings/<int:finding_id>/resolve", billing_inbox.finding, name="finding-resolve"),
    path("inbox/<int:exception_id>/reopen", billing_inbox.reopen, name="inbox-reopen"),
    path("cdrs/", billing_cdrs.cdrs, name="cdrs"),
    path("cdrs/<uuid:cdr_id>/", billing_cdrs.cdr, name="cdrs-detail"),
    path("cdrs/<uuid:cdr_id>/credit", billing_cdrs.credit, name="cdrs-credit"),
    path("invoices/", billing_invoices.invoices, name="invoices"),
    path("invoices/<int:invoice_id>/", billing_invoices.invoice, name="invoices-detail"),
    path("invoices/<int:invoice_id>/issue", billing_invoices.issue, name="invoices-issue"),
    path("invoices/<int:invoice_id>/delete", billing_invoices.delete, name="invoices-delete"),
    path("invoices/<int:invoice_id>/credit", billing_invoices.credit, name="invoices-credit"),
    path(
        "invoices/<int:invoice_id>/documents/<str:kind>",
        billing_invoices.document,
        name="invoices-document",
    ),
    path("settlements/", billing_invoices.settlements, name="settlements"),
    path(
        "settlements/<int:settlement_id>/", billing_invoices.settlement, name="settlements-detail"
    ),
    path(
        "settlements/<int:settlement_id>/confirm",
        billing_invoices.confirm,
        name="settlements-confirm",
    ),
    path(
        "settlements/<int:settlement_id>/contest",
        billing_invoices.contest,
        name="settlements-contest",
    ),
    path(
        "settlements/<int:settlement_id>/reopen", billing_invoices.reopen, name="settlements-reopen"
    ),
    path(
        "settlements/<int:settlement_id>/partner-invoice",
        billing_invoices.partner_invoice,
        name="settlements-partner-invoice",
    ),
]
