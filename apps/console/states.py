"""The states an operator sees: each has a word, a tone (colour) and an icon, never colour alone."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.assets.choices import ConnectionState, DeviceStage, Quality, SetpointStatus, Severity
from apps.billing.choices import BankLineState, DisputeState, ReminderState
from apps.billing.exports.choices import ExportState
from apps.chargers.choices import (
    CommandStatus,
    MessageDirection,
    ProfileStatus,
    ReservationStatus,
    UpkeepStatus,
)
from apps.ocpi.choices import Direction, HubStatus, PartnerState, PullState


@dataclass(frozen=True, slots=True)
class StateWord:
    """How one state is written and drawn."""

    label: str | Promise
    tone: str
    icon: str


DEVICE_STATES: dict[str, StateWord] = {
    "ok": StateWord(_("Up to date"), "ok", "check"),
    "stale": StateWord(_("Late values"), "warn", "clock"),
    "silent": StateWord(_("No answer"), "bad", "unlink"),
    "error": StateWord(_("Faulty answers"), "bad", "alert"),
    "unknown": StateWord(_("Not read yet"), "mute", "question"),
}
STATION_STATES: dict[str, StateWord] = {
    "charging": StateWord(pgettext_lazy("station", "Charging"), "charging", "sessions"),
    "available": StateWord(_("Available"), "ok", "check"),
    "occupied": StateWord(_("Plugged in"), "info", "car"),
    "reserved": StateWord(_("Reserved"), "info", "clock"),
    "unavailable": StateWord(_("Out of service"), "warn", "pause"),
    "faulted": StateWord(_("Fault"), "bad", "alert"),
    "offline": StateWord(_("Not connected"), "bad", "unlink"),
    "unknown": StateWord(_("Not known"), "mute", "question"),
}
ACTIVITIES: dict[str, StateWord] = {
    "producing": StateWord(_("Producing"), "pv", "pv"),
    "charging": StateWord(pgettext_lazy("battery", "Charging"), "battery", "down"),
    "discharging": StateWord(_("Discharging"), "battery", "up"),
    "importing": StateWord(_("Import"), "info", "down"),
    "exporting": StateWord(_("Export"), "info", "up"),
    "idle": StateWord(_("Idle"), "mute", "idle"),
    "unknown": StateWord(_("Not known"), "mute", "question"),
}
SESSION_STATES: dict[str, StateWord] = {
    "active": StateWord(_("Live"), "battery", "sessions"),
    "ended": StateWord(_("Ended"), "mute", "check"),
}
CHARGING_STATES: dict[str, StateWord] = {
    "Charging": StateWord(pgettext_lazy("session", "Charging"), "charging", "sessions"),
    "EVConnected": StateWord(_("Vehicle plugged in"), "info", "car"),
    "SuspendedEV": StateWord(_("Paused by the vehicle"), "warn", "pause"),
    "SuspendedEVSE": StateWord(_("Paused by the station"), "warn", "pause"),
    "Idle": StateWord(_("Idle"), "mute", "idle"),
}
CONTROL_MODES: dict[str, StateWord] = {
    "plan": StateWord(_("Plan in force"), "ok", "check-circle"),
    "hold": StateWord(_("Holding the last plan"), "warn", "clock"),
    "fallback": StateWord(_("Fallback rules in force"), "bad", "alert"),
    "unknown": StateWord(_("No plan yet"), "mute", "question"),
}
CONTROL_SENTENCES: dict[str, str | Promise] = {
    "plan": _("The batteries follow today's plan."),
    "hold": _("The batteries keep to the last valid plan until a new one arrives."),
    "fallback": _("The batteries follow the operator's own rule: PV surplus first."),
    "unknown": _("The batteries are left alone until the first plan arrives."),
}
KINDS: dict[str, StateWord] = {
    "pv": StateWord(_("PV plant"), "pv", "pv"),
    "battery": StateWord(_("Battery"), "battery", "battery"),
    "meter": StateWord(_("Meter"), "info", "meter"),
    "station": StateWord(_("Charging station"), "charging", "station"),
}
EVENT_TYPES: dict[str, str | Promise] = {
    "Started": pgettext_lazy("event", "Started"),
    "Updated": pgettext_lazy("event", "Updated"),
    "Ended": pgettext_lazy("event", "Ended"),
}
# OCPP 2.0.1 Part 2, TriggerReasonEnumType.
TRIGGER_REASONS: dict[str, str | Promise] = {
    "Authorized": _("Card accepted"),
    "CablePluggedIn": _("Cable plugged in"),
    "ChargingRateChanged": _("Charging power changed"),
    "ChargingStateChanged": _("Charging state changed"),
    "Deauthorized": _("Card no longer accepted"),
    "EnergyLimitReached": _("Energy limit reached"),
    "EVCommunicationLost": _("Connection to the vehicle lost"),
    "EVConnectTimeout": _("No vehicle was plugged in"),
    "EVDeparted": _("Vehicle left"),
    "EVDetected": _("Vehicle detected"),
    "MeterValueClock": _("Meter value at the full quarter hour"),
    "MeterValuePeriodic": _("Regular meter value"),
    "RemoteStart": _("Started remotely"),
    "RemoteStop": _("Stopped remotely"),
    "StopAuthorized": _("Stopped with the card"),
    "TimeLimitReached": _("Time limit reached"),
    "AbnormalCondition": _("Abnormal condition"),
    "Trigger": _("Asked for by the operator"),
    "UnlockCommand": _("Connector unlocked"),
    "ResetCommand": _("Station restarted"),
    "SignedDataReceived": _("Signed meter value"),
}
SEVERITIES: dict[str, StateWord] = {
    str(Severity.INFORMATION): StateWord(Severity.INFORMATION.label, "info", "question"),
    str(Severity.WARNING): StateWord(Severity.WARNING.label, "warn", "alert"),
    str(Severity.CRITICAL): StateWord(Severity.CRITICAL.label, "bad", "alert"),
}
ALARM_STATES: dict[str, StateWord] = {
    "open": StateWord(pgettext_lazy("alarm", "Open"), "bad", "bell"),
    "acknowledged": StateWord(_("Acknowledged"), "info", "check"),
    "cleared": StateWord(pgettext_lazy("alarm", "Cleared"), "ok", "check-circle"),
}
QUALITIES: dict[str, StateWord] = {
    Quality.GOOD.word: StateWord(Quality.GOOD.label, "ok", "check"),
    Quality.STALE.word: StateWord(Quality.STALE.label, "warn", "clock"),
    Quality.BAD.word: StateWord(Quality.BAD.label, "bad", "alert"),
    Quality.SUBSTITUTED.word: StateWord(Quality.SUBSTITUTED.label, "info", "question"),
    "unknown": StateWord(_("Not read yet"), "mute", "question"),
}
STAGES: dict[str, StateWord] = {
    str(DeviceStage.NEW): StateWord(DeviceStage.NEW.label, "info", "plus"),
    str(DeviceStage.IN_SERVICE): StateWord(DeviceStage.IN_SERVICE.label, "ok", "check-circle"),
    str(DeviceStage.OUT_OF_SERVICE): StateWord(DeviceStage.OUT_OF_SERVICE.label, "mute", "pause"),
}
CONNECTIONS: dict[str, StateWord] = {
    str(ConnectionState.OK): StateWord(ConnectionState.OK.label, "ok", "check"),
    str(ConnectionState.SILENT): StateWord(ConnectionState.SILENT.label, "bad", "unlink"),
    str(ConnectionState.ERROR): StateWord(ConnectionState.ERROR.label, "bad", "alert"),
    str(ConnectionState.UNKNOWN): StateWord(ConnectionState.UNKNOWN.label, "mute", "question"),
}
WRITING: dict[str, StateWord] = {
    "hands_off": StateWord(_("Hands off"), "warn", "hand"),
    "controlled": StateWord(_("Controlled"), "ok", "settings"),
    "read_only": StateWord(_("Read only"), "mute", "pause"),
}
SETPOINTS: dict[str, StateWord] = {
    str(SetpointStatus.REQUESTED): StateWord(SetpointStatus.REQUESTED.label, "info", "clock"),
    str(SetpointStatus.APPLIED): StateWord(SetpointStatus.APPLIED.label, "ok", "check"),
    str(SetpointStatus.REFUSED): StateWord(SetpointStatus.REFUSED.label, "bad", "cross"),
    str(SetpointStatus.FAILED): StateWord(SetpointStatus.FAILED.label, "bad", "alert"),
    str(SetpointStatus.SUPERSEDED): StateWord(SetpointStatus.SUPERSEDED.label, "mute", "idle"),
    str(SetpointStatus.EXPIRED): StateWord(SetpointStatus.EXPIRED.label, "mute", "idle"),
    str(SetpointStatus.REVERTED): StateWord(SetpointStatus.REVERTED.label, "warn", "back"),
}
COMMANDS: dict[str, StateWord] = {
    str(CommandStatus.QUEUED): StateWord(CommandStatus.QUEUED.label, "info", "clock"),
    str(CommandStatus.SENT): StateWord(CommandStatus.SENT.label, "info", "arrow-in"),
    str(CommandStatus.ACCEPTED): StateWord(CommandStatus.ACCEPTED.label, "ok", "check"),
    str(CommandStatus.REJECTED): StateWord(CommandStatus.REJECTED.label, "warn", "cross"),
    str(CommandStatus.TIMEOUT): StateWord(CommandStatus.TIMEOUT.label, "warn", "question"),
    str(CommandStatus.FAILED): StateWord(CommandStatus.FAILED.label, "bad", "alert"),
}
PROFILES: dict[str, StateWord] = {
    str(ProfileStatus.REQUESTED): StateWord(ProfileStatus.REQUESTED.label, "info", "clock"),
    str(ProfileStatus.ACCEPTED): StateWord(ProfileStatus.ACCEPTED.label, "ok", "check"),
    str(ProfileStatus.REJECTED): StateWord(ProfileStatus.REJECTED.label, "bad", "cross"),
    str(ProfileStatus.CLEARED): StateWord(ProfileStatus.CLEARED.label, "mute", "idle"),
    str(ProfileStatus.ENDED): StateWord(ProfileStatus.ENDED.label, "mute", "idle"),
}
GROUP_MEMBERS: dict[str, StateWord] = {
    "charging": STATION_STATES["charging"],
    "connected": STATION_STATES["occupied"],
    "free": StateWord(pgettext_lazy("EVSE", "Free"), "mute", "idle"),
    "lost": StateWord(_("Takes no limit now"), "bad", "unlink"),
}
RESERVATIONS: dict[str, StateWord] = {
    str(ReservationStatus.REQUESTED): StateWord(ReservationStatus.REQUESTED.label, "info", "clock"),
    str(ReservationStatus.ACCEPTED): StateWord(ReservationStatus.ACCEPTED.label, "ok", "check"),
    str(ReservationStatus.REFUSED): StateWord(ReservationStatus.REFUSED.label, "bad", "cross"),
    str(ReservationStatus.USED): StateWord(ReservationStatus.USED.label, "charging", "car"),
    str(ReservationStatus.CANCELLED): StateWord(ReservationStatus.CANCELLED.label, "mute", "idle"),
    str(ReservationStatus.EXPIRED): StateWord(ReservationStatus.EXPIRED.label, "mute", "clock"),
    str(ReservationStatus.REMOVED): StateWord(ReservationStatus.REMOVED.label, "warn", "alert"),
}
# What a connector was over time: its status, or that its station was away.
CONNECTORS: dict[str, StateWord] = {
    "available": STATION_STATES["available"],
    "occupied": STATION_STATES["occupied"],
    "reserved": STATION_STATES["reserved"],
    "unavailable": STATION_STATES["unavailable"],
    "faulted": STATION_STATES["faulted"],
    "offline": STATION_STATES["offline"],
    "unknown": STATION_STATES["unknown"],
}
UPKEEP: dict[str, StateWord] = {
    str(UpkeepStatus.REQUESTED): StateWord(UpkeepStatus.REQUESTED.label, "info", "clock"),
    str(UpkeepStatus.RUNNING): StateWord(UpkeepStatus.RUNNING.label, "info", "restart"),
    str(UpkeepStatus.DONE): StateWord(UpkeepStatus.DONE.label, "ok", "check"),
    str(UpkeepStatus.FAILED): StateWord(UpkeepStatus.FAILED.label, "bad", "alert"),
    str(UpkeepStatus.ENDED): StateWord(UpkeepStatus.ENDED.label, "mute", "idle"),
}
CERTIFICATES: dict[str, StateWord] = {
    "valid": StateWord(pgettext_lazy("certificate", "Valid"), "ok", "check"),
    "soon": StateWord(_("Expires soon"), "warn", "clock"),
    "expired": StateWord(pgettext_lazy("certificate", "Expired"), "bad", "alert"),
    "ended": StateWord(UpkeepStatus.ENDED.label, "mute", "idle"),
    "asked": StateWord(UpkeepStatus.REQUESTED.label, "info", "clock"),
    "unknown": StateWord(_("Not known"), "mute", "question"),
}
MESSAGES: dict[str, StateWord] = {
    str(MessageDirection.IN): StateWord(MessageDirection.IN.label, "info", "down"),
    str(MessageDirection.OUT): StateWord(MessageDirection.OUT.label, "mute", "up"),
}
SECURITY: dict[str, StateWord] = {
    "critical": StateWord(pgettext_lazy("security event", "Critical"), "bad", "alert"),
    "noted": StateWord(pgettext_lazy("security event", "Information"), "mute", "shield"),
}
CDRS: dict[str, StateWord] = {
    "open": StateWord(_("To be invoiced"), "info", "clock"),
    "draft": StateWord(_("On a draft"), "info", "receipt"),
    "invoiced": StateWord(_("Invoiced"), "ok", "check"),
    "ad_hoc": StateWord(_("Paid on the spot"), "ok", "price"),
    "nobody": StateWord(_("Nobody pays"), "warn", "question"),
    "free": StateWord(_("Free of charge"), "mute", "check"),
    "credited": StateWord(_("Credited"), "mute", "cross"),
    "credit": StateWord(pgettext_lazy("CDR", "Credit"), "warn", "back"),
}
INVOICES: dict[str, StateWord] = {
    "draft": StateWord(pgettext_lazy("invoice", "Draft"), "mute", "clock"),
    "open": StateWord(pgettext_lazy("invoice", "Open"), "info", "receipt"),
    "partly": StateWord(_("Partly paid"), "info", "receipt"),
    "overdue": StateWord(_("Overdue"), "bad", "alert"),
    "paid": StateWord(_("Settled"), "ok", "check"),
    "credit_note": StateWord(_("Credit note"), "warn", "back"),
}
SETTLEMENTS: dict[str, StateWord] = {
    "draft": StateWord(pgettext_lazy("settlement", "Draft"), "info", "clock"),
    "confirmed": StateWord(_("Confirmed"), "ok", "check"),
    "disputed": StateWord(_("In dispute"), "bad", "alert"),
}
BILLING_EXCEPTIONS: dict[str, StateWord] = {
    "open": StateWord(pgettext_lazy("exception", "Open"), "warn", "alert"),
    "resolved": StateWord(_("Resolved"), "ok", "check"),
}
PAYMENTS: dict[str, StateWord] = {
    "open": StateWord(_("To match"), "warn", "question"),
    "part": StateWord(_("Partly matched"), "info", "question"),
    "allocated": StateWord(_("Matched"), "ok", "check"),
    "set_aside": StateWord(_("Set aside"), "mute", "idle"),
}
BANK_LINES: dict[str, StateWord] = {
    str(BankLineState.TAKEN): StateWord(BankLineState.TAKEN.label, "ok", "check"),
    str(BankLineState.KNOWN): StateWord(BankLineState.KNOWN.label, "mute", "idle"),
    str(BankLineState.LEFT): StateWord(BankLineState.LEFT.label, "info", "pause"),
    str(BankLineState.BAD): StateWord(BankLineState.BAD.label, "bad", "alert"),
}
REMINDERS: dict[str, StateWord] = {
    str(ReminderState.PROPOSED): StateWord(ReminderState.PROPOSED.label, "info", "clock"),
    str(ReminderState.SENDING): StateWord(ReminderState.SENDING.label, "warn", "question"),
    str(ReminderState.SENT): StateWord(ReminderState.SENT.label, "ok", "mail"),
    str(ReminderState.FAILED): StateWord(ReminderState.FAILED.label, "bad", "alert"),
    str(ReminderState.DROPPED): StateWord(ReminderState.DROPPED.label, "mute", "idle"),
}
DISPUTES: dict[str, StateWord] = {
    str(DisputeState.OPEN): StateWord(DisputeState.OPEN.label, "bad", "alert"),
    str(DisputeState.ANSWERED): StateWord(DisputeState.ANSWERED.label, "warn", "clock"),
    str(DisputeState.ACCEPTED): StateWord(DisputeState.ACCEPTED.label, "ok", "check"),
    str(DisputeState.PARTLY_ACCEPTED): StateWord(DisputeState.PARTLY_ACCEPTED.label, "ok", "check"),
    str(DisputeState.REJECTED): StateWord(DisputeState.REJECTED.label, "mute", "cross"),
    str(DisputeState.WITHDRAWN): StateWord(DisputeState.WITHDRAWN.label, "mute", "idle"),
}
EXPORTS: dict[str, StateWord] = {
    str(ExportState.QUEUED): StateWord(ExportState.QUEUED.label, "info", "clock"),
    str(ExportState.RUNNING): StateWord(ExportState.RUNNING.label, "info", "restart"),
    str(ExportState.DONE): StateWord(ExportState.DONE.label, "ok", "check"),
    str(ExportState.FAILED): StateWord(ExportState.FAILED.label, "bad", "alert"),
    str(ExportState.CANCELLED): StateWord(ExportState.CANCELLED.label, "mute", "close"),
    str(ExportState.EXPIRED): StateWord(ExportState.EXPIRED.label, "mute", "clock"),
}
PARTNERS: dict[str, StateWord] = {
    str(PartnerState.INVITED): StateWord(PartnerState.INVITED.label, "info", "mail"),
    str(PartnerState.REGISTERED): StateWord(PartnerState.REGISTERED.label, "ok", "check"),
    str(PartnerState.SUSPENDED): StateWord(PartnerState.SUSPENDED.label, "warn", "pause"),
    str(PartnerState.GONE): StateWord(PartnerState.GONE.label, "mute", "unlink"),
}
# Parties behind a hub (OCPI 2.2.1 §15.3.1); one without a status is the partner's own.
HUB_STATUSES: dict[str, StateWord] = {
    str(HubStatus.CONNECTED): StateWord(HubStatus.CONNECTED.label, "ok", "check"),
    str(HubStatus.OFFLINE): StateWord(HubStatus.OFFLINE.label, "bad", "unlink"),
    str(HubStatus.PLANNED): StateWord(HubStatus.PLANNED.label, "info", "clock"),
    str(HubStatus.SUSPENDED): StateWord(HubStatus.SUSPENDED.label, "warn", "pause"),
}
PULLS: dict[str, StateWord] = {
    str(PullState.RUNNING): StateWord(PullState.RUNNING.label, "info", "restart"),
    str(PullState.DONE): StateWord(PullState.DONE.label, "ok", "check"),
    str(PullState.FAILED): StateWord(PullState.FAILED.label, "bad", "alert"),
}
EXCHANGES: dict[str, StateWord] = {
    str(Direction.IN): StateWord(Direction.IN.label, "info", "down"),
    str(Direction.OUT): StateWord(Direction.OUT.label, "mute", "up"),
}
# SessionStatus of OCPI (2.2.1 §9.4.1).
PARTNER_SESSIONS: dict[str, StateWord] = {
    "ACTIVE": StateWord(_("In progress"), "battery", "sessions"),
    "COMPLETED": StateWord(_("Ended"), "mute", "check"),
    "INVALID": StateWord(_("Declared invalid"), "bad", "cross"),
    "PENDING": StateWord(_("Not begun yet"), "info", "clock"),
    "RESERVATION": StateWord(_("Reserved"), "info", "clock"),
}
FAMILIES: dict[str, dict[str, StateWord]] = {
    "device": DEVICE_STATES,
    "station": STATION_STATES,
    "activity": ACTIVITIES,
    "session": SESSION_STATES,
    "charging": CHARGING_STATES,
    "control": CONTROL_MODES,
    "kind": KINDS,
}
"""What the scripts draw too."""
SERVER_FAMILIES: dict[str, dict[str, StateWord]] = {
    **FAMILIES,
    "severity": SEVERITIES,
    "alarm": ALARM_STATES,
    "quality": QUALITIES,
    "stage": STAGES,
    "connection": CONNECTIONS,
    "writing": WRITING,
    "setpoint": SETPOINTS,
    "command": COMMANDS,
    "profile": PROFILES,
    "group_member": GROUP_MEMBERS,
    "reservation": RESERVATIONS,
    "connector": CONNECTORS,
    "upkeep": UPKEEP,
    "certificate": CERTIFICATES,
    "message": MESSAGES,
    "security": SECURITY,
    "payment": PAYMENTS,
    "bank_line": BANK_LINES,
    "reminder": REMINDERS,
    "dispute": DISPUTES,
    "cdr": CDRS,
    "invoice": INVOICES,
    "settlement": SETTLEMENTS,
    "billing_exception": BILLING_EXCEPTIONS,
    "export": EXPORTS,
    "partner": PARTNERS,
    "hub_status": HUB_STATUSES,
    "pull": PULLS,
    "exchange": EXCHANGES,
    "partner_session": PARTNER_SESSIONS,
}


def state_word(family: str, code: str | None) -> StateWord:
    """The word of a state; an unlisted code is shown as it came, in a neutral tone."""
    word = SERVER_FAMILIES[family].get(code or "unknown")
    return word or StateWord(code or str(_("Not known")), "mute", "question")
