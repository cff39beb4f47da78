"""Addresses of exports and their saved views."""

from django.urls import path

from apps.console.views import exports

urlpatterns = [
    path("exports/", exports.exports, name="exports"),
    path("exports/make", exports.make, name="exports-make"),
    path("exports/<uuid:job_id>/file", exports.download, name="exports-file"),
    path("exports/<uuid:job_id>/cancel", exports.cancel, name="exports-cancel"),
    path("exports/<uuid:job_id>/discard", exports.discard, name="exports-discard"),
    path("exports/views/save", exports.view_save, name="exports-view-save"),
    path("exports/views/<int:view_id>/delete", exports.view_delete, name="exports-view-delete"),
]
