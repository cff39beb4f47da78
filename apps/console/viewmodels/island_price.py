"""The island price of a day: its parts slot by slot, why each is what it is, alerts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.console.formats import NO_VALUE
from apps.console.viewmodels.island_price_chart import Plot, line_plot, stacked_plot
from apps.console.viewmodels.island_price_setup import SetupForm
from apps.console.viewmodels.island_price_words import (
    PARTS,
    QUALITY_TONES,
    figure,
    part_words,
    with_unit,
)
from apps.markets.choices import Quality
from apps.markets.feeds.day_ahead import local_day_slots
from apps.markets.models import IslandPricing, PeakWindow, ScarcityAlert
from apps.markets.selectors.island import IslandPriceDay, IslandSlot
from cariflex.common.units import QUARTER_HOUR

HOURS_PER_MARK = 3
ALERTS_SHOWN = 30
TIME_FORMAT = "j N Y, H:i"
ALERT_WORDS: dict[str, tuple[str, str, str | Promise]] = {
    "running": ("warn", "alert", gettext_lazy("Running")),
    "to_come": ("info", "clock", gettext_lazy("To come")),
    "over": ("mute", "check", gettext_lazy("Over")),
    "cancelled": ("mute", "cross", pgettext_lazy("alert", "Cancelled")),
}


@dataclass(frozen=True, slots=True)
class QualityShown:
    """How sure a price is: word and colour."""

    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class PartShown:
    """One part of a slot's price, and why."""

    name: str
    label: str
    amount: str
    words: str


