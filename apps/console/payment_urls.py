"""Addresses of payments, bank statements, reminders and disputes."""

from django.urls import path

from apps.console.views import disputes, payment_statements, payments, reminders

urlpatterns = [
    path("payments/", payments.payments, name="payments"),
    path("payments/register", payments.register, name="payments-register"),
    path("payments/accept-sure", payments.accept_sure, name="payments-accept-sure"),
    path("payments/set-off", payments.set_off, name="payments-set-off"),
    path("payments/refund-paper", payments.refund_paper, name="payments-refund-paper"),
    path("payments/<int:payment_id>/", payments.payment, name="payments-detail"),
    path("payments/<int:payment_id>/accept", payments.accept, name="payments-accept"),
    path("payments/<int:payment_id>/allocate", payments.allocate, name="payments-allocate"),
    path("payments/<int:payment_id>/unmatch", payments.unmatch, name="payments-unmatch"),
    path("payments/<int:payment_id>/assign", payments.assign, name="payments-assign"),
    path("payments/<int:payment_id>/set-aside", payments.set_aside, name="payments-set-aside"),
    path("payments/<int:payment_id>/take-back", payments.take_back, name="payments-take-back"),
    path("payments/<int:payment_id>/refund", payments.refund, name="payments-refund"),
    path(
        "payments/allocations/<int:allocation_id>/release",
        payments.release,
        name="payments-release",
    ),
    path("payments/statements/", payment_statements.statements, name="payments-statements"),
    path("payments/statements/preview", payment_statements.preview, name="payments-preview"),
    path("payments/statements/import", payment_statements.take, name="payments-import"),
    path(
        "payments/statements/<int:statement_id>/",
        payment_statements.statement,
        name="payments-statement",
    ),
    path(
        "payments/statements/lines/<int:line_id>/take",
        payment_statements.line_take,
        name="payments-line-take",
    ),
    path("payments/reminders/", reminders.reminders, name="payments-reminders"),
    path("payments/reminders/make", reminders.make, name="payments-reminders-make"),
    path("payments/reminders/levels", reminders.levels_load, name="payments-reminders-levels"),
    path("payments/reminders/<int:reminder_id>/", reminders.reminder, name="payments-reminder"),
    path(
        "payments/reminders/<int:reminder_id>/<str:what>",
        reminders.act,
        name="payments-reminder-act",
    ),
    path("disputes/", disputes.disputes, name="disputes"),
    path("disputes/new/", disputes.new, name="disputes-new"),
    path("disputes/open", disputes.open_new, name="disputes-open"),
    path("disputes/<int:dispute_id>/", disputes.dispute, name="disputes-detail"),
    path("disputes/<int:dispute_id>/accept", disputes.accept, name="disputes-accept"),
    path("disputes/<int:dispute_id>/<str:what>", disputes.act, name="disputes-act"),
]
