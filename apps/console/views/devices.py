"""The page of one device and the series of its sensors."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.assets.models import Device, Sensor
from apps.console.viewmodels.alarms import MAY_ACKNOWLEDGE
from apps.console.viewmodels.device import chosen_sensor, device_page
from apps.console.viewmodels.sensor_chart import (
    FIRST_RANGE,
    RANGES,
    ChartedSensor,
    Range,
    chart_text,
    sensor_chart,
)
from apps.console.views.access import FRAGMENT_HEADER, console_view, is_fragment, json_reply
from cariflex.common.time import utc_now

MAY_EXPORT = ("assets.view_sensor", "assets.view_reading")


@console_view
def device(request: HttpRequest, device_id: int) -> HttpResponse:
    """One device; with the fragment header only what changes by itself."""
    now = utc_now()
    page = device_page(
        device_id=device_id,
        now=now,
        may_acknowledge=request.user.has_perm(MAY_ACKNOWLEDGE),
    )
    if page is None:
        raise Http404
    context: dict[str, object] = {"page_of": page, "ranges": tuple(RANGES)}
    template = "console/parts/device_parts.html"
    if not is_fragment(request, "device"):
        template = "console/device.html"
        line = chosen_sensor(page.sensors, request.GET.get("sensor", ""))
        if line is not None:
            sensor = Sensor(pk=line.sensor_id, quantity=line.quantity, channel=line.channel)
            chart = sensor_chart(_charted(page.device, sensor), chosen=_range(request), now=now)
            context |= {"chart": chart, "line": line, "csv_base": _csv_base(request)}
    response = render(request, template, context)
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_view
def device_series(request: HttpRequest, device_id: int) -> HttpResponse:
    """The chart of one sensor of the device as JSON; two queries beside who asks."""
    text = request.GET.get("sensor", "")
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    sensor = Sensor.objects.select_related("device").filter(pk=int(text), device=device_id).first()
    if sensor is None:
        raise Http404
    chart = sensor_chart(_charted(sensor.device, sensor), chosen=_range(request), now=utc_now())
    return json_reply(chart_text(chart))


def _range(request: HttpRequest) -> Range:
    return RANGES.get(request.GET.get("range", ""), RANGES[FIRST_RANGE])


def _charted(of_device: Device, sensor: Sensor) -> ChartedSensor:
    return ChartedSensor(
        sensor_id=sensor.pk,
        quantity=sensor.quantity,
        channel=sensor.channel,
        kind=of_device.kind,
        period_s=sensor.period_s or of_device.poll_period_s,
        device_code=of_device.code,
    )


def _csv_base(request: HttpRequest) -> str:
    """Where the API gives the same values as a file, for who may read them there; else empty."""
    return reverse("api:readings") if request.user.has_perms(MAY_EXPORT) else ""
