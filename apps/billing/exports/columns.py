"""The register of columns of CDR exports: the one place that knows the fields of a CDR.

A file takes any of them in any order; each says where its value comes from and how it is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cariflex.common.errors import DomainError


class ColumnKind(StrEnum):
    """How a value is written."""

    TEXT = "text"
    """From people or stations: never a formula."""
    CODE = "code"
    """Ours alone: whole numbers and UUIDs."""
    TIME = "time"
    """`2026-03-10T12:55:00Z`"""
    LOCAL_TIME = "local_time"
    """`2026-03-10 08:55:00`, where the car stood."""
    MONEY = "money"
    """Two decimals."""
    NUMBER = "number"
    """All decimals that say something."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. `source` is the path of its field from the CDR."""

    name: str
    title: str | Promise
    kind: ColumnKind
    source: str
    group: str


GROUPS: dict[str, str | Promise] = {
    "cdr": pgettext_lazy("columns", "Record"),
    "session": pgettext_lazy("columns", "Session"),
    "energy": pgettext_lazy("columns", "Energy and time"),
    "tariff": pgettext_lazy("columns", "Tariff"),
    "amounts": pgettext_lazy("columns", "Amounts"),
}
_TEXT, _CODE, _TIME = ColumnKind.TEXT, ColumnKind.CODE, ColumnKind.TIME
_LOCAL, _MONEY, _NUMBER = ColumnKind.LOCAL_TIME, ColumnKind.MONEY, ColumnKind.NUMBER
_REGISTER: tuple[Column, ...] = (
    Column("reference", _("Reference"), _TEXT, "reference", "cdr"),
    Column("id", _("Id"), _CODE, "id", "cdr"),
    Column("issued_at", _("Issued (UTC)"), _TIME, "issued_at", "cdr"),
    Column("station_id", _("Station id"), _TEXT, "station_id", "session"),
    Column("station_name", _("Station"), _TEXT, "station_name", "session"),
    Column("commune", _("Commune"), _TEXT, "commune", "session"),
    Column("evse_id", _("EVSE"), _CODE, "evse_id", "session"),
    Column("transaction_id", _("Transaction"), _TEXT, "transaction_id", "session"),
    Column("id_token", _("Token"), _TEXT, "id_token", "session"),
    Column("id_token_type", _("Token type"), _TEXT, "id_token_type", "session"),
    Column("started_at", _("Started (UTC)"), _TIME, "started_at", "session"),
    Column("ended_at", _("Ended (UTC)"), _TIME, "ended_at", "session"),
    Column("started_local", _("Started (local time)"), _LOCAL, "started_at", "session"),
    Column("ended_local", _("Ended (local time)"), _LOCAL, "ended_at", "session"),
    Column("start_meter_kwh", _("Meter at start (kWh)"), _NUMBER, "start_meter_kwh", "energy"),
    Column("end_meter_kwh", _("Meter at end (kWh)"), _NUMBER, "end_meter_kwh", "energy"),
    Column("energy_kwh", _("Energy (kWh)"), _NUMBER, "energy_kwh", "energy"),
    Column("tariff_name", _("Tariff"), _TEXT, "tariff_name", "tariff"),
    Column(
        "price_per_kwh_excl_vat", _("Price of a kWh, excl. tax"), _NUMBER,
        "price_per_kwh_excl_vat", "tariff",
    ),
    Column("vat_percent", _("Tax rate (%)"), _NUMBER, "vat_percent", "tariff"),
    Column("explanation", _("How it was priced"), _TEXT, "explanation", "tariff"),
    Column("currency", _("Currency"), _TEXT, "currency", "amounts"),
    Column("total_excl_vat", _("Total excl. tax"), _MONEY, "total_excl_vat", "amounts"),
    Column("vat", _("Tax"), _MONEY, "vat", "amounts"),
    Column("total_incl_vat", _("Total incl. tax"), _MONEY, "total_incl_vat", "amounts"),
    Column("net_exact", _("Total excl. tax, exact"), _NUMBER, "total_excl_vat", "amounts"),
    Column("gross_exact", _("Total incl. tax, exact"), _NUMBER, "total_incl_vat", "amounts"),
)  # fmt: skip
COLUMNS: dict[str, Column] = {column.name: column for column in _REGISTER}
# What a file has when nobody chose; programs read it, so it only grows at its end.
DEFAULT_COLUMNS: tuple[str, ...] = (
    "reference", "id", "issued_at", "station_id", "station_name", "commune", "evse_id",
    "transaction_id", "id_token", "id_token_type", "started_at", "ended_at", "start_meter_kwh",
    "end_meter_kwh", "energy_kwh", "tariff_name", "price_per_kwh_excl_vat", "vat_percent",
    "currency", "total_excl_vat", "vat", "total_incl_vat",
)  # fmt: skip


def columns_named(names: Iterable[str] | None) -> tuple[Column, ...]:
    """The columns of these names in this order, the usual ones for None or nothing.

    DomainError `export.column_unknown` or `export.column_twice`.
    """
    chosen = tuple(names or ()) or DEFAULT_COLUMNS
    for nth, name in enumerate(chosen):
        if name not in COLUMNS:
            raise DomainError(
                "export.column_unknown", f"There is no column {name!r}.", field="columns"
            )
        if name in chosen[:nth]:
            raise DomainError(
                "export.column_twice", f"The column {name!r} is named twice.", field="columns"
            )
    return tuple(COLUMNS[name] for name in chosen)


def known_columns(names: Iterable[str]) -> list[str]:
    """Those of the names that the register has."""
    return [name for name in names if name in COLUMNS]
