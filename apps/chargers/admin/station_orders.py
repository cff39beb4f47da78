"""The dialogs of a station's page: each asks one service."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from apps.chargers.admin.base import (
    StationDialog,
    choice_field,
    long_text_field,
    moment_field,
    text_field,
)
from apps.chargers.choices import RegistrationStatus, TokenType
from apps.chargers.models import Command, FirmwareJob, LocalList, LogJob
from apps.chargers.services import intents, remote_start
from apps.chargers.services.certificate_orders import (
    INSTALLABLE,
    LISTED,
    certificate_install,
    certificates_ask,
)
from apps.chargers.services.firmware import firmware_update
from apps.chargers.services.local_lists import local_list_order
from apps.chargers.services.logs import log_ask
from apps.chargers.services.password_rotation import password_rotate
from apps.chargers.services.provisioning import registration_set
from cariflex.common.time import utc_now


def number_field(label: Any, **kwargs: Any) -> forms.IntegerField:
    """A whole number."""
    return forms.IntegerField(label=label, widget=UnfoldAdminIntegerFieldWidget(), **kwargs)


class RemoteStartForm(StationDialog):
    """Who charges, and where (F01)."""

    id_token = text_field(_("Token"), max_length=36)
    token_type = choice_field(_("Token type"), TokenType.choices, initial=TokenType.CENTRAL)
    evse_id = number_field(_("EVSE"), min_value=1, initial=1)

    def order(self) -> Command:
        return remote_start(
            station_id=self.station.station_id,
            id_token=self.cleaned_data["id_token"],
            token_type=self.cleaned_data["token_type"],
            evse_id=self.cleaned_data["evse_id"],
            **self.asker,
        )


class RegistrationForm(StationDialog):
    """What the station hears when it boots (B01 to B03)."""

    status = choice_field(_("Registration"), RegistrationStatus.choices)

    def order(self) -> Command | None:
        return registration_set(
            station_id=self.station.station_id,
            status=RegistrationStatus(self.cleaned_data["status"]),
            **self.asker,
        )


class PasswordRotateForm(StationDialog):
    """A new random password, which only the station sees (A01)."""

    def order(self) -> Command:
        return password_rotate(station_id=self.station.station_id, requested_by_id=self.asked_by_id)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The service gives its own reason.
        del self.fields["reason"]


class FirmwareForm(StationDialog):
    """Which firmware, from where, when (L01); signed (L01) or not (L02)."""

    location = text_field(_("Address of the file"), max_length=512)
    retrieve_at = moment_field(_("Fetch from"), required=False, help_text=_("Empty: now."))
    install_at = moment_field(
        _("Install from"), required=False, help_text=_("Empty: when it has it.")
    )
    signing_certificate = long_text_field(
        _("Signing certificate (PEM)"), required=False, max_length=5500
    )
    signature = long_text_field(_("Signature"), required=False, max_length=800)

    def order(self) -> FirmwareJob:
        given = self.cleaned_data
        return firmware_update(
            station_id=self.station.station_id,
            location=given["location"],
            retrieve_at=given["retrieve_at"] or utc_now(),
            install_at=given["install_at"],
            signing_certificate=given["signing_certificate"],
            signature=given["signature"],
            **self.asker,
        )


class LogForm(StationDialog):
    """Which log, and of what time (N01)."""

    log_type = choice_field(
        _("Log"),
        [("DiagnosticsLog", _("Diagnostics")), ("SecurityLog", _("Security"))],
    )
    oldest = moment_field(_("From"), required=False)
    latest = moment_field(_("Until"), required=False)

    def order(self) -> LogJob:
        # The station reaches us where its operator does.
        return log_ask(
            station_id=self.station.station_id,
            site_root=self.request.build_absolute_uri("/"),
            log_type=self.cleaned_data["log_type"],
            oldest=self.cleaned_data["oldest"],
            latest=self.cleaned_data["latest"],
            **self.asker,
        )


class CertificateInstallForm(StationDialog):
    """A root for the station to trust (M05)."""

    use = choice_field(_("Use"), [(use.value, use.label) for use in INSTALLABLE])
    pem = long_text_field(_("Certificate (PEM)"), max_length=5500)

    def order(self) -> Command:
        return certificate_install(
            station_id=self.station.station_id,
            use=self.cleaned_data["use"],
            pem=self.cleaned_data["pem"],
            **self.asker,
        )


class CertificatesAskForm(StationDialog):
    """Which certificates the station holds (M03)."""

    use = choice_field(
        _("Use"),
        [("", _("All")), *((use.value, use.label) for use in LISTED)],
        required=False,
    )

    def order(self) -> Command:
        use = self.cleaned_data["use"]
        return certificates_ask(
            station_id=self.station.station_id, uses=[use] if use else [], **self.asker
        )[-1]


class NetworkProfileForm(StationDialog):
    """Another way to a CSMS (B09); it is used once its slot is named in the priorities (B10)."""

    slot = number_field(_("Slot"), min_value=1, initial=1)
    url = text_field(_("Address of the CSMS"), max_length=512, initial="wss://")
    security_profile = number_field(_("Security profile"), min_value=1, max_value=3, initial=2)
    interface = choice_field(
        _("Interface"),
        [
            (name, name)
            for kind in ("Wired", "Wireless")
            for name in (f"{kind}{n}" for n in range(4))
        ],
    )
    timeout_s = number_field(_("Timeout (s)"), min_value=1, max_value=3600, initial=30)

    def order(self) -> Command:
        given = self.cleaned_data
        connection: dict[str, Any] = {
            "ocppVersion": "OCPP20",
            "ocppTransport": "JSON",
            "ocppCsmsUrl": given["url"],
            "messageTimeout": given["timeout_s"],
            "securityProfile": given["security_profile"],
            "ocppInterface": given["interface"],
        }
        return intents.network_profile_set(
            station_id=self.station.station_id,
            slot=given["slot"],
            connection=connection,
            **self.asker,
        )


class MonitorSetForm(StationDialog):
    """A variable to watch (N04)."""

    component = text_field(_("Component"), max_length=50)
    evse_id = number_field(_("EVSE"), required=False, min_value=1)
    variable = text_field(_("Variable"), max_length=50)
    kind = choice_field(
        _("Monitor"),
        [
            ("UpperThreshold", _("Above a value")),
            ("LowerThreshold", _("Below a value")),
            ("Delta", _("Change by more than")),
            ("Periodic", _("Every so many seconds")),
            ("PeriodicClockAligned", _("Every so many seconds, by the clock")),
        ],
    )
    value = forms.FloatField(label=_("Value"), widget=UnfoldAdminIntegerFieldWidget())
    severity = number_field(
        _("Severity"), min_value=0, max_value=9, initial=5, help_text=_("0 danger to 9 debug")
    )

    def order(self) -> Command:
        given = self.cleaned_data
        told = intents.variable(given["component"], given["variable"], evse_id=given["evse_id"])
        monitor = {
            **told,
            "type": given["kind"],
            "value": given["value"],
            "severity": given["severity"],
        }
        return intents.monitors_set(
            station_id=self.station.station_id, monitors=[monitor], **self.asker
        )


class MonitorClearForm(StationDialog):
    """Monitors to end (N06)."""

    ids = text_field(_("Monitor ids"), max_length=200, help_text=_("Numbers, parted by spaces."))

    def clean_ids(self) -> list[int]:
        words = self.cleaned_data["ids"].replace(",", " ").split()
        if not words or not all(word.isascii() and word.isdecimal() for word in words):
            raise forms.ValidationError(_("Give the numbers of monitors."))
        return [int(word) for word in words]

    def order(self) -> Command:
        return intents.monitors_clear(
            station_id=self.station.station_id, ids=self.cleaned_data["ids"], **self.asker
        )


class MonitorsReportForm(StationDialog):
    """Which monitors there are (N02); they come into the command's answer."""

    def order(self) -> Command:
        return intents.monitoring_report_ask(station_id=self.station.station_id, **self.asker)


