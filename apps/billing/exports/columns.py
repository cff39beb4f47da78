"""The register of columns of CDR exports: the one place that knows the fields of a CDR.

A file takes any of them in any order; each says where its value comes from and how it is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Case, DateTimeField, F, Func, TextField, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Round
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
    FLAG = "flag"
    """`true` or `false`"""
    TIME = "time"
    """`2026-03-10T12:55:00Z`"""
    LOCAL_TIME = "local_time"
    """`2026-03-10 08:55:00`: a timestamp without zone, as it was where the car stood."""
    MONTH = "month"
    """`2026-03`"""
    MONEY = "money"
    """Rounded to two decimals."""
    CENTS = "cents"
    """An amount that has two decimals already."""
    NUMBER = "number"
    """All decimals that say something."""


class _AtPlace(Func):
    """An instant as the clocks showed it in a time zone."""

    template = "%(expressions)s"
    arg_joiner = " AT TIME ZONE "
    output_field = DateTimeField()


class _TaxesSaid(Func):
    """`VAT 8.5%: 0.2304 | TGCA 4%: 0.1`, from the taxes of a rating; it has no parameters."""

    template = (
        "(SELECT string_agg(concat(one->>'name', ' ' || (one->>'percent') || chr(37), ': ',"
        " one->>'amount'), ' | ') FROM jsonb_array_elements(%(expressions)s->'taxes') said(one))"
    )
    output_field = TextField()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. `source` is the path of its field from the CDR, or an expression."""

    name: str
    title: str | Promise
    kind: ColumnKind
    source: str | Combinable
    group: str

    @property
    def value(self) -> Combinable:
        """What a query selects for it."""
        return F(self.source) if isinstance(self.source, str) else self.source


def _cents(path: str) -> Round:
    return Round(path, precision=2)


