"""The buttons of a station's page; what each asks stands in its dialog (`station_orders`)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action

from apps.chargers.admin import station_orders as orders
from apps.chargers.admin.base import SEND_COMMAND, OrderDialog, to_command, to_row


def _dialog(title: Any, description: Any, form: type[OrderDialog], submit: Any) -> dict[str, Any]:
    return {
        "title": title,
        "description": description,
        "form_class": form,
        "form_submit_text": submit,
    }


def _button(name: str, title: Any, description: Any, form: type[OrderDialog]) -> Any:
    """A button whose service gives one command; it leads to the command's page."""

    def method(
        _admin: ModelAdmin, request: HttpRequest, form: OrderDialog, object_id: str
    ) -> HttpResponse:
        return to_command(request, form.result)

    # Unfold finds a button by the name of its function.
    method.__name__ = method.__qualname__ = name
    return action(
        description=title,
        permissions=["send_command"],
        url_path=name.replace("_", "-"),
        dialog=_dialog(title, description, form, _("Send")),  # type: ignore[arg-type]
    )(method)


class StationButtons(ModelAdmin):
    """What can be ordered of one station."""

    actions_detail = (
        "start_remotely",
        {
            "title": _("Settings and passwords"),
            "items": [
                "registration", "password_rotate", "model_ask", "network_profile", "local_list",
            ],
        },
        {"title": _("Firmware and logs"), "items": ["firmware", "log_ask"]},
        {"title": _("Certificates"), "items": ["certificate_install", "certificates_ask"]},
        {
            "title": _("Monitoring"),
            "items": [
                "monitor_set", "monitor_clear", "monitors_report", "monitor_base", "monitor_level",
            ],
        },
    )  # fmt: skip

    def has_send_command_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        # A method, not "app.permission": Unfold would look that up in the database at each check.
        return request.user.has_perm(SEND_COMMAND)

    def has_set_registration_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("chargers.change_chargingstation")

    start_remotely = _button(
        "start_remotely",
        _("Start remotely…"),
        _("The station is asked to start charging for this token."),
        orders.RemoteStartForm,
    )
    password_rotate = _button(
        "password_rotate",
        _("Change the password…"),
        _(
            "The station is given a new random password, which nobody sees. The old one opens"
            " connections until the new one was used."
        ),
        orders.PasswordRotateForm,
    )
    model_ask = _button(
        "model_ask",
        _("Ask for its variables…"),
        _("The station is asked for its whole device model."),
        orders.ModelAskForm,
    )
    network_profile = _button(
        "network_profile",
        _("Network profile…"),
        _(
            "Another way to a CSMS. The station uses it once the slot stands in its variable"
            " NetworkConfigurationPriority."
        ),
        orders.NetworkProfileForm,
    )
    certificate_install = _button(
        "certificate_install",
        _("Install a certificate…"),
        _("The station is given a root certificate to trust."),
        orders.CertificateInstallForm,
    )
    certificates_ask = _button(
        "certificates_ask",
        _("Ask for its certificates…"),
        _("The station tells which certificates it holds; the list of certificates follows."),
        orders.CertificatesAskForm,
    )
    monitor_set = _button(
        "monitor_set",
        _("Watch a variable…"),
        _("The station reports an event when this happens."),
        orders.MonitorSetForm,
    )
    monitor_clear = _button(
        "monitor_clear",
        _("End monitors…"),
        _("The numbers are in the answers to the orders that set them."),
        orders.MonitorClearForm,
    )
    monitors_report = _button(
        "monitors_report",
        _("Ask for its monitors…"),
        _("The station tells its monitors in the answer to the command."),
        orders.MonitorsReportForm,
    )
    monitor_base = _button(
        "monitor_base",
        _("Choose the monitors at work…"),
        _("Monitors that were set by hand are ended unless all are at work."),
        orders.MonitorBaseForm,
    )
    monitor_level = _button(
        "monitor_level",
        _("Level of events…"),
        _("The station reports events of this severity and graver ones."),
        orders.MonitorLevelForm,
    )

    @action(
        description=_("Registration…"),
        permissions=["set_registration"],
        url_path="registration",
        dialog=_dialog(
            _("Registration"),
            _(
                "The station hears it when it boots: one that is connected is asked to boot now,"
                " one that is rejected is cut off."
            ),
            orders.RegistrationForm,
            _("Set"),
        ),  # type: ignore[arg-type]
    )
    def registration(
        self, request: HttpRequest, form: orders.RegistrationForm, object_id: str
    ) -> HttpResponse:
        if form.result is not None:
            return to_command(request, form.result)
        messages.success(request, _("The registration is set."))
        return to_row(form.station)

    @action(
        description=_("New firmware…"),
        permissions=["send_command"],
        url_path="firmware",
        dialog=_dialog(
            _("New firmware"),
            _("The station fetches the file itself, and installs it."),
            orders.FirmwareForm,
            _("Send"),
        ),  # type: ignore[arg-type]
    )
    def firmware(
        self, request: HttpRequest, form: orders.FirmwareForm, object_id: str
    ) -> HttpResponse:
        return _to_job(request, form)

    @action(
        description=_("Ask for a log…"),
        permissions=["send_command"],
        url_path="log",
        dialog=_dialog(
            _("Ask for a log"),
            _("The station brings it here; it is then at the log job."),
            orders.LogForm,
            _("Send"),
        ),  # type: ignore[arg-type]
    )
    def log_ask(self, request: HttpRequest, form: orders.LogForm, object_id: str) -> HttpResponse:
        return _to_job(request, form)

    @action(
        description=_("List of tokens…"),
        permissions=["send_command"],
        url_path="local-list",
        dialog=_dialog(
            _("List of tokens"),
            _("What the station should hold is kept up to date by itself; this does it now."),
            orders.LocalListForm,
            _("Send"),
        ),  # type: ignore[arg-type]
    )
    def local_list(
        self, request: HttpRequest, form: orders.LocalListForm, object_id: str
    ) -> HttpResponse:
        messages.info(request, form.result.get_status_display())
        return to_row(form.result)


def _to_job(request: HttpRequest, form: OrderDialog) -> HttpResponse:
    """Show the job that was begun, or why it was not even sent."""
    if form.result.command.error:
        messages.error(request, form.result.command.error)
    else:
        messages.success(request, _("The order was sent; the job shows how far it is."))
    return to_row(form.result)
