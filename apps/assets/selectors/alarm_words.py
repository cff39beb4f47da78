"""An alarm in words of the active language: for the pages, the admin and the mails."""

from collections.abc import Mapping

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.assets.choices import AlarmKind, Quantity

FALLBACK_LANGUAGES = ("en", "fr")
NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"
CERTIFICATE_KINDS = frozenset({AlarmKind.CERTIFICATE_ENDS, AlarmKind.CERTIFICATE_ENDED})


def alarm_title(
    *, kind: str, code: str, words: Mapping[str, str], figures: Mapping[str, object]
) -> str:
    """What is wrong: the fault in the words of the device model, else the kind and its sensor."""
    if kind == AlarmKind.DEVICE_FAULT:
        return _spoken(words) or _("Fault {code}").format(code=code)
    if kind == AlarmKind.COMMUNICATION:
        is_error = figures.get("connection_state") == "error"
        return _("Answers wrongly") if is_error else _("Does not answer")
    label = str(AlarmKind(kind).label)
    if kind in CERTIFICATE_KINDS:
        return label
    return f"{label}: {sensor_words(code)}" if code else label


def alarm_detail(*, kind: str, code: str, figures: Mapping[str, object]) -> str:
    """The figures that raised it, in a few words; may be empty."""
    match kind:
        case AlarmKind.COMMUNICATION:
            return str(figures.get("error") or "")
        case AlarmKind.DEVICE_FAULT:
            return _("fault {code}").format(code=code)
        case AlarmKind.OUT_OF_RANGE:
            quantity = code.partition("/")[0]
            value = figures.get(quantity)
            return _quantity(quantity, value) if _is_number(value) else _("no number")
        case AlarmKind.SOC_MISMATCH:
            return _("expected {expected}, measured {measured}").format(
                expected=_figure(figures, "expected_percent", "%", signed=True),
                measured=_figure(figures, "measured_percent", "%", signed=True),
            )
        case AlarmKind.SETPOINT_NOT_FOLLOWED:
            return _("set-point {asked}, measured {measured}").format(
                asked=_figure(figures, "readback_kw", "kW"),
                measured=_figure(figures, "power_kw", "kW"),
            )
        case AlarmKind.CLOCK:
            return _("off by {seconds}").format(
                seconds=_figure(figures, "off_s", "s", decimals=0, signed=True)
            )
        case AlarmKind.CERTIFICATE_ENDS | AlarmKind.CERTIFICATE_ENDED:
            return _("{certificate}, valid until {day}").format(
                certificate=figures.get("certificate") or code, day=_day(figures.get("valid_to"))
            )
    return ""


def sensor_words(code: str) -> str:
    """`Voltage l1` for the code `voltage_v/l1`; an unknown quantity as it came."""
    quantity, _slash, channel = code.partition("/")
    label = str(Quantity(quantity).label) if quantity in Quantity.values else quantity
    return f"{label} {channel}".rstrip()


def _spoken(words: Mapping[str, str]) -> str:
    language = (get_language() or "").partition("-")[0]
    for wanted in (language, *FALLBACK_LANGUAGES):
        if words.get(wanted):
            return words[wanted]
    return next(iter(words.values()), "")


def _quantity(quantity: str, value: object) -> str:
    unit = Quantity(quantity).unit if quantity in Quantity.values else ""
    return _number(float(value), unit, decimals=1, signed=False)  # type: ignore[arg-type]


def _figure(
    figures: Mapping[str, object],
    name: str,
    unit: str,
    *,
    decimals: int = 1,
    signed: bool = False,
) -> str:
    value = figures.get(name)
    if not _is_number(value):
        return "–"
    return _number(float(value), unit, decimals=decimals, signed=signed)  # type: ignore[arg-type]


def _number(value: float, unit: str, *, decimals: int, signed: bool) -> str:
    text = number_format(abs(round(value, decimals)), decimals, use_l10n=True, force_grouping=True)
    sign = MINUS if round(value, decimals) < 0 else "+" if signed and value > 0 else ""
    return f"{sign}{text}{NO_BREAK_SPACE}{unit}".rstrip(NO_BREAK_SPACE)


def _day(value: object) -> str:
    """The operator's day of an instant that is kept as text."""
    instant = parse_datetime(value) if isinstance(value, str) else None
    return "–" if instant is None else date_format(localtime(instant), "SHORT_DATE_FORMAT")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
