"""The orders that a station's page offers: what each needs to know, says before, and does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.chargers.choices import TokenType
from apps.chargers.models import IdToken
from apps.chargers.selectors.stations import StationRow
from apps.chargers.services import intents
from apps.chargers.services.firmware import firmware_update
from apps.chargers.services.logs import log_ask
from cariflex.common.time import utc_now

REASON_MAX_LENGTH = 200
WHOLE = ""
_NEEDS_CONNECTOR = "StatusNotification"
MESSAGES: tuple[tuple[str, str | Promise], ...] = (
    ("StatusNotification", _("State of its connectors")),
    ("MeterValues", _("Meter values")),
    ("TransactionEvent", _("State of its sessions")),
    ("BootNotification", _("Boot notification")),
    ("Heartbeat", _("Sign of life")),
    ("FirmwareStatusNotification", _("Progress of its firmware")),
    ("LogStatusNotification", _("Progress of its logs")),
)
LOGS: tuple[tuple[str, str | Promise], ...] = (
    ("DiagnosticsLog", _("Diagnostics")),
    ("SecurityLog", _("Security")),
)


class Asker(TypedDict):
    """Which station is asked, by whom and why."""

    station_id: str
    requested_by_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A form that was filled in; `site_root` is the operator's address as stations reach it."""

    asker: Asker
    values: Mapping[str, Any]
    site_root: str

    @property
    def evse_id(self) -> int | None:
        """The EVSE chosen; None for the whole station."""
        return int(self.values["place"]) if self.values.get("place") else None