GROUPS: dict[str, str | Promise] = {
    "cdr": pgettext_lazy("columns", "Record"),
    "account": pgettext_lazy("columns", "Account"),
    "session": pgettext_lazy("columns", "Session"),
    "energy": pgettext_lazy("columns", "Energy and time"),
    "tariff": pgettext_lazy("columns", "Tariff"),
    "amounts": pgettext_lazy("columns", "Amounts and tax"),
}
_TEXT, _CODE, _TIME, _FLAG = ColumnKind.TEXT, ColumnKind.CODE, ColumnKind.TIME, ColumnKind.FLAG
_LOCAL, _MONTH = ColumnKind.LOCAL_TIME, ColumnKind.MONTH
_MONEY, _NUMBER = ColumnKind.MONEY, ColumnKind.NUMBER
# A credit has the energies of what it takes back: with its sign, sums come out right.
_COUNTED = Case(When(credit=True, then=-F("energy_kwh")), default=F("energy_kwh"))
# As on papers: what lies between the two rounded totals, so that the three add up.
_TAX = _cents("total_incl_vat") - _cents("total_excl_vat")
_REGISTER: tuple[Column, ...] = (
    Column("reference", _("Reference"), _CODE, "reference", "cdr"),
    Column("id", _("Id"), _CODE, "id", "cdr"),
    Column("issued_at", _("Issued (UTC)"), _TIME, "issued_at", "cdr"),
    Column("issued_by", _("Issued by"), _TEXT, "issued_by", "cdr"),
    Column("billing_month", _("Month"), _MONTH, "billing_month", "cdr"),
    Column("revision", _("Revision"), _CODE, "revision", "cdr"),
    Column("credit", _("Is a credit"), _FLAG, "credit", "cdr"),
    Column("credit_of", _("Takes back"), _TEXT, "credit_reference__reference", "cdr"),
    Column("credited_by", _("Taken back by"), _TEXT, "credited_by__reference", "cdr"),
    Column("replaces", _("Replaces"), _TEXT, "replaces__reference", "cdr"),
    Column("reason", _("Reason"), _TEXT, "reason", "cdr"),
    Column("invoice", _("Invoice"), _TEXT, "on_invoice__line__invoice__reference", "cdr"),
    Column("account_code", _("Account"), _TEXT, "account__code", "account"),
    Column("account_name", _("Name of the account"), _TEXT, "account__name", "account"),
    Column("account_kind", _("Kind of account"), _CODE, "account__kind", "account"),
    Column("party_country", _("OCPI country"), _TEXT, "account__party_country_code", "account"),
    Column("party_id", _("OCPI party"), _TEXT, "account__party_id", "account"),
    Column("account_vat_number", _("VAT number"), _TEXT, "account__vat_number", "account"),
    Column("account_siren", _("SIREN"), _TEXT, "account__siren", "account"),
    Column("station_id", _("Station id"), _TEXT, "station_id", "session"),
    Column("station_name", _("Station"), _TEXT, "station_name", "session"),
    Column("commune", _("Commune"), _TEXT, "commune", "session"),
    Column("evse_id", _("EVSE"), _CODE, "evse_id", "session"),
    Column("transaction_id", _("Transaction"), _TEXT, "transaction_id", "session"),
    Column("id_token", _("Token"), _TEXT, "id_token", "session"),
    Column("id_token_type", _("Token type"), _TEXT, "id_token_type", "session"),
    Column("auth_method", _("Authorised by"), _CODE, "auth_method", "session"),
    Column("started_at", _("Started (UTC)"), _TIME, "started_at", "session"),
    Column("ended_at", _("Ended (UTC)"), _TIME, "ended_at", "session"),
    Column(
        "started_local", _("Started (local time)"), _LOCAL,
        _AtPlace("started_at", "time_zone"), "session",
    ),
    Column(
        "ended_local", _("Ended (local time)"), _LOCAL, _AtPlace("ended_at", "time_zone"), "session"
    ),
    Column("time_zone", _("Time zone"), _TEXT, "time_zone", "session"),
    Column("start_meter_kwh", _("Meter at start (kWh)"), _NUMBER, "start_meter_kwh", "energy"),
    Column("end_meter_kwh", _("Meter at end (kWh)"), _NUMBER, "end_meter_kwh", "energy"),
    Column("energy_kwh", _("Energy (kWh)"), _NUMBER, "energy_kwh", "energy"),
    Column("counted_kwh", _("Energy that counts (kWh)"), _NUMBER, _COUNTED, "energy"),
    Column("charged_kwh", _("Charged (kWh)"), _NUMBER, "charged_kwh", "energy"),
    Column("discharged_kwh", _("Discharged (kWh)"), _NUMBER, "discharged_kwh", "energy"),
    Column("total_time_h", _("Duration (h)"), _NUMBER, "total_time_h", "energy"),
    Column("parking_time_h", _("Parked (h)"), _NUMBER, "parking_time_h", "energy"),
    Column("tariff_id", _("Tariff id"), _TEXT, "tariff_version__tariff__code", "tariff"),
    Column("tariff_version", _("Tariff version"), _CODE, "tariff_version__number", "tariff"),
    Column("tariff_name", _("Tariff"), _TEXT, "tariff_name", "tariff"),
    Column(
        "price_per_kwh_excl_vat", _("Price of a kWh, excl. tax"), _NUMBER,
        "price_per_kwh_excl_vat", "tariff",
    ),
    Column("explanation", _("How it was priced"), _TEXT, "explanation", "tariff"),
    Column("vat_percent", _("Tax rate (%)"), _NUMBER, "vat_percent", "amounts"),
    Column(
        "taxes", _("Taxes"), _TEXT, _TaxesSaid("rating"), "amounts"
    ),
    Column("currency", _("Currency"), _TEXT, "currency", "amounts"),
    Column("total_excl_vat", _("Total excl. tax"), _MONEY, "total_excl_vat", "amounts"),
    Column("vat", _("Tax"), ColumnKind.CENTS, _TAX, "amounts"),
    Column("total_incl_vat", _("Total incl. tax"), _MONEY, "total_incl_vat", "amounts"),
    Column("exact_excl_vat", _("Total excl. tax, exact"), _NUMBER, "total_excl_vat", "amounts"),
    Column("exact_vat", _("Tax, exact"), _NUMBER, "vat", "amounts"),
    Column("exact_incl_vat", _("Total incl. tax, exact"), _NUMBER, "total_incl_vat", "amounts"),
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