class MonitorBaseForm(StationDialog):
    """Which monitors are at work (N03)."""

    base = choice_field(
        _("Monitors"),
        [
            ("All", _("All")),
            ("FactoryDefault", _("Those of the factory")),
            ("HardWiredOnly", _("Only those that are wired in")),
        ],
    )

    def order(self) -> Command:
        return intents.monitoring_base_set(
            station_id=self.station.station_id, base=self.cleaned_data["base"], **self.asker
        )


class MonitorLevelForm(StationDialog):
    """From which severity on the station tells (N05)."""

    severity = number_field(
        _("Severity"), min_value=0, max_value=9, initial=5, help_text=_("0 danger to 9 debug")
    )

    def order(self) -> Command:
        return intents.monitoring_level_set(
            station_id=self.station.station_id,
            severity=self.cleaned_data["severity"],
            **self.asker,
        )


class ModelAskForm(StationDialog):
    """The whole device model anew (B07)."""

    def order(self) -> Command:
        return intents.base_report_ask(station_id=self.station.station_id, **self.asker)


class LocalListForm(StationDialog):
    """What to do about the station's list of tokens (D01, D02)."""

    what = choice_field(
        _("What"),
        [("version", _("Ask for its version")), ("whole", _("Send the whole list anew"))],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The answer is known again by the reason that the service gives.
        del self.fields["reason"]

    def order(self) -> LocalList:
        return local_list_order(
            station_id=self.station.station_id,
            is_whole=self.cleaned_data["what"] == "whole",
            now=utc_now(),
            requested_by_id=self.asked_by_id,
        )
