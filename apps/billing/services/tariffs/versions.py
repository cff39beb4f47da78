"""Tariffs and their versions: drafts are written, issued versions never change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from apps.billing.choices import TariffState, TariffType
from apps.billing.events import TariffIssued
from apps.billing.models import DynamicFormula, Tariff, TariffVersion
from apps.billing.rating import RatingProblem, tariff_dump, tariff_parse
from apps.billing.selectors.tariff_contents import content_make
from apps.billing.services.tariffs.dynamic import prices_fix_of
from apps.markets.models import Series
from apps.tenants.context import current_operator, current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import format_rfc3339, require_aware

# OCPI CiString(36): printable ASCII (2.2.1 §16.1); spaces only make trouble in addresses.
_CODE = re.compile(r"[!-~]{1,36}")
# A form that was open for a minute still means "from now on".
CLOCK_TOLERANCE = timedelta(minutes=5)
FIRST_YEAR, LAST_YEAR = 2000, 2100
ENERGY_FREE: dict[str, Any] = {
    "price_components": [{"type": "ENERGY", "price": Decimal(0), "vat": Decimal(0), "step_size": 1}]
}


@dataclass(frozen=True, slots=True)
class FormulaGiven:
    """A formula as somebody writes it: series by key, prices per kWh before taxes."""

    series_id: int
    cap_per_kwh: Decimal
    factor: Decimal = Decimal(1)
    adder_per_kwh: Decimal = Decimal(0)
    floor_per_kwh: Decimal = Decimal(0)


@transaction.atomic
def tariff_create(
    *,
    code: str,
    name: str,
    now: datetime,
    type: str = TariffType.REGULAR,
    currency: str = "",
    note: str = "",
    content: Mapping[str, Any] | None = None,
    formula: FormulaGiven | None = None,
) -> TariffVersion:
    """A new tariff with its first draft; without `content` energy is free until it is written.

    DomainError: billing.tariff_code_invalid, billing.tariff_code_taken,
    billing.tariff_name_missing, or what makes the content no tariff (the engine's code).
    """
    code = _code(code)
    if Tariff.objects.filter(code__iexact=code).exists():
        raise DomainError("billing.tariff_code_taken", "Another tariff has this id.", field="code")
    tariff = Tariff(code=code, name=_name(name), type=_type(type), note=note)
    try:
        with transaction.atomic():
            tariff.save()
    except IntegrityError as err:
        raise DomainError(
            "billing.tariff_code_taken", "Another tariff has this id.", field="code"
        ) from err
    given = content or content_make(
        code=code,
        currency=currency or current_operator().currency,
        elements=[ENERGY_FREE],
        at=now,
    )
    version = TariffVersion(tariff=tariff, number=1)
    return _write(version, given, formula, now=now)


@transaction.atomic
def tariff_change(*, tariff_id: int, name: str, type: str, note: str) -> Tariff:
    """Another name, type or note; prices are changed by a new version."""
    tariff = tariff_locked(tariff_id)
    tariff.name, tariff.type, tariff.note = _name(name), _type(type), note
    tariff.save(update_fields=["name", "type", "note", "updated_at"])
    return tariff


@transaction.atomic
def tariff_archive(*, tariff_id: int, is_archived: bool, now: datetime) -> Tariff:
    """Put a tariff out of sight, or back; refused while it is assigned anywhere."""
    tariff = tariff_locked(tariff_id)
    if is_archived and tariff.assignments.exclude(valid_until__lte=now).exists():
        raise DomainError("billing.tariff_in_use", "The tariff is assigned: end that first.")
    tariff.is_archived = is_archived
    tariff.save(update_fields=["is_archived", "updated_at"])
    return tariff


@transaction.atomic
def tariff_draft_open(*, tariff_id: int, now: datetime) -> TariffVersion:
    """The tariff's draft; a copy of its newest version when there is none."""
    tariff = tariff_locked(tariff_id)
    draft = tariff.versions.filter(state=TariffState.DRAFT).first()
    if draft is not None:
        return draft
    last = tariff.versions.select_related("formula").order_by("-number").first()
    if last is None:
        content = content_make(
            code=tariff.code,
            currency=current_operator().currency,
            elements=[ENERGY_FREE],
            at=now,
        )
        return _write(TariffVersion(tariff=tariff, number=1), content, None, now=now)
    draft = TariffVersion(tariff=tariff, number=last.number + 1)
    return _write(draft, last.content, _formula_of(last), now=now)


@transaction.atomic
def tariff_draft_save(
    *,
    version_id: int,
    content: Mapping[str, Any],
    formula: FormulaGiven | None = None,
    change_note: str = "",
    now: datetime,
    seen_at: datetime | None = None,
) -> TariffVersion:
    """Write a draft. `seen_at`: when the writer read it; a draft that moved since is not lost.

    DomainError: billing.tariff_version_issued, billing.tariff_draft_moved, or what makes the
    content no tariff.
    """
    version = draft_locked(version_id)
    if seen_at is not None and version.updated_at != seen_at:
        raise DomainError(
            "billing.tariff_draft_moved",
            "Somebody else has changed this draft since you opened it.",
        )
    version.change_note = change_note[:200]
    return _write(version, content, formula, now=now)


@transaction.atomic
def tariff_draft_discard(*, version_id: int) -> None:
    """Forget a draft, and the tariff with it when it never had another version."""
    version = draft_locked(version_id)
    tariff = version.tariff
    version.delete()
    if not tariff.versions.exists():
        tariff.delete()


@transaction.atomic
def tariff_version_issue(
    *,
    version_id: int,
    now: datetime,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    issued_by: str = "",
    is_backdated: bool = False,
) -> TariffVersion:
    """Fix a draft for good, in force from `valid_from` (now when None).

    A past start needs `is_backdated`: sessions that began since and have no CDR yet are priced by
    it. DomainError: billing.tariff_version_issued, billing.tariff_starts_in_past,
    billing.tariff_ends_before_start, billing.tariff_never_priced, billing.dynamic_no_energy.
    """
    version = draft_locked(version_id)
    start, valid_until = span_checked(valid_from, valid_until, now=now)
    if start < now - CLOCK_TOLERANCE and not is_backdated:
        raise DomainError(
            "billing.tariff_starts_in_past",
            "The start lies in the past: sessions have begun since.",
            field="valid_from",
        )
    if valid_until is not None and valid_until <= start:
        raise DomainError(
            "billing.tariff_ends_before_start", "The end is not after the start.",
            field="valid_until",
        )  # fmt: skip
    # As it was written, through today's rules once more: it can never be repaired.
    _parsed(version.content)
    version.state = TariffState.ISSUED
    version.valid_from, version.valid_until = start, valid_until
    version.issued_at, version.issued_by = now, issued_by[:150]
    version.save()
    prices_fix_of(version, now=now, with_current=True)
    publish(TariffIssued(current_schema(), version.tariff_id, version.pk))
    return version


def span_checked(
    start: datetime | None, end: datetime | None, *, now: datetime
) -> tuple[datetime, datetime | None]:
    """Both in UTC, now for a start of None; DomainError for a year that nobody means."""
    for at, name in ((start, "valid_from"), (end, "valid_until")):
        if at is not None and not FIRST_YEAR <= at.year <= LAST_YEAR:
            raise DomainError("billing.time_invalid", "A day and a time.", field=name)
    return (
        now if start is None else require_aware(start, "valid_from"),
        None if end is None else require_aware(end, "valid_until"),
    )


def tariff_locked(tariff_id: int) -> Tariff:
    """The tariff's row, held until the transaction ends."""
    tariff = Tariff.objects.select_for_update().filter(pk=tariff_id).first()
    if tariff is None:
        raise DomainError("billing.tariff_unknown", "There is no such tariff.")
    return tariff


def draft_locked(version_id: int) -> TariffVersion:
    """A draft with its tariff, both held; DomainError when it is issued or gone."""
    owner = TariffVersion.objects.filter(pk=version_id).values_list("tariff_id", flat=True).first()
    if owner is None:
        raise DomainError("billing.tariff_unknown", "There is no such version.")
    tariff_locked(owner)  # first the tariff, as everywhere
    version = TariffVersion.objects.select_related("tariff").filter(pk=version_id).first()
    if version is None:
        raise DomainError("billing.tariff_unknown", "There is no such version.")
    if version.is_issued:
        raise DomainError(
            "billing.tariff_version_issued", "An issued version is never changed: make a new one."
        )
    return version


def number_next(tariff: Tariff) -> int:
    """The number of a tariff's next version."""
    last: int | None = tariff.versions.aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def content_normal(
    content: Mapping[str, Any], *, tariff: Tariff, now: datetime
) -> tuple[dict[str, Any], str]:
    """(content as OCPI 2.2.1, currency) with this operator's party and the tariff's own id.

    When it holds is the version's to say, not the content's.
    """
    operator = current_operator()
    dumped = _parsed(content)
    for name in ("start_date_time", "end_date_time", "country_code", "party_id", "id", "type"):
        dumped.pop(name, None)
    party = {"country_code": operator.country_code, "party_id": operator.party_id}
    head = {name: value for name, value in party.items() if value}
    head |= {"id": tariff.code, "type": tariff.type}
    return {**head, **dumped, "last_updated": format_rfc3339(now)}, str(dumped["currency"])


def _parsed(content: Mapping[str, Any]) -> dict[str, Any]:
    try:
        parsed, _notes = tariff_parse(content, "2.2.1")
        dumped = tariff_dump(parsed, "2.2.1")
    except RatingProblem as problem:
        raise DomainError(problem.code, problem.message, field=problem.field) from problem
    return dict(dumped)


def _write(
    version: TariffVersion,
    content: Mapping[str, Any],
    formula: FormulaGiven | None,
    *,
    now: datetime,
) -> TariffVersion:
    version.content, version.currency = content_normal(content, tariff=version.tariff, now=now)
    version.save()
    if formula is None:
        DynamicFormula.objects.filter(version=version).delete()
    else:
        _formula_write(version, formula)
    # The caller sees the row as it now is, with its formula or without.
    return TariffVersion.objects.select_related("tariff", "formula__series").get(pk=version.pk)


def _formula_write(version: TariffVersion, given: FormulaGiven) -> None:
    series = Series.objects.filter(pk=given.series_id).first()
    if series is None:
        raise DomainError(
            "billing.series_unknown", "There is no such price series.", field="series"
        )
    if series.currency != version.currency:
        raise DomainError(
            "billing.dynamic_currency",
            f"The market's prices are in {series.currency}, the tariff in {version.currency}.",
            field="series",
        )
    for name in ("factor", "floor_per_kwh", "cap_per_kwh"):
        if not 0 <= getattr(given, name) < 10_000:
            raise DomainError("billing.dynamic_invalid", "A figure of 0 or more.", field=name)
    if abs(given.adder_per_kwh) >= 10_000:
        raise DomainError("billing.dynamic_invalid", "This is too much.", field="adder_per_kwh")
    if given.cap_per_kwh < given.floor_per_kwh:
        raise DomainError(
            "billing.dynamic_cap_below_floor", "The cap is below the floor.", field="cap_per_kwh"
        )
    if not any(
        component["type"] == "ENERGY" and not element.get("restrictions")
        for element in version.content["elements"]
        for component in element["price_components"]
    ):
        raise DomainError(
            "billing.dynamic_no_energy",
            "A dynamic tariff needs an energy price without restrictions: it holds while no market"
            " price is known, and its tax is that of the market's prices.",
            field="elements",
        )
    DynamicFormula.objects.update_or_create(
        version=version,
        defaults={
            "series": series,
            "factor": given.factor,
            "adder_per_kwh": given.adder_per_kwh,
            "floor_per_kwh": given.floor_per_kwh,
            "cap_per_kwh": given.cap_per_kwh,
        },
    )


def _formula_of(version: TariffVersion) -> FormulaGiven | None:
    formula: DynamicFormula | None = getattr(version, "formula", None)
    if formula is None:
        return None
    return FormulaGiven(
        series_id=formula.series_id,
        factor=formula.factor,
        adder_per_kwh=formula.adder_per_kwh,
        floor_per_kwh=formula.floor_per_kwh,
        cap_per_kwh=formula.cap_per_kwh,
    )


def _code(code: str) -> str:
    code = code.strip()
    if not _CODE.fullmatch(code):
        raise DomainError(
            "billing.tariff_code_invalid",
            "The id of a tariff has up to 36 letters, digits and signs, no spaces.",
            field="code",
        )
    return code


def _name(name: str) -> str:
    name = name.strip()[:100]
    if not name:
        raise DomainError("billing.tariff_name_missing", "A tariff has a name.", field="name")
    return name


def _type(type_: str) -> str:
    if type_ not in TariffType.values:
        raise DomainError("billing.tariff_type_unknown", "There is no such type.", field="type")
    return type_
