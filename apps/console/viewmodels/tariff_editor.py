"""The editor of a tariff's draft, ready to be drawn: rows with their findings beside fields."""

from dataclasses import dataclass

from apps.billing.models import TariffVersion
from apps.console.tariff_words import DIMENSIONS, week_days
from apps.console.viewmodels.tariff_form import (
    BANDS,
    LIMITS,
    MINUTES,
    TEXTS,
    Errors,
    Row,
    TariffForm,
    row_new,
)
from apps.console.viewmodels.tariff_preview import Shown
from apps.console.viewmodels.tariffs import series_choices

UNITS = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h", "FLAT": ""}
STEP_UNITS = {"ENERGY": "Wh", "TIME": "s", "PARKING_TIME": "s", "FLAT": ""}
TEMPLATE_KEY = "newrow"


@dataclass(frozen=True, slots=True)
class Findings:
    """What stands beside a field."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PriceField:
    """One price of a row: names of its fields, texts, findings."""

    name: str
    label: str
    unit: str
    step_unit: str
    price: str
    vat: str
    step: str


@dataclass(frozen=True, slots=True)
class TextField:
    """One restriction of a row."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RowShown:
    """A row of the editor."""

    key: str
    prices: tuple[PriceField, ...]
    fields: dict[str, TextField]
    days: tuple[tuple[int, str, str, bool], ...]
    words: str
    is_restricted: bool


@dataclass(frozen=True, slots=True)
class EditorPage:
    """The editor."""

    version: TariffVersion
    form: TariffForm
    rows: tuple[RowShown, ...]
    template_row: RowShown
    errors: Errors
    warnings: Errors
    series: tuple[tuple[int, str], ...]
    limits: tuple[tuple[str, str], ...]
    texts: tuple[tuple[str, str], ...]
    seen_at: str

    @property
    def has_errors(self) -> bool:
        """True when the draft could not be kept."""
        return bool(self.errors)


def editor_page(
    *, draft: TariffVersion, form: TariffForm, shown: Shown, errors: Errors
) -> EditorPage:
    """The editor with the findings of the moment."""
    values = form.values
    return EditorPage(
        version=draft,
        form=form,
        rows=tuple(_row(row, shown.words.get(row.key, "")) for row in form.rows),
        template_row=_row(row_new(TEMPLATE_KEY), ""),
        errors={**shown.errors, **errors},
        warnings=shown.warnings,
        series=series_choices(),
        limits=tuple((name, values.get(name, "")) for name in LIMITS),
        texts=tuple(
            (language, values.get(f"alt_text.{language}", "")) for language in ("fr", "en", "es")
        ),
        seen_at=draft.updated_at.isoformat(),
    )


def _row(row: Row, words: str) -> RowShown:
    fields = {
        name: TextField(f"{row.key}.{name}", row.values.get(name, ""))
        for name in (*TEXTS, *BANDS, *MINUTES)
    }
    return RowShown(
        key=row.key,
        prices=tuple(
            PriceField(
                name=f"{row.key}.{one.dimension}",
                label=str(DIMENSIONS[one.dimension]),
                unit=UNITS[one.dimension],
                step_unit=STEP_UNITS[one.dimension],
                price=one.price,
                vat=one.vat,
                step=one.step,
            )
            for one in row.prices
        ),
        fields=fields,
        days=tuple((day, long, short, day in row.days) for day, long, short in week_days()),
        words=words,
        is_restricted=bool(row.days) or any(row.values.get(name) for name in fields),
    )
