"""Tariffs, their versions and assignments, as pages and the API show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from apps.billing.choices import TariffState
from apps.billing.models import Tariff, TariffAssignment, TariffVersion
from apps.billing.models.tariffs import TARGETS
from apps.billing.rating import Version, tariff_dump, tariff_parse
from apps.billing.selectors.tariff_contents import tariff_content
from apps.billing.selectors.tariffs import in_force
from apps.tenants.context import current_operator
from cariflex.common.api.pages import Page, page_of
from cariflex.common.time import format_rfc3339

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class TariffRow:
    """A tariff with the version in force, the one that follows, and its draft."""

    tariff: Tariff
    current: TariffVersion | None
    following: TariffVersion | None
    draft: TariffVersion | None
    assignment_count: int


@dataclass(frozen=True, slots=True)
class TariffsPage:
    """A page of tariffs by name."""

    rows: tuple[TariffRow, ...]
    page: int
    page_count: int


def tariff_rows(*, search: str = "", is_archived: bool | None = False) -> QuerySet[Tariff]:
    """Tariffs by name; `search` looks in name and id, `is_archived` None gives both."""
    tariffs = Tariff.objects.order_by("name", "pk")
    if is_archived is not None:
        tariffs = tariffs.filter(is_archived=is_archived)
    if search:
        tariffs = tariffs.filter(Q(name__icontains=search) | Q(code__icontains=search))
    return tariffs


def tariffs_page(
    *, now: datetime, search: str = "", is_archived: bool | None = False, page: int = 1
) -> TariffsPage:
    """A page of tariffs with their versions; three queries."""
    tariffs = tariff_rows(search=search, is_archived=is_archived)
    total = tariffs.count()
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), page_count)
    shown = with_versions(tariffs, now=now)[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return TariffsPage(tuple(row_of(one, now=now) for one in shown), page, page_count)


def tariffs_after(
    *, limit: int, after: int | None, search: str = "", is_archived: bool | None = None
) -> Page[Tariff]:
    """Tariffs by key, for the API."""
    tariffs = tariff_rows(search=search, is_archived=is_archived).order_by("pk")
    if after is not None:
        tariffs = tariffs.filter(pk__gt=after)
    return page_of(list(tariffs[: limit + 1]), limit, lambda row: row.pk)


def versions_after(*, tariff_id: int, limit: int, after: int | None) -> Page[TariffVersion]:
    """A tariff's versions, newest first, for the API; `after` is a number of a version."""
    versions = versions_of(tariff_id)
    if after is not None:
        versions = versions.filter(number__lt=after)
    return page_of(list(versions[: limit + 1]), limit, lambda row: row.number)


def assignments_after(
    *, limit: int, after: int | None, tariff_id: int | None = None
) -> Page[TariffAssignment]:
    """Assignments, newest row first, for the API."""
    assignments = assignments_of(tariff_id)
    if after is not None:
        assignments = assignments.filter(pk__lt=after)
    return page_of(list(assignments.order_by("-pk")[: limit + 1]), limit, lambda row: row.pk)


def with_versions(tariffs: QuerySet[Tariff], *, now: datetime) -> QuerySet[Tariff]:
    """The tariffs with their versions and the number of assignments that are not over."""
    versions = TariffVersion.objects.select_related("tariff", "formula__series").order_by(
        "-valid_from", "-number"
    )
    live = ~Q(assignments__valid_until__lte=now) & Q(assignments__isnull=False)
    return tariffs.annotate(
        assignment_count=Count("assignments", filter=live, distinct=True)
    ).prefetch_related(Prefetch("versions", queryset=versions, to_attr="versions_read"))


def row_of(tariff: Tariff, *, now: datetime) -> TariffRow:
    """The row of a tariff from `with_versions`."""
    versions: list[TariffVersion] = getattr(tariff, "versions_read", [])
    issued = [one for one in versions if one.state == TariffState.ISSUED]
    later = [one for one in issued if one.valid_from is not None and one.valid_from > now]
    return TariffRow(
        tariff=tariff,
        current=in_force(issued, now),
        following=later[-1] if later else None,
        draft=next((one for one in versions if one.state == TariffState.DRAFT), None),
        assignment_count=getattr(tariff, "assignment_count", 0),
    )


def tariff_row(tariff_id: int, *, now: datetime) -> TariffRow | None:
    """One tariff with its versions; None when there is none such."""
    found = with_versions(Tariff.objects.filter(pk=tariff_id), now=now).first()
    return None if found is None else row_of(found, now=now)


def versions_of(tariff_id: int) -> QuerySet[TariffVersion]:
    """All versions of a tariff, newest first."""
    return (
        TariffVersion.objects.filter(tariff_id=tariff_id)
        .select_related("tariff", "formula__series")
        .order_by("-number")
    )


def version_of(tariff_id: int, number: int | None = None) -> TariffVersion | None:
    """One version of a tariff; the newest when no number is given."""
    versions = versions_of(tariff_id)
    if number is not None:
        versions = versions.filter(number=number)
    return versions.first()


def assignments_of(tariff_id: int | None = None) -> QuerySet[TariffAssignment]:
    """Assignments with what they point at, newest start first."""
    assignments = TariffAssignment.objects.select_related(
        "tariff", *TARGETS, "connector__evse__station", "evse__station"
    ).order_by("-valid_from", "-pk")
    return assignments if tariff_id is None else assignments.filter(tariff_id=tariff_id)


def tariff_exported(
    version: TariffVersion, *, ocpi: Version, start: datetime, end: datetime
) -> dict[str, Any]:
    """The version as a partner gets it: OCPI of that version, with party, times and prices.

    RatingProblem when that OCPI version cannot say it.
    """
    operator = current_operator()
    content = tariff_content(version, start=start, end=end, time_zone=str(operator.time_zone))
    content.setdefault("country_code", operator.country_code)
    content.setdefault("party_id", operator.party_id)
    if ocpi != "2.1.1":
        for name, at in (
            ("start_date_time", version.valid_from), ("end_date_time", version.valid_until),
        ):  # fmt: skip
            if at is not None:
                content[name] = format_rfc3339(at)
    content["last_updated"] = format_rfc3339(version.issued_at or version.updated_at)
    parsed, _notes = tariff_parse(content, "2.2.1")
    return dict(tariff_dump(parsed, ocpi))


def target_name(assignment: TariffAssignment) -> str:
    """What an assignment points at, in a few words; "" for the whole operator."""
    if assignment.connector is not None:
        evse = assignment.connector.evse
        return f"{evse.station.station_id}/{evse.evse_id}/{assignment.connector.connector_id}"
    if assignment.evse is not None:
        return f"{assignment.evse.station.station_id}/{assignment.evse.evse_id}"
    if assignment.station is not None:
        return " ".join(filter(None, (assignment.station.station_id, assignment.station.name)))
    return "" if assignment.target is None else str(assignment.target)