class OrderForm(forms.Form):
    """Why: every order has a reason. The choices come from the station."""

    def __init__(self, station: StationRow, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.station = station
        self.fields["reason"] = forms.CharField(
            label=_("Reason"), max_length=REASON_MAX_LENGTH, widget=forms.TextInput
        )

    def places(self, *, has_whole: bool) -> list[tuple[str, str | Promise]]:
        """The EVSEs of the station."""
        evses = dict.fromkeys(connector.evse_id for connector in self.station.connectors)
        whole: list[tuple[str, str | Promise]] = [(WHOLE, _("Whole station"))] if has_whole else []
        return whole + [(str(evse), f"EVSE {evse}") for evse in evses]


class PlaceForm(OrderForm):
    """An order for the station or one of its EVSEs."""

    field_order = ("place",)
    has_whole = True

    def __init__(self, station: StationRow, *args: Any, **kwargs: Any) -> None:
        super().__init__(station, *args, **kwargs)
        self.fields["place"] = forms.ChoiceField(
            label=_("Where"),
            choices=self.places(has_whole=self.has_whole),
            required=not self.has_whole,
        )
        self.order_fields([*self.base_fields, "place", "reason"])


class StartForm(PlaceForm):
    """A session for a token."""

    has_whole = False
    id_token = forms.CharField(label=pgettext_lazy("charging", "Card or token"), max_length=36)

    def clean_id_token(self) -> str:
        return str(self.cleaned_data["id_token"]).strip()


class StopForm(OrderForm):
    """One of the sessions in progress."""

    def __init__(self, station: StationRow, *args: Any, **kwargs: Any) -> None:
        super().__init__(station, *args, **kwargs)
        self.fields["session"] = forms.TypedChoiceField(
            label=_("Session"),
            coerce=int,
            choices=[
                (session.session_id, f"EVSE {session.evse_id or '–'} · {session.transaction_id}")
                for session in station.sessions
            ],
        )
        self.order_fields(["session", "reason"])


class UnlockForm(OrderForm):
    """One connector."""

    def __init__(self, station: StationRow, *args: Any, **kwargs: Any) -> None:
        super().__init__(station, *args, **kwargs)
        self.fields["connector"] = forms.ChoiceField(
            label=_("Connector"),
            choices=[
                (f"{one.evse_id}/{one.connector_id}", f"EVSE {one.evse_id} / {one.connector_id}")
                for one in station.connectors
            ],
        )
        self.order_fields(["connector", "reason"])


class ResetForm(OrderForm):
    """When to restart."""

    field_order = ("when", "reason")
    when = forms.ChoiceField(
        label=_("When"),
        choices=(
            ("idle", _("When no car is charging any more")),
            ("now", _("Now: sessions are ended")),
        ),
    )


class TriggerForm(PlaceForm):
    """What the station is to say."""

    message = forms.ChoiceField(label=_("Message"), choices=MESSAGES)


class LogForm(OrderForm):
    """Which log."""

    field_order = ("log", "reason")
    log = forms.ChoiceField(label=_("Log"), choices=LOGS)


class FirmwareForm(OrderForm):
    """Where the firmware lies."""

    field_order = ("location", "reason")
    location = forms.RegexField(
        label=_("Address of the file"),
        regex=r"^(https?|ftps?|sftp)://\S+$",
        max_length=512,
        error_messages={"invalid": _("An address that begins with https://, ftps:// or the like.")},
    )


@dataclass(frozen=True, slots=True)
class OrderKind:
    """One order of the page."""

    key: str
    label: str | Promise
    told: str | Promise
    """What it does, read before it is confirmed."""
    icon: str
    form: type[OrderForm]
    send: Callable[[Asked], object]
    permission: str = "chargers.add_command"
    is_offered: Callable[[StationRow], bool] = lambda station: True


def _start(asked: Asked) -> object:
    token = asked.values["id_token"]
    known = IdToken.objects.filter(id_token__iexact=token).values_list("type", flat=True).first()
    return intents.start(
        id_token=token,
        token_type=known or TokenType.CENTRAL,
        evse_id=asked.evse_id,
        **asked.asker,
    )


def _stop(asked: Asked) -> object:
    return intents.stop(
        session_id=asked.values["session"],
        requested_by_id=asked.asker["requested_by_id"],
        reason=asked.asker["reason"],
    )


def _unlock(asked: Asked) -> object:
    evse, connector = asked.values["connector"].split("/")
    return intents.unlock(evse_id=int(evse), connector_id=int(connector), **asked.asker)


def _reset(asked: Asked) -> object:
    return intents.reset(immediately=asked.values["when"] == "now", **asked.asker)


def _into_service(asked: Asked) -> object:
    return intents.availability_change(is_operative=True, evse_id=asked.evse_id, **asked.asker)


def _out_of_service(asked: Asked) -> object:
    return intents.availability_change(is_operative=False, evse_id=asked.evse_id, **asked.asker)


def _trigger(asked: Asked) -> object:
    message, evse_id = asked.values["message"], asked.evse_id
    # F06.FR.12: the state is told of one connector.
    is_of_connector = message == _NEEDS_CONNECTOR and evse_id is not None
    return intents.trigger(
        message=message,
        evse_id=evse_id,
        connector_id=1 if is_of_connector else None,
        **asked.asker,
    )


def _report(asked: Asked) -> object:
    return intents.base_report_ask(**asked.asker)


def _cache(asked: Asked) -> object:
    return intents.cache_clear(**asked.asker)


def _log(asked: Asked) -> object:
    return log_ask(site_root=asked.site_root, log_type=asked.values["log"], **asked.asker)


def _firmware(asked: Asked) -> object:
    return firmware_update(location=asked.values["location"], retrieve_at=utc_now(), **asked.asker)


ORDERS: dict[str, OrderKind] = {
    kind.key: kind
    for kind in (
        OrderKind(
            "start", _("Start a session"),
            _("The station is asked to start charging for this token."),
            "play", StartForm, _start, is_offered=lambda station: bool(station.connectors),
        ),
        OrderKind(
            "stop", _("Stop a session"), _("The car stops charging; the session is billed."),
            "stop", StopForm, _stop, is_offered=lambda station: bool(station.sessions),
        ),
        OrderKind(
            "unlock", _("Unlock a connector"),
            _("The cable is released; the station may refuse while a car is charging."),
            "unlock", UnlockForm, _unlock, is_offered=lambda station: bool(station.connectors),
        ),
        OrderKind(
            "reset", _("Restart the station"),
            _("The station starts anew and connects again after some minutes."),
            "restart", ResetForm, _reset,
        ),
        OrderKind(
            "out_of_service", _("Take out of service"),
            _("No car can begin to charge there until it is put back in service."),
            "pause", PlaceForm, _out_of_service,
        ),
        OrderKind(
            "into_service", _("Put in service"), _("Cars can charge there again."),
            "check-circle", PlaceForm, _into_service,
        ),
        OrderKind(
            "trigger", _("Ask for a message"), _("The station says now what it says otherwise."),
            "messages", TriggerForm, _trigger,
        ),
        OrderKind(
            "report", _("Read the device model"),
            _("The station tells all its variables; they appear under Device model."),
            "list", OrderForm, _report,
        ),
        OrderKind(
            "cache", _("Empty the token cache"),
            _("The station forgets the tokens that it remembers; it asks again for each."),
            "close", OrderForm, _cache,
        ),
        OrderKind(
            "log", _("Fetch a log"), _("The station uploads the log; it appears under Upkeep."),
            "download", LogForm, _log, permission="chargers.add_logjob",
        ),
        OrderKind(
            "firmware", _("Update the firmware"),
            _("The station fetches the file and installs it; it may be away for some time."),
            "up", FirmwareForm, _firmware, permission="chargers.add_firmwarejob",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderPanel:
    """An order with its form as it stands on the page."""

    kind: OrderKind
    form: OrderForm
    refusal: str = ""

    @property
    def is_open(self) -> bool:
        """True when somebody tried and has to correct something."""
        return bool(self.refusal) or self.form.is_bound


def order_panels(station: StationRow, *, may: Callable[[str], bool]) -> tuple[OrderPanel, ...]:
    """The orders that a user may give to a station now."""
    return tuple(
        OrderPanel(kind, order_form(kind, station))
        for kind in ORDERS.values()
        if may(kind.permission) and kind.is_offered(station)
    )


def order_form(
    kind: OrderKind, station: StationRow, content: Mapping[str, Any] | None = None
) -> OrderForm:
    """The form of an order, empty or filled in; its ids are unlike those of the others."""
    return kind.form(station, content, auto_id=f"order-{kind.key}-%s")
