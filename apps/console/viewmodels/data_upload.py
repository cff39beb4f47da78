"""The form of an upload and the preview of the file that waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import available_timezones

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.console.viewmodels.data_chart import SeriesChart, series_chart
from apps.markets.choices import PER_MWH, Quality, SeriesKind
from apps.markets.feeds.epex_slots import Fault
from apps.markets.models import Series
from apps.markets.selectors.series import KnownValue
from apps.markets.services.uploads import (
    KINDS,
    QUALITIES,
    UploadChoice,
    UploadDay,
    UploadDraft,
    UploadPreview,
    scales_of,
)
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR, slots

MAY_UPLOAD = "markets.change_feedaccess"
FIRST_SLOTS = 12
FAULTS_SHOWN = 100
DAYS_SHOWN = 31
CHART_DAYS = timedelta(days=14)
CURRENCIES = ("EUR", "USD", "XCD", "BBD", "TTD", "JMD", "DOP", "HTG", "GYD", "SRD")
ZONES = (
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "America/Port-au-Prince",
    "America/Santo_Domingo",
    "America/Barbados",
    "America/Jamaica",
    "America/Port_of_Spain",
    "Europe/Paris",
    "UTC",
)
RESOLUTIONS = ("15", "30", "60")
DELIMITERS = {";": ";", ",": ",", "tab": "\t", "|": "|"}
DATE_FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d")
TIME_FORMATS = ("%H:%M", "%H:%M:%S", "%Hh%M", "%H")
MOMENT_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
)
_EXAMPLE = datetime(2026, 3, 29, 14, 45, tzinfo=timezone.get_fixed_timezone(-240))
COLUMN_FIELDS = ("price", "date", "time", "slot_number", "date_time", "unit_column")
FIRST: dict[str, str] = {
    "kind": SeriesKind.PRICE,
    "area": "",
    "currency": "EUR",
    "unit": "EUR/MWh",
    "quality": Quality.ACTUAL,
    "time_zone": "",
    "resolution": "15",
    "delimiter": ";",
    "decimal_mark": ",",
    "thousands_mark": "",
    "header_line": "1",
    "date_format": "%d/%m/%Y",
    "time_format": "%H:%M",
    "date_time_format": "%d/%m/%Y %H:%M",
    **dict.fromkeys(COLUMN_FIELDS, ""),
}
PRESETS: dict[str, tuple[object, dict[str, str]]] = {
    "exchange": (
        gettext_lazy("Exchange file: date, time, price; comma as decimal sign"),
        {"price": "Price", "date": "Date", "time": "Time", "delimiter": ";", "decimal_mark": ",",
         "date_format": "%d/%m/%Y", "time_format": "%H:%M", "time_zone": "Europe/Paris"},
    ),
    "numbered": (
        gettext_lazy("Day and slot number"),
        {"price": "Price", "date": "Date", "slot_number": "Slot", "delimiter": ";",
         "decimal_mark": ",", "date_format": "%d/%m/%Y"},
    ),
    "iso": (
        gettext_lazy("Moments with their zone; point as decimal sign"),
        {"price": "value", "date_time": "start_utc", "delimiter": ",", "decimal_mark": ".",
         "date_time_format": "%Y-%m-%dT%H:%M:%S%z"},
    ),
}  # fmt: skip
LABELS = {
    "file": gettext_lazy("File"),
    "kind": gettext_lazy("What it tells"),
    "area": gettext_lazy("Area"),
    "price": gettext_lazy("Column of the value"),
    "date": gettext_lazy("Column of the day"),
    "time": pgettext_lazy("upload", "Column of the time"),
    "slot_number": gettext_lazy("Column of the slot number"),
    "date_time": gettext_lazy("Column of day and time"),
    "unit_column": gettext_lazy("Column of the unit"),
}


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What the form shows: the words typed, the choices, what is wrong by field."""

    words: Mapping[str, str]
    errors: Mapping[str, str]
    kinds: tuple[tuple[str, str], ...]
    qualities: tuple[tuple[str, str], ...]
    currencies: tuple[str, ...]
    units: tuple[tuple[str, str], ...]
    """A unit and the kinds it is for."""
    zones: tuple[str, ...]
    resolutions: tuple[str, ...]
    delimiters: tuple[tuple[str, str], ...]
    date_formats: tuple[tuple[str, str], ...]
    time_formats: tuple[tuple[str, str], ...]
    moment_formats: tuple[tuple[str, str], ...]
    presets: tuple[tuple[str, str], ...]
    preset_words: Mapping[str, Mapping[str, str]]
    areas: tuple[str, ...]
    held: str
    file_name: str
    headers: tuple[str, ...]
    head: str


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """What the file says beside what is known; nothing is taken yet."""

    draft: UploadDraft
    preview: UploadPreview
    unit: str
    first: tuple[object, ...]
    faults: tuple[Fault, ...]
    faults_left: int
    days: tuple[UploadDay, ...]
    days_left: int
    chart: SeriesChart | None
    kind_label: str
    quality_label: str


