"""The admin's frame: the badge beside its title and its navigation."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin.sites import all_sites
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

Entry = tuple[str, str]
"""A model's label and its icon (Material Symbols, shipped by Unfold)."""

CONSOLE = "/"
"""The operator's pages, at the same host."""
OPERATOR_SECTIONS: tuple[tuple[Promise | str, tuple[Entry, ...]], ...] = (
    (
        gettext_lazy("Energy"),
        (
            ("assets.site", "location_on"),
            ("assets.device", "solar_power"),
            ("assets.deviceimport", "playlist_add"),
            ("assets.setpoint", "tune"),
            ("assets.handsoffchange", "pan_tool"),
            ("assets.alarm", "notifications"),
            ("assets.alarmdigest", "mail"),
            ("assets.gatewayjob", "quiz"),
            ("assets.retention", "auto_delete"),
            ("assets.pollshard", "sync"),
            ("assets.pollworker", "memory"),
            ("assets.readingimport", "upload_file"),
            ("flexibility.plan", "event_upcoming"),
            ("flexibility.controlstate", "rule"),
            ("flexibility.sitepolicy", "flag"),
            ("flexibility.gridrequest", "electric_meter"),
            ("flexibility.cargoal", "directions_car"),
            ("flexibility.forecast", "partly_cloudy_day"),
            ("flexibility.energyreport", "summarize"),
        ),
    ),
    (
        pgettext_lazy("section", "Charging"),
        (
            ("chargers.chargingstation", "ev_station"),
            ("chargers.evse", "electrical_services"),
            ("chargers.session", "bolt"),
            ("chargers.reservation", "event_seat"),
            ("chargers.adhoccharge", "credit_card"),
            ("chargers.adhocsettings", "qr_code"),
            ("chargers.idtoken", "badge"),
            ("chargers.tokengroup", "group_work"),
            ("chargers.locallist", "list_alt"),
            ("chargers.command", "send"),
            ("chargers.commandbatch", "dynamic_feed"),
            ("chargers.stationmessage", "forum"),
            ("chargers.refusedconnection", "block"),
            ("chargers.stationevent", "warning"),
            ("chargers.securityevent", "security"),
            ("chargers.firmwarejob", "system_update"),
            ("chargers.logjob", "description"),
            ("chargers.displaymessage", "chat"),
            ("chargers.customerinformation", "contact_page"),
            ("chargers.stationcertificate", "workspace_premium"),
            ("chargers.certificateauthority", "verified_user"),
            ("chargers.connectorstatuschange", "history"),
            ("chargers.connectionchange", "wifi"),
            ("chargers.chargingneeds", "electric_car"),
            ("chargers.dercontrol", "tune"),
            ("chargers.deralarm", "crisis_alert"),
            ("chargers.eventstream", "stream"),
            ("chargers.devicevariable", "data_object"),
            ("chargers.reportrun", "summarize"),
        ),
    ),
    (
        gettext_lazy("Billing"),
        (
            ("billing.cdr", "receipt_long"),
            ("billing.billingexception", "inbox"),
            ("billing.reconciliationrun", "compare"),
            ("billing.reconciliationfinding", "rule"),
            ("billing.sessioncorrection", "edit_note"),
            ("billing.tariff", "sell"),
            ("billing.tariffversion", "history"),
            ("billing.tariffassignment", "pin_drop"),
            ("billing.billingaccount", "contacts"),
            ("billing.invoice", "request_quote"),
            ("billing.invoicedocument", "picture_as_pdf"),
            ("billing.settlement", "handshake"),
            ("billing.partnercdr", "move_down"),
            ("billing.monthclosing", "event_available"),
            ("billing.payment", "payments"),
            ("billing.bankstatement", "account_balance"),
            ("billing.bankline", "list"),
            ("billing.reminder", "notification_important"),
            ("billing.reminderlevel", "stairs"),
            ("billing.dispute", "gavel"),
            ("billing.issuer", "storefront"),
            ("billing.taxrate", "percent"),
            ("billing.taxplace", "place"),
            ("billing.exchangerate", "currency_exchange"),
            ("billing.invoiceseries", "format_list_numbered"),
            ("billing.bookentry", "menu_book"),
            ("billing.booksettings", "account_tree"),
            ("billing.booktaxaccounts", "tune"),
            ("billing.sepabatch", "account_balance_wallet"),
            ("billing.sepaitem", "receipt"),
            ("billing.exportjob", "download"),
            ("billing.exportview", "view_column"),
        ),
    ),
    (
        gettext_lazy("Roaming"),
        (
            ("ocpi.partner", "handshake"),
            ("ocpi.party", "badge"),
            ("ocpi.exchange", "swap_horiz"),
            ("ocpi.conformancereport", "fact_check"),
            ("ocpi.ocpisettings", "settings"),
        ),
    ),
    (
        gettext_lazy("Markets"),
        (
            ("markets.series", "show_chart"),
            ("markets.seriesvalue", "data_array"),
            ("markets.fallbackstep", "low_priority"),
            ("markets.feedaccess", "key"),
            ("markets.feedrequest", "calendar_today"),
            ("markets.feedcall", "call_made"),
            ("markets.importeddocument", "description"),
            ("markets.pvplant", "solar_power"),
            ("markets.islandpricing", "payments"),
            ("markets.peakwindow", "schedule"),
            ("markets.scarcityalert", "warning"),
            ("markets.generatingunit", "factory"),
            ("markets.toucalendar", "calendar_month"),
            ("markets.emissionfactor", "co2"),
            ("markets.islandpriceslot", "receipt_long"),
        ),
    ),
    (
        gettext_lazy("Connections"),
        (
            ("outbox.outboxmessage", "outbox"),
            ("chargers.webhooksubscription", "webhook"),
            ("chargers.webhookdelivery", "outgoing_mail"),
            ("flexibility.flexmeasuresaccount", "hub"),
            ("flexibility.flexmeasuresasset", "account_tree"),
        ),
    ),
    (
        gettext_lazy("People"),
        (
            ("accounts.user", "person"),
            ("auth.group", "group"),
            ("accounts.apitoken", "vpn_key"),
            ("assets.pushgrant", "upload"),
        ),
    ),
)
PLATFORM_SECTIONS: tuple[tuple[Promise | str, tuple[Entry, ...]], ...] = (
    (gettext_lazy("Platform"), (("tenants.operator", "domain"),)),
    (gettext_lazy("People"), (("accounts.user", "person"), ("auth.group", "group"))),
)


