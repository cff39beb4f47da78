"""Pages and APIs of one operator."""

from django.contrib import admin
from django.urls import include, path

from apps.chargers.csms.citrineos.callbacks import citrineos_answer
from apps.chargers.uploads import station_log
from apps.ocpi.server.transport import ocpi

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("cariflex.api")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("citrineos/answers/<uuid:order>/<str:token>/", citrineos_answer, name="citrineos-answer"),
    path("station-logs/<str:secret>/", station_log, name="station-log"),
    path("station-logs/<str:secret>/<path:filename>", station_log, name="station-log-named"),
    path("ocpi", ocpi, {"path": ""}),
    path("ocpi/", include("apps.ocpi.server.urls")),
    path("", include("apps.console.urls")),
]