@dataclass(frozen=True, slots=True)
class _Slot:
    start: datetime
    known: KnownValue | None


def first_words() -> dict[str, str]:
    """The form before anything is typed."""
    return FIRST | {"time_zone": timezone.get_current_timezone_name()}


def words_of(query: Mapping[str, str]) -> dict[str, str]:
    """What was typed, each word cut to a length that a form has."""
    words = first_words()
    return {name: query.get(name, words[name]).replace("\x00", "")[:60] for name in words}


def choice_of(words: Mapping[str, str]) -> UploadChoice:
    """What the words ask for. Raises DomainError that names the field."""
    for name, allowed in (
        ("kind", KINDS), ("quality", QUALITIES), ("currency", CURRENCIES),
        ("resolution", RESOLUTIONS), ("delimiter", tuple(DELIMITERS)),
        ("decimal_mark", (",", ".")), ("date_format", DATE_FORMATS),
        ("time_format", TIME_FORMATS), ("date_time_format", MOMENT_FORMATS),
    ):  # fmt: skip
        if words[name] not in allowed:
            raise DomainError("upload.choice", _("This is not among the choices."), field=name)
    if words["time_zone"] not in available_timezones():
        raise DomainError("upload.choice", _("This is no time zone."), field="time_zone")
    header = words["header_line"].strip()
    if not header.isdecimal() or not 1 <= int(header) <= 100:
        raise DomainError("upload.choice", _("1 to 100"), field="header_line")
    columns = {name: words[name].strip() for name in COLUMN_FIELDS}
    columns |= {
        name: words[name]
        for name in ("decimal_mark", "thousands_mark", "date_format", "time_format",
                     "date_time_format")
    }  # fmt: skip
    return UploadChoice(
        kind=SeriesKind(words["kind"]),
        area=words["area"].strip(),
        unit=words["unit"],
        currency=words["currency"] if words["kind"] in PER_MWH else "EUR",
        quality=Quality(words["quality"]),
        columns=columns | {"delimiter": DELIMITERS[words["delimiter"]]},
        time_zone=words["time_zone"],
        resolution=timedelta(minutes=int(words["resolution"])),
        header_line=int(header),
    )


