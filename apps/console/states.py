"""The states an operator sees: each has a word, a tone (colour) and an icon, never colour alone."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


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
FAMILIES: dict[str, dict[str, StateWord]] = {
    "device": DEVICE_STATES,
    "station": STATION_STATES,
    "activity": ACTIVITIES,
    "session": SESSION_STATES,
    "charging": CHARGING_STATES,
    "control": CONTROL_MODES,
    "kind": KINDS,
}


def state_word(family: str, code: str | None) -> StateWord:
    """The word of a state; an unlisted code is shown as it came, in a neutral tone."""
    word = FAMILIES[family].get(code or "unknown")
    return word or StateWord(code or str(_("Not known")), "mute", "question")
