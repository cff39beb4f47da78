"""Commissioning in words: steps, refusals, and why a gateway gave no answer."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from apps.assets.admin.setpoints import REFUSALS as SETPOINT_REFUSALS
from apps.assets.choices import DeviceKind, Quantity
from apps.assets.drivers.registry import DriverChoice
from apps.assets.services.commissioning_steps import StepState
from cariflex.common.errors import DomainError

STEP_TITLES: dict[str, Promise] = {
    "address": gettext_lazy("Address"),
    "model": gettext_lazy("Model"),
    "values": gettext_lazy("Live values"),
    "test": gettext_lazy("Test write"),
    "service": gettext_lazy("In service"),
}
STATE_WORDS: dict[StepState, Promise] = {
    StepState.DONE: gettext_lazy("Done"),
    StepState.OPEN: gettext_lazy("To do"),
    StepState.LOCKED: gettext_lazy("Later"),
    StepState.SKIPPED: gettext_lazy("Not needed"),
}

REFUSALS: dict[str, Promise] = {
    "device.address_invalid": gettext_lazy("This is no host name and no IP address."),
    "device.address_unknown": gettext_lazy("This name is not known."),
    "device.address_refused": gettext_lazy("No device may have this address."),
    "device.unknown": gettext_lazy("There is no such device."),
    "commissioning.model_missing": gettext_lazy("Please choose the model first."),
    "commissioning.driver_unknown": gettext_lazy("This model is not known."),
    "commissioning.kind_other": gettext_lazy("This model is of another kind."),
    "commissioning.no_control": gettext_lazy("This model cannot be controlled."),
    "commissioning.capacity_missing": gettext_lazy("A battery needs a capacity."),
    "commissioning.in_service": gettext_lazy("Please take the device out of service first."),
    "commissioning.control_untried": gettext_lazy(
        "Nobody tried its control: take the device out of service, do the test write, put it back."
    ),
    "setpoint.grid_import_limit": gettext_lazy(
        "The site draws as much from the grid as it may: please try a discharge or a lower power."
    ),
    "setpoint.grid_export_limit": gettext_lazy(
        "The site gives as much to the grid as it may: please try another power."
    ),
    "job.setpoint_active": gettext_lazy("A set-point is in force: please wait for its end."),
    "job.too_many": gettext_lazy("Too many questions wait for an answer: please try again."),
    "commissioning.not_in_service": gettext_lazy("The device is not in service."),
    "commissioning.too_many": gettext_lazy("At most 200 devices can be probed at once."),
}

_ERRORS: tuple[tuple[str, Promise], ...] = (
    (r"nobody answered", gettext_lazy("Nobody answered within a minute.")),
    (
        r"cannot connect|connection refused|no route",
        gettext_lazy("No connection: nothing listens at this address and port."),
    ),
    (r"connection lost|connection closed", gettext_lazy("The connection was closed.")),
    (
        r"no answer within",
        gettext_lazy("Connected, but no answer: is the unit id right? Is the device on?"),
    ),
    (
        r"exception (?:10|11)\b",
        gettext_lazy("The gateway answers, but the unit behind it does not."),
    ),
    (
        r"exception 2\b",
        gettext_lazy("The device has no register at an address that the model reads."),
    ),
    (r"exception \d+", gettext_lazy("The device refused the request.")),
    (r"no SunSpec|SunS", gettext_lazy("The device does not speak SunSpec.")),
    (r"another device", gettext_lazy("It is another device.")),
)


def refusal(error: DomainError) -> str:
    """Why the service refused."""
    if error.code == "commissioning.step_missing":
        title = STEP_TITLES.get(error.field or "", "")
        return _("The step “%(step)s” comes first.") % {"step": title}
    words = REFUSALS.get(error.code) or SETPOINT_REFUSALS.get(error.code)
    return str(words or error.message)


def job_error(error: str) -> str:
    """Why there is no answer: in words when the cause is known, and as the driver said it."""
    for pattern, words in _ERRORS:
        if re.search(pattern, error, re.IGNORECASE):
            return f"{words} ({error})"
    return error


def sensor_words(quantity: str, channel: str) -> str:
    """`Power`, `Voltage l1`."""
    label = Quantity(quantity).label if quantity in Quantity.values else quantity
    return f"{label} {channel}".rstrip()


def kind_words(kinds: list[str]) -> str:
    """`PV plant, Battery`."""
    return ", ".join(str(DeviceKind(kind).label) for kind in kinds if kind in DeviceKind.values)


def tried_words(tried_on: str) -> str:
    """Whether anybody tried the device model on hardware."""
    if tried_on == "hardware":
        return _("Tried on hardware")
    if tried_on == "simulator":
        return _("Tried on a simulator, not on hardware")
    return _("From documentation, not tried on hardware")


def meaning(words: Mapping[str, Any]) -> str:
    """What a value means, or how a model is called, in the reader's language."""
    language = (get_language() or "en").split("-")[0]
    return str(words.get(language) or words.get("en") or "")


def model_words(choice: DriverChoice) -> str:
    """How a device model is called."""
    return meaning(choice.names) or f"{choice.vendor} {choice.model}".strip() or choice.name
