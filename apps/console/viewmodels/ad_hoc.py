"""The pages of people without a contract: an EVSE with its price, and a stay (AFIR art. 5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.billing.selectors import CdrRow, cdr_of_session
from apps.chargers.choices import AdHocEnd, AdHocState
from apps.chargers.ports import PriceTold
from apps.chargers.selectors.ad_hoc import (
    EvseOffer,
    Stay,
    ad_hoc_stay,
    evse_offer,
    stickers_page,
)
from apps.console.states import StateWord
from cariflex.common.qr import qr_matrix, qr_path, qr_size

EVSE_STATES: dict[str, StateWord] = {
    "free": StateWord(_("Free"), "ok", "check"),
    "plugged": StateWord(_("Free, a car is plugged in"), "ok", "car"),
    "busy": StateWord(_("In use"), "info", "car"),
    "reserved": StateWord(_("Reserved"), "info", "clock"),
    "unavailable": StateWord(_("Out of service"), "warn", "pause"),
    "faulted": StateWord(_("Fault"), "bad", "alert"),
    "offline": StateWord(_("Not connected"), "bad", "unlink"),
}
STEPS: dict[str, StateWord] = {
    "paying": StateWord(_("Waiting for your payment"), "info", "clock"),
    "starting": StateWord(_("Starting"), "info", "play"),
    "charging": StateWord(pgettext_lazy("session", "Charging"), "charging", "sessions"),
    "stopping": StateWord(_("Stopping"), "info", "pause"),
    "ended": StateWord(_("Charging has ended"), "mute", "check"),
    "settling": StateWord(_("Payment on its way"), "info", "clock"),
    "paid": StateWord(_("Paid"), "ok", "check"),
    "refunding": StateWord(_("Refund on its way"), "info", "clock"),
    "refunded": StateWord(_("Given back"), "ok", "check"),
    "released": StateWord(_("Nothing was taken"), "mute", "check"),
}
END_WORDS: dict[str, str | Promise] = {
    AdHocEnd.REFUSED: _("The payment was refused. You can try again with another card."),
    AdHocEnd.EXPIRED: _("The payment was not made in time. You can start again."),
    AdHocEnd.PROVIDER: _("The payment service does not answer. Please try again later."),
    AdHocEnd.BUSY: _("Somebody else started at this place first."),
    AdHocEnd.STATION: _("The station did not start. Please try again, or use another place."),
    AdHocEnd.NO_CAR: _("No car was plugged in within ten minutes."),
    AdHocEnd.CANCELLED: _("You cancelled before charging began."),
    AdHocEnd.NO_ENERGY: _("There is nothing to pay for this session."),
}
# In these nothing changes any more: the page stops asking.
FINAL_STEPS = frozenset({"paid", "refunded", "released"})


# ConnectorEnumType, as it is written at stations; another one is shown as the station tells it.
CONNECTORS: dict[str, str | Promise] = {
    "cCCS1": "CCS Combo 1",
    "cCCS2": "CCS Combo 2",
    "cG105": "CHAdeMO",
    "cTesla": "Tesla",
    "cType1": "Type 1",
    "cType2": "Type 2",
    "sType2": _("Type 2, bring your cable"),
    "sType3": _("Type 3, bring your cable"),
}


@dataclass(frozen=True, slots=True)
class EvsePage:
    """An EVSE, its price and whether one can start."""

    offer: EvseOffer
    connectors: tuple[str | Promise, ...]
    state: StateWord
    can_start: bool


@dataclass(frozen=True, slots=True)
class StayPage:
    """A stay at the step where it is; the receipt's figures are those of the CDR."""

    stay: Stay
    step: str
    word: StateWord
    end_words: str | Promise
    cdr: CdrRow | None
    duration: timedelta | None
    cost: Decimal | None
    price: PriceTold | None
    is_final: bool
    can_stop: bool
    can_cancel: bool
    evse_url: str


@dataclass(frozen=True, slots=True)
class StickerView:
    """One sticker: where its code leads, and the code as an SVG path."""

    station_id: str
    station_name: str
    commune: str
    evse_id: int
    address: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class StickersView:
    """A page of stickers."""

    rows: tuple[StickerView, ...]
    page: int
    pages: int
    search: str


def evse_page(*, station_id: str, evse_id: int, now: datetime) -> EvsePage | None:
    """The page behind the code on a station; None when there is no such EVSE."""
    offer = evse_offer(station_id=station_id, evse_id=evse_id, now=now)
    if offer is None:
        return None
    state = "plugged" if offer.state == "free" and offer.is_plugged else offer.state
    return EvsePage(
        offer,
        tuple(CONNECTORS.get(one, one) for one in offer.connectors),
        EVSE_STATES[state],
        offer.can_pay and offer.state == "free",
    )


def stay_page(*, key: str, now: datetime) -> StayPage | None:
    """The page of one stay; None when nobody has that key."""
    stay = ad_hoc_stay(key=key)
    if stay is None:
        return None
    charge, session = stay.charge, stay.session
    step = _step(stay)
    cdr = cdr_of_session(session_id=session.pk) if session else None
    cost = cdr.total_incl_vat if cdr else (stay.cost.amount if stay.cost else None)
    evse = charge.evse
    return StayPage(
        stay=stay,
        step=step,
        word=STEPS[step],
        end_words=END_WORDS.get(charge.end_reason, ""),
        cdr=cdr,
        duration=((session.ended_at or now) - session.started_at) if session else None,
        cost=cost,
        price=stay.price,
        is_final=step in FINAL_STEPS,
        can_stop=step in ("charging", "stopping"),
        can_cancel=step in ("paying", "starting"),
        evse_url=reverse("console:ad-hoc-evse", args=[evse.station.station_id, evse.evse_id]),
    )


def _step(stay: Stay) -> str:
    charge, session = stay.charge, stay.session
    if charge.state == AdHocState.PAID and charge.refunded_amount:
        return "refunding"
    if not charge.is_open or session is None:
        return str(charge.state)
    if session.ended_at is not None:
        return "ended"
    return "charging" if charge.stop_asked_at is None else "stopping"


def stickers_view(*, page: int, search: str, base_url: str) -> StickersView:
    """A page of stickers; `base_url` is the operator's own address, without a slash."""
    found = stickers_page(page=page, search=search)
    return StickersView(
        tuple(
            _sticker(row.station_id, row.station_name, row.commune, row.evse_id, base_url)
            for row in found.rows
        ),
        found.page,
        found.pages,
        search,
    )


def _sticker(station_id: str, name: str, commune: str, evse_id: int, base_url: str) -> StickerView:
    address = base_url + reverse("console:ad-hoc-evse", args=[station_id, evse_id])
    matrix = qr_matrix(address)
    return StickerView(
        station_id, name, commune, evse_id, address, qr_path(matrix), qr_size(matrix)
    )