def environment_label(request: HttpRequest) -> list[str] | None:
    """The badge beside the title: the operator's name, and that it is a demo."""
    operator = getattr(request, "tenant", None)
    if operator is None:
        return None
    if settings.DEMO:
        return [f"{operator.name} · {_('demo')}", "info"]
    return [operator.name, "success"]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections of the side bar; an entry is shown to who may view its model."""
    public = request.tenant.is_public  # type: ignore[attr-defined]
    sections: list[dict[str, Any]] = [
        {
            "title": title,
            "separator": True,
            "collapsible": False,
            "items": [_item(label, icon) for label, icon in entries if _has_pages(label)],
        }
        for title, entries in (PLATFORM_SECTIONS if public else OPERATOR_SECTIONS)
    ]
    if public:
        return sections
    console = {"title": gettext_lazy("Console"), "icon": "monitoring", "link": CONSOLE}
    return [{"items": [console]}, *sections]


def site_address(request: HttpRequest) -> str:
    """Where "view site" leads: an operator's console; the platform has none."""
    is_public = getattr(getattr(request, "tenant", None), "is_public", True)
    return str(reverse_lazy("admin:index")) if is_public else CONSOLE


def _item(label: str, icon: str) -> dict[str, Any]:
    meta = apps.get_model(label)._meta
    return {
        "title": capfirst(str(meta.verbose_name_plural)),
        "icon": icon,
        "link": reverse_lazy(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
        "permission": _may_view(f"{meta.app_label}.view_{meta.model_name}"),
    }


def _has_pages(label: str) -> bool:
    """True when a model has a list in the back office; the address of no list is an error."""
    model = apps.get_model(label)
    return any(site.is_registered(model) for site in all_sites)


def _may_view(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)
