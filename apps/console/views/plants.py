"""PV plants: the list, one plant with its day, its form, the usual values for those without."""

from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.assets.choices import DeviceKind
from apps.assets.models import Device
from apps.console.viewmodels.plant_day import plant_page
from apps.console.viewmodels.plant_form import (
    FormFaults,
    PlantForm,
    plant_fields,
    refused,
    rows_changed,
    stored_form,
    typed_form,
    usual_form,
)
from apps.console.viewmodels.plants import MAY_CHANGE, MAY_SEE, devices_without, plants_page
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import day_of, to_page
from apps.markets.models import PvPlant
from apps.markets.services.pv.plants import pv_plant_save, pv_plants_ensure
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

REFUSED = 422


@console_view
@permission_needed(MAY_SEE)
def plants(request: HttpRequest) -> HttpResponse:
    """Every plant, and the PV devices without one."""
    page = plants_page(now=utc_now(), may_change=request.user.has_perm(MAY_CHANGE))
    return render(request, "console/plants.html", {"page_of": page})


@console_action
@permission_needed(MAY_CHANGE)
def ensure(request: HttpRequest) -> HttpResponse:
    """Give each PV device without a plant the usual one."""
    made = len(pv_plants_ensure())
    if made:
        words = ngettext("%(n)d plant is set up.", "%(n)d plants are set up.", made)
        messages.success(request, words % {"n": made})
    for device in devices_without():
        words = _("%(name)s has no plant: open it and say where it stands.")
        messages.warning(request, words % {"name": device.name})
    return to_page("plants")


@console_view
@permission_needed(MAY_SEE)
def edit(request: HttpRequest, device_id: int) -> HttpResponse:
    """The plant of a PV device with a day of it; usual values where there is no plant yet."""
    device = _found(device_id)
    plant = PvPlant.objects.filter(device=device).first()
    form = stored_form(plant) if plant else usual_form(device)
    return _page(request, device, form, asked=day_of(request.GET.get("day", "")))


@console_action
@permission_needed(MAY_CHANGE)
def save(request: HttpRequest, device_id: int) -> HttpResponse:
    """Keep what was typed, or show it again: with what is wrong, or with a row more or less."""
    device = _found(device_id)
    form, order = typed_form(request.POST), request.POST.get("do", "")
    asked = day_of(request.POST.get("day", ""))
    if order:
        return _page(request, device, rows_changed(form, order), asked=asked)
    try:
        pv_plant_save(device=device, **plant_fields(form))
    except FormFaults as faults:
        errors = faults.errors
    except DomainError as err:
        errors = refused(err)
    else:
        messages.success(request, _("The plant is kept; the next forecast follows it."))
        return to_page("plants-edit", device.pk)
    wrong = PlantForm(form.texts, form.arrays, enabled=form.enabled, errors=errors)
    return _page(request, device, wrong, asked=asked)


def _found(device_id: int) -> Device:
    devices = Device.objects.filter(kind=DeviceKind.PV).select_related("site")
    found = devices.filter(pk=device_id).first()
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, device: Device, form: PlantForm, *, asked: date | None
) -> HttpResponse:
    page = plant_page(
        device=device,
        form=form,
        asked=asked,
        now=utc_now(),
        may_change=request.user.has_perm(MAY_CHANGE),
    )
    status = REFUSED if form.errors else 200
    return render(request, "console/plant.html", {"page_of": page}, status=status)
