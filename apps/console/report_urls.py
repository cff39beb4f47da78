"""Addresses of energy reports; a month goes by `2026-03`."""

from django.urls import path

from apps.console.views import reports

urlpatterns = [
    path("", reports.reports, name="reports"),
    path("compute", reports.compute, name="reports-compute"),
    path("<int:site_id>/<slug:month_key>/", reports.report, name="reports-detail"),
    path("<int:site_id>/<slug:month_key>/report.pdf", reports.as_pdf, name="reports-pdf"),
    path("<int:site_id>/<slug:month_key>/report.csv", reports.as_csv, name="reports-csv"),
]
