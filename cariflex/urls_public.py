"""The platform's own pages: operators and domains."""

from django.urls import include, path
from django.views.generic import RedirectView

from apps.tenants.admin import platform_site

urlpatterns = [
    path("admin/", platform_site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