def words_of_choice(choice: UploadChoice) -> dict[str, str]:
    """The words that a choice was made of."""
    marks = {sign: name for name, sign in DELIMITERS.items()}
    known = {name: word for name, word in choice.columns.items() if name in FIRST}
    return FIRST | known | {
        "kind": choice.kind, "area": choice.area, "currency": choice.currency,
        "unit": choice.unit, "quality": choice.quality, "time_zone": choice.time_zone,
        "resolution": str(int(choice.resolution.total_seconds() // 60)),
        "header_line": str(choice.header_line),
        "delimiter": marks[choice.columns["delimiter"]],
    }  # fmt: skip


def upload_form(
    words: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    held: UploadDraft | None = None,
) -> UploadForm:
    """The form with what was typed and what is wrong with it."""
    zone = words["time_zone"]
    content = held.content if held else b""
    delimiter = DELIMITERS.get(words["delimiter"], ";")
    return UploadForm(
        words=words,
        errors=errors or {},
        kinds=tuple((kind.value, str(kind.label)) for kind in KINDS),
        qualities=tuple((one.value, str(one.label)) for one in QUALITIES),
        currencies=CURRENCIES,
        units=_units(words["currency"]),
        zones=ZONES if zone in ZONES else (zone, *ZONES),
        resolutions=RESOLUTIONS,
        delimiters=tuple(
            (name, _("Tabulator") if name == "tab" else sign) for name, sign in DELIMITERS.items()
        ),
        date_formats=_shown(DATE_FORMATS),
        time_formats=_shown(TIME_FORMATS),
        moment_formats=_shown(MOMENT_FORMATS),
        presets=tuple((name, str(label)) for name, (label, _words) in PRESETS.items()),
        preset_words={
            name: dict.fromkeys(COLUMN_FIELDS, "") | own for name, (_label, own) in PRESETS.items()
        },
        areas=tuple(Series.objects.order_by("area").values_list("area", flat=True).distinct()[:50]),
        held=held.key if held else "",
        file_name=held.name if held else "",
        headers=_headers(content, words["header_line"], delimiter),
        head="\n".join(_text(content).splitlines()[:6])[:1200],
    )


def preview_page(draft: UploadDraft, preview: UploadPreview) -> PreviewPage:
    """The preview of a file that waits."""
    choice = draft.choice
    series = Series(
        kind=choice.kind,
        unit=choice.series_key().unit,
        resolution_s=int(QUARTER_HOUR.total_seconds()),
    )
    return PreviewPage(
        draft=draft,
        preview=preview,
        unit=series.unit,
        first=preview.values[:FIRST_SLOTS],
        faults=preview.faults[:FAULTS_SHOWN],
        faults_left=max(0, len(preview.faults) - FAULTS_SHOWN),
        days=preview.days[:DAYS_SHOWN],
        days_left=max(0, len(preview.days) - DAYS_SHOWN),
        chart=_chart(series, preview) if preview.values else None,
        kind_label=str(choice.kind.label),
        quality_label=str(choice.quality.label),
    )


def field_of(error: DomainError, words: Mapping[str, str]) -> str:
    """The field of the form that an error is about; empty for the file as a whole."""
    column = error.field or getattr(error, "column", "")
    named = next((name for name in COLUMN_FIELDS if column and words[name] == column), "")
    if named or column in FIRST or column == "file":
        return named or column
    return "header_line" if column == "header" else ""


def _chart(series: Series, preview: UploadPreview) -> SeriesChart:
    start = preview.values[0].start
    end = min(preview.values[-1].start + QUARTER_HOUR, start + CHART_DAYS)
    known = {
        value.start: KnownValue(value.start, value.value, value.quality, "", value.start)
        for value in preview.values
    }
    grid = [_Slot(at, known.get(at)) for at in slots(start, end, QUARTER_HOUR)]
    return series_chart(
        series=series, slots=grid, start=start, end=end, now=start - QUARTER_HOUR, band={}
    )


def _units(currency: str) -> tuple[tuple[str, str], ...]:
    kinds: dict[str, list[str]] = {}
    for kind in KINDS:
        for unit in scales_of(kind, currency if currency in CURRENCIES else "EUR"):
            kinds.setdefault(unit, []).append(kind.value)
    return tuple((unit, " ".join(names)) for unit, names in kinds.items())


def _shown(formats: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((form, _EXAMPLE.strftime(form)) for form in formats)


def _text(content: bytes) -> str:
    return content[:20_000].decode("utf-8-sig", errors="replace").replace("\x00", "")


def _headers(content: bytes, line: str, delimiter: str) -> tuple[str, ...]:
    lines = _text(content).splitlines()
    number = int(line) if line.isdecimal() and len(line) < 4 else 1
    if not 1 <= number <= len(lines):
        return ()
    cells = [cell.strip().strip('"') for cell in lines[number - 1].split(delimiter)]
    return tuple(cell for cell in cells if cell)[:40]
