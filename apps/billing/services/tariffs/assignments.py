"""Where and for whom tariffs apply."""

from datetime import datetime

from django.db import IntegrityError, models, transaction

from apps.assets.models import Site
from apps.billing.choices import AssignmentScope
from apps.billing.models import BillingAccount, TariffAssignment
from apps.billing.services.tariffs.versions import CLOCK_TOLERANCE, span_checked, tariff_locked
from apps.chargers.models import ChargingStation, Connector, Evse, TokenGroup
from cariflex.common.errors import DomainError

TARGET_MODELS: dict[str, type[models.Model]] = {
    AssignmentScope.CONNECTOR: Connector,
    AssignmentScope.EVSE: Evse,
    AssignmentScope.STATION: ChargingStation,
    AssignmentScope.SITE: Site,
    AssignmentScope.TOKEN_GROUP: TokenGroup,
    AssignmentScope.ACCOUNT: BillingAccount,
}


@transaction.atomic
def tariff_assign(
    *,
    tariff_id: int,
    scope: str,
    now: datetime,
    target_id: int | None = None,
    is_ad_hoc: bool = False,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    by: str = "",
    is_backdated: bool = False,
) -> TariffAssignment:
    """Let a tariff apply somewhere, or to somebody, from an instant on (now when None).

    The same again changes nothing. A past start needs `is_backdated`. DomainError:
    billing.tariff_unknown, billing.tariff_archived, billing.assignment_scope,
    billing.assignment_target, billing.assignment_ad_hoc, billing.assignment_starts_in_past,
    billing.assignment_ends_before_start, billing.assignment_exists.
    """
    tariff = tariff_locked(tariff_id)
    if tariff.is_archived:
        raise DomainError("billing.tariff_archived", "The tariff is archived.")
    _check_target(scope, target_id, is_ad_hoc=is_ad_hoc)
    start, valid_until = span_checked(valid_from, valid_until, now=now)
    if start < now - CLOCK_TOLERANCE and not is_backdated:
        raise DomainError(
            "billing.assignment_starts_in_past",
            "The start lies in the past: sessions have begun since.",
            field="valid_from",
        )
    if valid_until is not None and valid_until <= start:
        raise DomainError(
            "billing.assignment_ends_before_start",
            "The end is not after the start.",
            field="valid_until",
        )
    target = {} if target_id is None else {f"{scope}_id": target_id}
    there = TariffAssignment.objects.filter(
        scope=scope, is_ad_hoc=is_ad_hoc, valid_from=start, **target
    ).first()
    if there is not None and (there.tariff_id, there.valid_until) == (tariff.pk, valid_until):
        return there
    try:
        with transaction.atomic():
            return TariffAssignment.objects.create(
                tariff=tariff,
                scope=scope,
                is_ad_hoc=is_ad_hoc,
                valid_from=start,
                valid_until=valid_until,
                created_by=by[:150],
                **target,
            )
    except IntegrityError as err:
        raise DomainError(
            "billing.assignment_exists",
            "Another tariff applies there from the same instant on.",
            field="valid_from",
        ) from err


@transaction.atomic
def tariff_assignment_end(
    *, assignment_id: int, now: datetime, at: datetime | None = None
) -> TariffAssignment | None:
    """Let an assignment apply no more from an instant on (now when None), never in the past.

    One that has not begun by then is forgotten: None.
    """
    assignment = TariffAssignment.objects.select_for_update().filter(pk=assignment_id).first()
    if assignment is None:
        raise DomainError("billing.assignment_unknown", "There is no such assignment.")
    end = max(span_checked(at, None, now=now)[0], now)
    if assignment.valid_until is not None and assignment.valid_until <= end:
        return assignment
    if assignment.valid_from >= end:
        assignment.delete()
        return None
    assignment.valid_until = end
    assignment.save(update_fields=["valid_until"])
    return assignment


def _check_target(scope: str, target_id: int | None, *, is_ad_hoc: bool) -> None:
    if scope not in AssignmentScope.values:
        raise DomainError("billing.assignment_scope", "There is no such scope.", field="scope")
    if scope == AssignmentScope.OPERATOR:
        if target_id is not None:
            raise DomainError(
                "billing.assignment_target", "The whole operator has no target.", field="target"
            )
        return
    model = TARGET_MODELS[scope]
    if target_id is None or not model._default_manager.filter(pk=target_id).exists():
        raise DomainError("billing.assignment_target", "There is no such target.", field="target")
    if is_ad_hoc and scope in (AssignmentScope.TOKEN_GROUP, AssignmentScope.ACCOUNT):
        raise DomainError(
            "billing.assignment_ad_hoc",
            "Who pays at the station has no contract: choose a place.",
            field="is_ad_hoc",
        )
