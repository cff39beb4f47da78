"""Pages and APIs of one operator."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("cariflex.api")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("apps.console.urls")),
]
