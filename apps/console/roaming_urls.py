"""Addresses of roaming: partners, sessions, and what was said."""

from django.urls import path

from apps.console.views import (
    roaming_conformance,
    roaming_log,
    roaming_partners,
    roaming_sessions,
    roaming_settings,
)

# A partner's code comes last: the words before it are no codes.
urlpatterns = [
    path("", roaming_partners.partners, name="partners"),
    path("invite", roaming_partners.invite, name="partners-invite"),
    path("register", roaming_partners.register, name="partners-register"),
    path("log/", roaming_log.log, name="exchanges"),
    path("log/export.csv", roaming_log.log_as_csv, name="exchanges-csv"),
    path("log/export.jsonl", roaming_log.log_as_jsonl, name="exchanges-jsonl"),
    path("log/<int:exchange_id>/", roaming_log.exchange, name="exchanges-detail"),
    path("sessions/", roaming_sessions.sessions, name="roamings"),
    path("<slug:code>/", roaming_partners.partner, name="partners-detail"),
    path("<slug:code>/invite", roaming_partners.invite_again, name="partners-invite-again"),
    path("<slug:code>/rotate", roaming_partners.rotate, name="partners-rotate"),
    path("<slug:code>/suspend", roaming_partners.suspend, name="partners-suspend"),
    path("<slug:code>/resume", roaming_partners.resume, name="partners-resume"),
    path("<slug:code>/unregister", roaming_partners.unregister, name="partners-unregister"),
    path("<slug:code>/settings/", roaming_settings.settings, name="partners-settings"),
    path("<slug:code>/settings/save", roaming_settings.save, name="partners-settings-save"),
    path("<slug:code>/pull", roaming_partners.pull, name="partners-pull"),
    path("<slug:code>/check", roaming_conformance.check, name="partners-check"),
    path("<slug:code>/checks/", roaming_conformance.card, name="partners-conformance"),
    path("<slug:code>/checks/<int:report_id>/", roaming_conformance.report, name="partners-report"),
    path(
        "<slug:code>/checks/<int:report_id>.json",
        roaming_conformance.report_as_json,
        name="partners-report-json",
    ),
]
