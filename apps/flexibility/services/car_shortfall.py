"""What a car will lack when it leaves: kept with its goal, and told to the driver once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.assets.models import Site
from apps.chargers.choices import DisplayStatus
from apps.chargers.models import AdHocCharge, DeviceVariable, DisplayMessage, Session
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.display_messages import display_message_set
from apps.flexibility.cars.goals import departure_note
from apps.flexibility.cars.shortfall import Shortfall, shortfall
from apps.flexibility.models import CarGoal
from apps.flexibility.selectors.cars import soc_now
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

# A change of more than this is worth a word to the driver.
WORTH_TELLING_KWH: Final = 1.0
REASON: Final = "shortfall"
_CONTROLLER: Final = "DisplayMessageCtrlr"
_VERSIONS: Final = (OcppVersion.V201, OcppVersion.V21)


@dataclass(frozen=True, slots=True)
class PlannedEnd:
    """What the plan that a car follows has at its departure."""

    soc_percent: float


def shortfall_state(*, goal: CarGoal, now: datetime, planned: PlannedEnd | None) -> None:
    """Keep what a car (its goal is locked) will have and lack; tell its driver when that changed.

    The figure stated stays until it is more than 1 kWh wrong, so that nobody is told every minute.
    """
    found = _found(goal, now, planned)
    missing_kwh = 0.0 if found is None else round(found.missing_kwh, 2)
    expected = None if found is None else round(found.expected_soc_percent, 1)
    before_kwh = goal.shortfall_kwh
    is_over = missing_kwh == 0 and before_kwh > 0
    is_worth = abs(missing_kwh - before_kwh) > WORTH_TELLING_KWH
    fields: list[str] = []
    if is_worth or is_over or (before_kwh == 0 and missing_kwh > 0):
        goal.shortfall_kwh = missing_kwh
        fields.append("shortfall_kwh")
    if expected != goal.expected_soc_percent:
        goal.expected_soc_percent = expected
        fields.append("expected_soc_percent")
    if is_worth or (is_over and goal.shortfall_told_at is not None):
        goal.shortfall_told_at = now
        fields.append("shortfall_told_at")
        _tell(goal)
    if fields:
        goal.save(update_fields=fields)


def shortfall_text(goal: CarGoal, language: str) -> str:
    """What the driver reads at the station."""
    with translation.override(language):
        if goal.shortfall_kwh == 0:
            return _("Your car will reach its target by your departure.")
        return _(
            "Your car will leave with %(soc)s %% instead of %(target)s %%: %(missing)s kWh missing."
        ) % {
            "soc": number_format(round(goal.expected_soc_percent or 0.0), 0),
            "target": number_format(round(goal.target_soc_percent), 0),
            "missing": number_format(round(goal.shortfall_kwh, 1), 1),
        }


def _found(goal: CarGoal, now: datetime, planned: PlannedEnd | None) -> Shortfall | None:
    soc_percent = soc_now(goal)
    departure_at = goal.departure_at
    if departure_at is None or departure_note(departure_at, now) is not None:
        # It may leave at any moment: nothing can be promised.
        return None
    if soc_percent is None or goal.capacity_kwh is None:
        return None
    site = Site.objects.order_by("pk").only("grid_import_limit_kw").first()
    return shortfall(
        now=now,
        departure_at=departure_at,
        capacity_kwh=goal.capacity_kwh,
        soc_percent=soc_percent,
        target_soc_percent=goal.target_soc_percent,
        most_charge_kw=goal.most_charge_kw,
        site_kw=None if site is None else site.grid_import_limit_kw,
        planned_soc_percent=None if planned is None else planned.soc_percent,
    )


def _tell(goal: CarGoal) -> None:
    """On the display of a station that has one (O02), in place of what was told before."""
    session = goal.session
    station = session.station
    if not station.is_online or station.ocpp_version not in _VERSIONS or not _displays(session):
        return
    language = (
        AdHocCharge.objects.filter(session=session).values_list("language", flat=True).first()
        or settings.LANGUAGE_CODE
    )
    shown = DisplayMessage.objects.filter(
        station=station,
        transaction_id=session.transaction_id,
        command__reason=REASON,
        status__in=(DisplayStatus.REQUESTED, DisplayStatus.SHOWN),
    ).order_by("-pk")
    try:
        display_message_set(
            station_id=station.station_id,
            content=shortfall_text(goal, language),
            language=language,
            transaction_id=session.transaction_id,
            message_id=shown.values_list("message_id", flat=True).first(),
            reason=REASON,
        )
    except DomainError as err:
        logger.warning("shortfall not shown session=%s code=%s", session.pk, err.code)


def _displays(session: Session) -> bool:
    told = dict(
        DeviceVariable.objects.filter(
            station=session.station,
            component=_CONTROLLER,
            variable__in=("Enabled", "Available"),
            attribute="Actual",
        ).values_list("variable", "value")
    )
    return told.get("Enabled", told.get("Available", "")).lower() == "true"
