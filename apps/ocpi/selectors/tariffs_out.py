"""Our tariffs as partners see them (2.2.1 §11.3): those that hold for anybody at some place."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apps.billing.choices import AssignmentScope
from apps.billing.models import Tariff, TariffAssignment, TariffVersion
from apps.billing.selectors.tariff_contents import tariff_content
from apps.billing.selectors.tariffs import in_force, issued_versions
from apps.ocpi import wire
from apps.ocpi.choices import OcpiVersion
from apps.ocpi.models import Party
from apps.ocpi.objects.errors import WireError
from apps.tenants.context import current_operator
from cariflex.common.exact_json import exact_dumps
from cariflex.common.time import format_rfc3339

# Prices of a market are told for the day and the next, by when they are known.
TOLD_AHEAD = timedelta(days=2)
_AGREED = (AssignmentScope.TOKEN_GROUP, AssignmentScope.ACCOUNT)


@dataclass(frozen=True, slots=True)
class TariffNow:
    """A tariff as partners may use it; `content` (2.3.0) is None when it holds no more.

    `problem`: what the standard has against it.
    """

    tariff_id: int
    object_id: str
    content: dict[str, Any] | None = None
    problem: WireError | None = None


def tariffs_now(
    *, party: Party, now: datetime, tariff_ids: Collection[int] | None = None
) -> list[TariffNow]:
    """The tariffs asked for, or all, as of now; three queries, and one for each market tariff.

    What was agreed with one customer or partner is no business of the others: a tariff that is
    only assigned to accounts or token groups is not told.
    """
    tariffs = Tariff.objects.order_by("pk")
    if tariff_ids is not None:
        tariffs = tariffs.filter(pk__in=tariff_ids)
    rows = list(tariffs)
    keys = [tariff.pk for tariff in rows]
    open_to_all = set(
        TariffAssignment.objects.filter(tariff_id__in=keys)
        .exclude(scope__in=_AGREED)
        .exclude(valid_until__lte=now)
        .values_list("tariff_id", flat=True)
    )
    versions: dict[int, list[TariffVersion]] = {}
    for version in issued_versions(keys):
        versions.setdefault(version.tariff_id, []).append(version)
    found = []
    for tariff in rows:
        content = problem = None
        if tariff.pk in open_to_all and not tariff.is_archived:
            try:
                content = _content(tariff, versions.get(tariff.pk, ()), party, now)
            except WireError as err:
                problem = err
        found.append(TariffNow(tariff.pk, tariff.code, content, problem))
    return found


def _content(
    tariff: Tariff, versions: Iterable[TariffVersion], party: Party, now: datetime
) -> dict[str, Any] | None:
    """The version in force, else the next one (§11.3.1: start_date_time may lie ahead)."""
    ordered = list(versions)
    coming = [one for one in ordered if one.valid_from is not None and one.valid_from > now]
    version = in_force(ordered, now) or (coming[-1] if coming else None)
    if version is None:
        return None
    content = _sealed(version, now)
    content |= {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": tariff.code,
        "type": tariff.type,
        "last_updated": format_rfc3339(now),
    }
    for name, at in (
        ("start_date_time", version.valid_from),
        ("end_date_time", version.valid_until),
    ):
        content.pop(name, None)
        if at is not None:
            content[name] = format_rfc3339(at)
    struct = wire.decode(OcpiVersion.V2_2_1, "Tariff", exact_dumps(content))
    return wire.inside_dict(wire.to_inside(OcpiVersion.V2_2_1, struct))


def _sealed(version: TariffVersion, now: datetime) -> dict[str, Any]:
    """The version's content from the beginning of the local day: it changes when prices do."""
    zone = current_operator().time_zone
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return tariff_content(version, start=midnight, end=now + TOLD_AHEAD, time_zone=zone)