@dataclass(frozen=True, slots=True)
class InputShown:
    """What a price was computed from."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class SlotShown:
    """One quarter hour."""

    index: int
    time: str
    span: str
    total_text: str
    parts: tuple[PartShown, ...]
    inputs: tuple[InputShown, ...]
    quality: QualityShown
    co2_text: str
    pv_text: str

    @property
    def amounts(self) -> tuple[str, ...]:
        """The parts' amounts alone."""
        return tuple(part.amount for part in self.parts)

    @property
    def spoken(self) -> str:
        """The slot as a screen reader says it."""
        return f"{self.span}: {self.total_text} €/MWh"


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert of the list."""

    alert: ScarcityAlert
    key: str
    adder: str
    start: str
    end: str
    declared: str

    @property
    def state(self) -> tuple[str, str, str | Promise]:
        """(tone, icon, word)"""
        return ALERT_WORDS[self.key]

    @property
    def is_open(self) -> bool:
        """Whether it can still be cancelled."""
        return self.key in ("running", "to_come")


@dataclass(frozen=True, slots=True)
class IslandDay:
    """Everything the page shows."""

    pricing: IslandPricing | None
    day: date
    today: date
    time_zone: str
    slots: tuple[SlotShown, ...]
    is_known: bool
    missing_count: int
    chosen: SlotShown | None
    price_plot: Plot | None
    co2_plot: Plot | None
    pv_plot: Plot | None
    now_x: str
    hours: tuple[str, ...]
    alerts: tuple[AlertLine, ...]
    may_declare: bool
    may_cancel: bool
    alert_form: dict[str, str]
    errors: dict[str, tuple[str, ...]]
    is_table_open: bool = False
    setup: SetupForm | None = None
    follow_id: int | None = None

    @property
    def warnings(self) -> dict[str, tuple[str, ...]]:
        """Fields of this page have none."""
        return {}

    @property
    def previous(self) -> date:
        """The day before."""
        return self.day - timedelta(days=1)

    @property
    def next(self) -> date:
        """The day after."""
        return self.day + timedelta(days=1)

    @property
    def tomorrow(self) -> date:
        """The day after today."""
        return self.today + timedelta(days=1)

    @property
    def last_index(self) -> int:
        """The number of the last slot."""
        return len(self.slots) - 1

    @property
    def parts(self) -> tuple[tuple[str, str | Promise], ...]:
        """The parts with their names."""
        return PARTS

    @property
    def co2_label(self) -> str:
        """Which intensity the carbon price is put on."""
        kind = str(self.pricing.get_intensity_kind_display()) if self.pricing else ""
        return _("CO2 intensity, %(kind)s") % {"kind": kind.lower()}

    @property
    def notice(self) -> str:
        """What keeps prices from being computed; "" when nothing does."""
        if self.pricing is None:
            return ""
        if not self.pricing.enabled:
            return _("The computation is switched off: no new prices are formed.")
        if self.pricing.last_error:
            return _("The last computation failed: %(why)s") % {"why": self.pricing.last_error}
        return ""

    @property
    def notice_tone(self) -> str:
        """The colour of the notice."""
        return "bad" if self.pricing and self.pricing.last_error else "warn"

    @property
    def empty_words(self) -> str:
        """Why there is no chart."""
        if self.pricing is None:
            return _("No island price is set up for this operator.")
        return _("No price is computed for this day.")

    @property
    def script_data(self) -> list[dict[str, object]]:
        """The slots for the script that tells why."""
        return [
            {
                "span": one.span,
                "spoken": one.spoken,
                "total": one.total_text,
                "quality": one.quality.label,
                "tone": one.quality.tone,
                "parts": [(part.name, part.amount, part.words) for part in one.parts],
                "inputs": [(line.value, line.note) for line in one.inputs],
            }
            for one in self.slots
        ]


def island_day(
    *,
    priced: IslandPriceDay | None,
    day: date,
    now: datetime,
    at: int | None,
    alerts: Sequence[ScarcityAlert],
    may_declare: bool,
    may_cancel: bool,
    alert_form: dict[str, str],
    errors: dict[str, tuple[str, ...]],
    time_zone: str,
    setup: SetupForm | None = None,
    follow_id: int | None = None,
) -> IslandDay:
    """The page of a day; `at` is the number of the slot asked for. One query: peak windows."""
    pricing = priced.pricing if priced else None
    starts = local_day_slots(day, pricing.zone, QUARTER_HOUR) if pricing else []
    peaks = tuple(pricing.peaks.all()) if pricing and priced and priced.slots else ()
    found = {slot.start: slot for slot in priced.slots} if priced else {}
    known = [found.get(start) for start in starts]
    shown = tuple(
        _slot(n, start, pricing, known[n], peaks) for n, start in enumerate(starts) if pricing
    )
    return IslandDay(
        pricing=pricing,
        day=day,
        today=now.astimezone(pricing.zone if pricing else ZoneInfo(time_zone)).date(),
        time_zone=pricing.time_zone if pricing else time_zone,
        slots=shown,
        is_known=bool(found),
        missing_count=known.count(None),
        chosen=shown[_chosen(starts, known, at, now)] if found else None,
        price_plot=_price_plot(known) if found else None,
        co2_plot=_line("co2", [slot and slot.intensity_g_per_kwh for slot in known]),
        pv_plot=_line("pv", [slot and slot.pv_mw for slot in known]),
        now_x=_now_x(starts, now),
        hours=tuple(_clock(pricing, one) for one in starts[:: HOURS_PER_MARK * 4] if pricing),
        alerts=tuple(_alert(one, now, pricing) for one in alerts if pricing),
        may_declare=may_declare and pricing is not None,
        may_cancel=may_cancel,
        alert_form=alert_form,
        errors=errors,
        is_table_open=at is not None,
        setup=setup,
        follow_id=follow_id,
    )


def alert_state(alert: ScarcityAlert, now: datetime) -> str:
    """Where an alert stands."""
    if alert.cancelled_at is not None:
        return "cancelled"
    if alert.end <= now:
        return "over"
    return "running" if alert.start <= now else "to_come"


def _slot(
    index: int,
    start: datetime,
    pricing: IslandPricing,
    slot: IslandSlot | None,
    peaks: Sequence[PeakWindow],
) -> SlotShown:
    words = part_words(slot, pricing, peaks) if slot else {}
    quality = QualityShown(str(slot.quality.label), QUALITY_TONES[slot.quality]) if slot else None
    return SlotShown(
        index=index,
        time=_clock(pricing, start),
        span=f"{_clock(pricing, start)}–{_clock(pricing, start + QUARTER_HOUR)}",
        total_text=figure(slot and slot.total),
        parts=tuple(
            PartShown(name, str(label), figure(slot and getattr(slot, name)), words.get(name, ""))
            for name, label in PARTS
        ),
        inputs=_inputs(slot, pricing),
        quality=quality or QualityShown(_("No price"), "warn"),
        co2_text=figure(slot and slot.intensity_g_per_kwh, 0),
        pv_text=figure(slot and slot.pv_mw, 1),
    )


def _inputs(slot: IslandSlot | None, pricing: IslandPricing) -> tuple[InputShown, ...]:
    grams, pv = slot and slot.intensity_g_per_kwh, slot and slot.pv_mw
    source = slot.base_source if slot else None
    computed = slot.published_at.astimezone(pricing.zone) if slot else None
    return (
        InputShown(_("Base from"), str(source.label) if source else NO_VALUE, ""),
        InputShown(
            _("CO2 intensity"),
            with_unit(grams, "g/kWh") if grams is not None else NO_VALUE,
            _quality_words(slot and slot.intensity_quality),
        ),
        InputShown(
            _("PV forecast"),
            with_unit(pv, "MW") if pv is not None else NO_VALUE,
            _quality_words(slot and slot.pv_quality),
        ),
        InputShown(
            _("Computed"),
            date_format(computed, TIME_FORMAT) if computed else NO_VALUE,
            "",
        ),
    )


def _quality_words(quality: Quality | None) -> str:
    return str(quality.label) if quality else ""


def _price_plot(known: Sequence[IslandSlot | None]) -> Plot:
    parts = [(name, [slot and getattr(slot, name) for slot in known]) for name, _label in PARTS]
    return stacked_plot(parts, [slot and slot.total for slot in known])


def _line(name: str, values: Sequence[Decimal | None]) -> Plot | None:
    return line_plot(name, values, marks=3) if any(one is not None for one in values) else None


def _chosen(
    starts: Sequence[datetime],
    known: Sequence[IslandSlot | None],
    at: int | None,
    now: datetime,
) -> int:
    """The slot asked for, else that of now, else the dearest one."""
    if at is not None and 0 <= at < len(starts):
        return at
    running = next((n for n, one in enumerate(starts) if one <= now < one + QUARTER_HOUR), None)
    if running is not None:
        return running
    return max(range(len(known)), key=lambda n: _total(known[n]))


def _total(slot: IslandSlot | None) -> Decimal:
    return slot.total if slot else Decimal("-Infinity")


def _now_x(starts: Sequence[datetime], now: datetime) -> str:
    if not starts or not starts[0] <= now < starts[-1] + QUARTER_HOUR:
        return ""
    return f"{(now - starts[0]) / QUARTER_HOUR:.2f}"


def _clock(pricing: IslandPricing, at: datetime) -> str:
    return f"{at.astimezone(pricing.zone):%H:%M}"


def _alert(alert: ScarcityAlert, now: datetime, pricing: IslandPricing) -> AlertLine:
    start, end, declared = (
        date_format(at.astimezone(pricing.zone), TIME_FORMAT)
        for at in (alert.start, alert.end, alert.declared_at)
    )
    return AlertLine(
        alert=alert,
        key=alert_state(alert, now),
        adder=with_unit(alert.adder_eur_per_mwh, "€/MWh"),
        start=start,
        end=end,
        declared=declared,
    )
