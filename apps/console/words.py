"""The words the scripts of a page need, in the page's language.

Rendered into the page as a data block: no script file per language, nothing to evaluate.
"""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.console.states import CONTROL_SENTENCES, FAMILIES
from apps.flexibility.choices import ControlReason, PlanReason


def client_words() -> dict[str, object]:
    """State words with tone and icon, reasons of the control state, and the scripts' sentences."""
    reasons = {
        str(code): str(label)
        for choices in (PlanReason, ControlReason)
        for code, label in choices.choices
        if code
    }
    return {
        "states": {
            family: {
                code: {"label": str(word.label), "tone": word.tone, "icon": word.icon}
                for code, word in words.items()
            }
            for family, words in FAMILIES.items()
        },
        "reasons": reasons,
        "control": {mode: str(sentence) for mode, sentence in CONTROL_SENTENCES.items()},
        "text": _sentences(),
    }


def _sentences() -> dict[str, str]:
    return {
        "live": pgettext("connection", "Live"),
        "connecting": _("Connecting"),
        "lost": _("Connection lost"),
        "lost_detail": _("Last values at {time}. Trying again."),
        "lost_no_values": _("No values yet. Trying again."),
        "since": _("since {time}"),
        "not_known": _("Not known"),
        "seconds_ago": _("{count} s ago"),
        "minutes_ago": _("{count} min ago"),
        "hours_ago": _("{count} h ago"),
        "days_ago": _("{count} days ago"),
        "never": _("never"),
        "charging": pgettext("battery", "Charging"),
        "discharging": _("Discharging"),
        "idle": _("Idle"),
        "import": _("Import"),
        "export": _("Export"),
        "pv": _("PV production"),
        "battery": _("Batteries, measured"),
        "planned_battery": _("Batteries, planned"),
        "charging_series": _("Vehicle charging"),
        "price": _("Price"),
        "power": _("Power"),
        "energy": _("Energy"),
        "soc": _("State of charge"),
        "setpoint": _("Set-point"),
        "rated_power": _("Rated power"),
        "capacity": _("Capacity"),
        "last_value": _("Last value"),
        "commune": _("Commune"),
        "now": _("Now"),
        "no_session": _("No session in progress"),
        "open_session": _("Open the session"),
        "close": _("Close"),
        "shown": _("{count} of {total} assets"),
        "summary": _(
            "PV {pv}, batteries {battery}, charging {charging}, grid {grid} (calculated). {control}"
        ),
        "price_estimated": _("Estimated from an earlier day"),
        "price_published": _("Day-ahead, published"),
        "price_missing": _("No price for this quarter hour"),
        "note_all_fresh": _("All values younger than 5 s"),
        "open_device": _("Open the device"),
        "alarms_one": _("1 open alarm"),
        "alarms_many": _("{count} open alarms"),
        "mean": _("Mean"),
        "value": _("Value"),
        "lowest": _("Lowest"),
        "highest": _("Highest"),
        "no_data": _("no data"),
        "bad_one": _("1 value that cannot be trusted"),
        "bad_many": _("{count} values that cannot be trusted"),
        **device_notes(),
    }


def device_notes() -> dict[str, str]:
    """How many devices have which problem: one and many, with the number filled in by the page."""
    notes = {
        "silent": (_("{count} does not answer"), _("{count} do not answer")),
        "error": (_("{count} answers with errors"), _("{count} answer with errors")),
        "stale": (_("{count} is late"), _("{count} are late")),
        "unknown": (_("{count} not read yet"), _("{count} not read yet")),
    }
    return {
        f"note_{key}_{form}": words
        for key, forms in notes.items()
        for form, words in zip(("one", "many"), forms, strict=True)
    }
