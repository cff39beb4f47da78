"""The editor of a charging profile: form to ChargingProfileType and back, rules beside fields.

Times of the form are local. The keys of its errors are the paths of the standard's fields, so that
a rule that fails finds its field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.chargers.choices import ProfileKind, ProfilePurpose, RecurrencyKind
from apps.chargers.models import ChargingProfile, ChargingStation
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.charging_profiles import (
    ProfileDraft,
    composite_preview,
    profile_draft_check,
    profile_payload,
    station_facts,
)
from apps.console.rule_words import rule_words
from apps.console.viewmodels.profiles import (
    SPANS,
    Drawn,
    DrawnPeriod,
    chart_unit,
    drawn,
    period_rows,
    station_names,
)
from cariflex.common.time import format_rfc3339, parse_rfc3339

SCHEDULE = "chargingSchedule[0]"
PERIOD = f"{SCHEDULE}.chargingSchedulePeriod"
MOST_PERIODS = 1024
# What the form knows of a period: name in the form, name on the wire.
PERIOD_FIELDS = (
    ("limit", "limit"), ("phases", "numberPhases"), ("setpoint", "setpoint"),
    ("discharge", "dischargeLimit"),
)  # fmt: skip
NEW = {"purpose": ProfilePurpose.TX_DEFAULT, "kind": ProfileKind.ABSOLUTE, "unit": "A",
       "stack_level": "0", "evse": "1"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProfileForm:
    """The editor as it is filled in: texts as typed, errors by field."""

    values: Mapping[str, str]
    periods: tuple[Mapping[str, str], ...]
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    evse_ids: tuple[int, ...] = ()
    version: str = ""
    transaction_id: str = ""
    stations: tuple[tuple[str, str], ...] = ()
    purposes: tuple[tuple[str, str], ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    recurrences: tuple[tuple[str, str], ...] = ()

    @property
    def is_21(self) -> bool:
        """True where periods may have set-points and discharge."""
        return self.version == OcppVersion.V21.value

    @property
    def is_16(self) -> bool:
        """True where the profile is translated."""
        return self.version == OcppVersion.V16.value

    @property
    def rows(self) -> tuple[tuple[int, Mapping[str, str], Mapping[str, tuple[str, ...]]], ...]:
        """The periods with their number and errors by name."""
        return tuple(
            (index, one, {name: self.errors.get(f"{PERIOD}[{index}].{wire}", ())
                          for name, wire in (("start", "startPeriod"), *PERIOD_FIELDS)})
            for index, one in enumerate(self.periods)
        )  # fmt: skip

    @property
    def other_errors(self) -> tuple[str, ...]:
        """What is wrong with no field of the form."""
        wires = ("startPeriod", *dict(PERIOD_FIELDS).values())
        rows = range(len(self.periods))
        shown = {*_FIELDS, *(f"{PERIOD}[{row}].{wire}" for row in rows for wire in wires)}
        return tuple(
            f"{path}: {text}" if path else text
            for path, texts in self.errors.items()
            if path not in shown
            for text in texts
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a draft would come to, beside what holds now; only the latter when a rule fails."""

    errors: Mapping[str, tuple[str, ...]]
    drawn: Drawn | None
    periods: tuple[DrawnPeriod, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A form that was read: the draft, or what of it is no number and no time."""

    draft: ProfileDraft
    errors: Mapping[str, tuple[str, ...]]


# Where the form shows the errors of a field.
_FIELDS = (
    "station", "evseId", "chargingProfilePurpose", "chargingProfileKind", "recurrencyKind",
    "stackLevel", "validFrom", "validTo", "transactionId", f"{SCHEDULE}.startSchedule",
    f"{SCHEDULE}.duration", f"{SCHEDULE}.chargingRateUnit", f"{SCHEDULE}.minChargingRate", PERIOD,
    "id",
)  # fmt: skip


def profile_form(
    *,
    values: Mapping[str, str],
    periods: tuple[Mapping[str, str], ...],
    errors: Mapping[str, tuple[str, ...]] | None = None,
) -> ProfileForm:
    """The editor with its choices for the station that is named."""
    station = ChargingStation.objects.filter(station_id=values.get("station", "")).first()
    facts = station_facts(station) if station else None
    evse = values.get("evse", "")
    running = facts.transactions.get(int(evse), "") if facts and evse.isdecimal() else ""
    return ProfileForm(
        values=values,
        periods=periods,
        errors=errors or {},
        evse_ids=tuple(sorted({0, *facts.evse_ids})) if facts else (0, 1),
        version=facts.version.value if facts else "",
        transaction_id=running,
        stations=station_names(),
        purposes=_choices(ProfilePurpose, without=(ProfilePurpose.EXTERNAL,)),
        kinds=_choices(ProfileKind, without=(ProfileKind.DYNAMIC,)),
        recurrences=_choices(RecurrencyKind),
    )


def profile_form_new(*, station_id: str, evse: str, now: datetime) -> ProfileForm:
    """An empty editor: from the last full hour on, one period of 16 A."""
    start = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    values = {**NEW, "station": station_id, "evse": evse or NEW["evse"], "start": _local(start)}
    return profile_form(values=values, periods=({"start": "0:00", "limit": "16"},))


def profile_form_of(profile: ChargingProfile) -> ProfileForm:
    """The editor with a stored profile, to be set again in its place (K01.FR.05)."""
    payload = profile_payload(profile)
    schedule = payload["chargingSchedule"][0]
    values = {
        "station": profile.station.station_id,
        "evse": str(profile.evse_number),
        "id": str(profile.profile_id),
        "purpose": payload["chargingProfilePurpose"],
        "kind": payload["chargingProfileKind"],
        "recurrency": payload.get("recurrencyKind", ""),
        "stack_level": str(payload["stackLevel"]),
        "valid_from": _local_text(payload.get("validFrom")),
        "valid_to": _local_text(payload.get("validTo")),
        "unit": schedule["chargingRateUnit"],
        "start": _local_text(schedule.get("startSchedule")),
        "duration": _clock(schedule["duration"]) if "duration" in schedule else "",
        "min_rate": _plain(schedule.get("minChargingRate")),
    }
    periods = tuple(
        {"start": _clock(one["startPeriod"])}
        | {name: _plain(one.get(wire)) for name, wire in PERIOD_FIELDS}
        for one in schedule["chargingSchedulePeriod"]
    )
    return profile_form(values=values, periods=periods)


def form_texts(posted: QueryDict) -> tuple[dict[str, str], tuple[dict[str, str], ...]]:
    """The texts of a form that was sent: its fields, and its periods."""
    names = ("station", "evse", "id", "purpose", "kind", "recurrency", "stack_level", "valid_from",
             "valid_to", "unit", "start", "duration", "min_rate", "reason")  # fmt: skip
    columns = {
        name: posted.getlist(f"period_{name}")[:MOST_PERIODS]
        for name in ("start", *dict(PERIOD_FIELDS))
    }
    return (
        {name: posted.get(name, "").strip() for name in names},
        tuple(
            {name: column[row].strip() if row < len(column) else ""
             for name, column in columns.items()}
            for row in range(len(columns["start"]))
        ),
    )  # fmt: skip


def form_parsed(values: Mapping[str, str], periods: tuple[Mapping[str, str], ...]) -> Parsed:
    """The draft that the texts stand for, with the running session for a TxProfile."""
    reader = _Reader()
    evse_id = reader.whole(values["evse"], "evseId")
    schedule: dict[str, Any] = {
        "chargingRateUnit": values["unit"],
        "chargingSchedulePeriod": [
            {"startPeriod": reader.seconds(one["start"], f"{PERIOD}[{row}].startPeriod")}
            | {
                wire: told
                for name, wire in PERIOD_FIELDS
                if (told := reader.optional(one[name], f"{PERIOD}[{row}].{wire}")) is not None
            }
            for row, one in enumerate(periods)
        ],
    }
    for name, wire, read in (
        ("start", "startSchedule", reader.instant), ("duration", "duration", reader.seconds),
        ("min_rate", "minChargingRate", reader.number),
    ):  # fmt: skip
        if values[name]:
            schedule[wire] = read(values[name], f"{SCHEDULE}.{wire}")
    profile: dict[str, Any] = {
        "stackLevel": reader.whole(values["stack_level"], "stackLevel"),
        "chargingProfilePurpose": values["purpose"],
        "chargingProfileKind": values["kind"],
        "chargingSchedule": [schedule],
    }
    if values["id"]:
        profile["id"] = reader.whole(values["id"], "id")
    if values["recurrency"]:
        profile["recurrencyKind"] = values["recurrency"]
    for name, wire in (("valid_from", "validFrom"), ("valid_to", "validTo")):
        if values[name]:
            profile[wire] = reader.instant(values[name], wire)
    if values["purpose"] in (ProfilePurpose.TX, ProfilePurpose.PRIORITY):
        running = _running(values["station"], evse_id)
        if running and values["purpose"] == ProfilePurpose.TX:
            profile["transactionId"] = running
    return Parsed(ProfileDraft(values["station"], evse_id, profile), reader.errors)


def draft_errors(parsed: Parsed) -> dict[str, tuple[str, ...]]:
    """Every rule that the draft breaks, by field; what cannot be read first."""
    if parsed.errors:
        return dict(parsed.errors)
    if not ChargingStation.objects.filter(station_id=parsed.draft.station_id).exists():
        return {"station": (_("There is no such station."),)}
    found: dict[str, tuple[str, ...]] = {}
    for broken in profile_draft_check(parsed.draft):
        found[broken.field] = (*found.get(broken.field, ()), rule_words(broken))
    return found


def preview(parsed: Parsed, *, span: str, now: datetime) -> Preview:
    """The composite schedule now and with the draft, at the EVSE it is for."""
    errors = draft_errors(parsed)
    draft = parsed.draft
    station = ChargingStation.objects.filter(station_id=draft.station_id).first()
    if station is None:
        return Preview(errors, None, ())
    unit = chart_unit(station_facts(station).units)
    window = {
        "station_id": draft.station_id,
        "evse_id": draft.evse_id,
        "start": now,
        "duration_s": int(SPANS[span].total_seconds()),
        "unit": unit,
    }
    schedules = [composite_preview(**window)]  # type: ignore[arg-type]
    if not errors:
        schedules.append(composite_preview(**window, draft=draft))  # type: ignore[arg-type]
    return Preview(
        errors, drawn(schedules, unit=unit, now=now), period_rows(schedules[-1], unit=unit)
    )


class _Reader:
    """Reads texts and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.errors: dict[str, tuple[str, ...]] = {}

    def whole(self, text: str, path: str) -> int:
        if text.isdecimal() and len(text) < 10:
            return int(text)
        self.errors[path] = (_("A whole number, 0 or more."),)
        return 0

    def number(self, text: str, path: str) -> float:
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = float("nan")
        if not abs(value) < 1e9:
            self.errors[path] = (_("This is not a number."),)
            return 0.0
        return value

    def optional(self, text: str, path: str) -> float | int | None:
        if not text:
            return None
        return self.whole(text, path) if path.endswith("Phases") else self.number(text, path)

    def seconds(self, text: str, path: str) -> int:
        """Hours and minutes, as 7:30 or 26:00."""
        hours, _colon, minutes = text.partition(":")
        is_clock = hours.isdecimal() and len(hours) < 5 and (minutes or "0").isdecimal()
        if is_clock and len(minutes) < 3 and int(minutes or 0) < 60:
            return int(hours) * 3600 + int(minutes or 0) * 60
        self.errors[path] = (_("Hours and minutes, as 7:30."),)
        return 0

    def instant(self, text: str, path: str) -> str:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.errors[path] = (_("A day and a time."),)
            return ""
        aware = timezone.make_aware(at) if timezone.is_naive(at) else at
        return format_rfc3339(aware)


def _running(station_id: str, evse_id: int) -> str:
    station = ChargingStation.objects.filter(station_id=station_id).first()
    return station_facts(station).transactions.get(evse_id, "") if station else ""


def _choices(kinds: Any, *, without: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    return tuple((value, str(label)) for value, label in kinds.choices if value not in without)


def _local(at: datetime) -> str:
    return (
        timezone.localtime(at)
        .replace(tzinfo=None, second=0, microsecond=0)
        .isoformat(timespec="minutes")
    )


def _local_text(text: str | None) -> str:
    return _local(parse_rfc3339(text)) if text else ""


def _clock(seconds: float) -> str:
    length = timedelta(seconds=int(seconds))
    minutes = int(length.total_seconds()) // 60
    return f"{minutes // 60}:{minutes % 60:02d}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
