"""Tariffs of other systems: OCPI JSON in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from django.db import transaction

from apps.billing.choices import TariffState, TariffType
from apps.billing.models import Tariff, TariffVersion
from apps.billing.rating import (
    Note,
    RatingProblem,
    TaxIncluded,
    Version,
    tariff_check,
    tariff_dump,
    tariff_parse,
)
from apps.billing.rating import Tariff as TariffOf
from apps.billing.services.tariffs.versions import (
    tariff_create,
    tariff_draft_open,
    tariff_draft_save,
)
from cariflex.common.errors import DomainError


@dataclass(frozen=True, slots=True)
class Imported:
    """The draft that an OCPI object became, and what is odd about it."""

    version: TariffVersion
    notes: tuple[Note, ...]


@transaction.atomic
def tariff_import(
    *, content: Mapping[str, Any], now: datetime, ocpi: str | None = None, name: str = ""
) -> Imported:
    """A draft from an OCPI tariff object of 2.1.1, 2.2.1 or 2.3.0 (`ocpi` None: recognised).

    A tariff of the same id gets a new draft; one that has a draft already keeps it
    (billing.tariff_has_draft). Whatever has no influence on a price is told in the notes. The id
    is the object's; party and times of validity are not taken over.
    """
    try:
        parsed, notes = tariff_parse(content, cast(Version | None, ocpi))
        if parsed.tax_included is TaxIncluded.NOT_APPLICABLE:
            parsed = _without_taxes(parsed)
        dumped = tariff_dump(parsed, "2.2.1")
    except RatingProblem as problem:
        raise DomainError(problem.code, problem.message, field=problem.field) from problem
    notes = (*notes, *tariff_check(parsed))
    if not parsed.id:
        raise DomainError("field.missing", "The tariff has no id.", field="id")
    tariff = Tariff.objects.filter(code__iexact=parsed.id).first()
    if tariff is None:
        type_ = str(parsed.details.get("type") or TariffType.REGULAR)
        version = tariff_create(
            code=parsed.id,
            name=name or _first_text(parsed.details) or parsed.id,
            type=type_ if type_ in TariffType.values else TariffType.REGULAR,
            content=dumped,
            now=now,
        )
        return Imported(version, notes)
    if tariff.versions.filter(state=TariffState.DRAFT).exists():
        raise DomainError(
            "billing.tariff_has_draft",
            "The tariff has a draft already: issue or discard it first.",
            field="id",
        )
    draft = tariff_draft_open(tariff_id=tariff.pk, now=now)
    version = tariff_draft_save(version_id=draft.pk, content=dumped, now=now)
    return Imported(version, notes)


def _without_taxes(tariff: TariffOf) -> TariffOf:
    """2.2.1 has no word for "not applicable"; a price without a rate says the same."""
    elements = tuple(
        replace(
            element,
            price_components=tuple(replace(one, vat=None) for one in element.price_components),
        )
        for element in tariff.elements
    )
    return replace(tariff, tax_included=TaxIncluded.NO, elements=elements)


def _first_text(details: Mapping[str, object]) -> str:
    texts = details.get("tariff_alt_text")
    first = texts[0] if isinstance(texts, list) and texts else None
    return str(first.get("text", ""))[:100] if isinstance(first, Mapping) else ""
