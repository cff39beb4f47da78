"""Addresses of series, their sources and what was imported."""

from django.urls import path

from apps.console.views import data_imports, data_series, data_sources, data_upload

urlpatterns = [
    path("", data_series.series, name="series"),
    path("series/<int:series_id>/", data_series.one, name="series-detail"),
    path("series/<int:series_id>/values.csv", data_series.values, name="series-values"),
    path("series/<int:series_id>/follow", data_series.follow, name="series-follow"),
    path("series/<int:series_id>/fallback", data_series.fallback, name="series-fallback"),
    path("sources/", data_sources.sources, name="sources"),
    path("sources/add", data_sources.add, name="sources-add"),
    path("sources/save", data_sources.save, name="sources-save"),
    path("sources/<int:access_id>/edit", data_sources.edit, name="sources-edit"),
    path("sources/<int:access_id>/switch", data_sources.switch, name="sources-switch"),
    path("sources/requests/<int:request_id>/retry", data_sources.retry, name="sources-retry"),
    path("imports/", data_imports.imports, name="imports"),
    path("imports/<int:document_id>/", data_imports.document, name="imports-detail"),
    path("imports/<int:document_id>/raw", data_imports.raw, name="imports-raw"),
    path("imports/<int:document_id>/retry", data_imports.retry, name="imports-retry"),
    path("upload/", data_upload.upload, name="imports-upload"),
    path("upload/preview", data_upload.preview, name="imports-preview"),
    path("upload/<str:key>/", data_upload.draft, name="imports-draft"),
    path("upload/<str:key>/take", data_upload.take, name="imports-take"),
    path("upload/<str:key>/drop", data_upload.drop, name="imports-drop"),
]
