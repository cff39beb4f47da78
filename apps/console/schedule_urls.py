"""Addresses of the schedule of a day and of the policy that plans follow."""

from django.urls import path

from apps.console.views import policy, schedule

urlpatterns = [
    path("", schedule.schedule, name="plan"),
    path("day", schedule.day, name="plan-day"),
    path("why", schedule.why, name="plan-why"),
    path("again", schedule.plan_again, name="plan-again"),
    path("policy/", policy.policy, name="policy"),
    path("policy/<int:site_id>/save", policy.save, name="policy-save"),
    path("policy/<int:site_id>/requests/add", policy.request_add, name="policy-request-add"),
    path(
        "policy/requests/<int:grid_request_id>/cancel",
        policy.request_cancel,
        name="policy-request-cancel",
    ),
]
