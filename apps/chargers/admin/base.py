"""What the admin pages of stations have in common."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from apps.chargers.models import Command

SEND_COMMAND = "chargers.add_command"


class ReadOnlyAdmin(ModelAdmin):
    """Rows that are written by stations and services, never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def to_command(request: HttpRequest, command: Command) -> HttpResponse:
    """Show the order that was given: the dialog's htmx leaves for its page."""
    if command.error:
        messages.error(request, command.error)
    else:
        messages.success(request, _("The order was sent; its status shows the station's answer."))
    page = reverse("admin:chargers_command_change", args=[command.pk])
    return HttpResponse(headers={"HX-Redirect": page})
