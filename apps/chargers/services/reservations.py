"""Places kept for somebody: asked of the station, used, given back, or over (block H)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.chargers.choices import CommandStatus, ReservationStatus, TokenType
from apps.chargers.events import StationChanged
from apps.chargers.models import ChargingStation, Command, IdToken, Reservation, Session
from apps.chargers.services import command_answers
from apps.chargers.services.intents import order_send
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import format_rfc3339, parse_rfc3339, utc_now

RESERVE, CANCEL = "ReserveNow", "CancelReservation"
OPEN = (ReservationStatus.REQUESTED, ReservationStatus.ACCEPTED)
# The station says itself that a reservation is over; its clock and ours may differ.
EXPIRY_TOLERANCE = timedelta(minutes=1)
# ReservationUpdateStatusEnumType; 2.1 has NoTransaction: the token came and no session followed.
_TOLD = {"Expired": ReservationStatus.EXPIRED, "NoTransaction": ReservationStatus.EXPIRED}


@transaction.atomic
def reservation_make(
    *,
    station_id: str,
    id_token: str,
    expires_at: datetime,
    now: datetime,
    token_type: str = TokenType.CENTRAL,
    evse_id: int | None = None,
    connector_type: str = "",
    requested_by_id: int | None = None,
) -> Reservation:
    """Ask a station to keep an EVSE (any, when none is named) for a token from now on (H01).

    DomainError: `chargers.station_unknown`, `reservation.evse_unknown`,
    `reservation.expiry_invalid`, `reservation.overlaps`, and those of `order_send`.
    """
    # Locked: two who reserve at once are served one after the other.
    station = ChargingStation.objects.select_for_update().filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    if expires_at <= now:
        raise DomainError(
            "reservation.expiry_invalid", "A reservation ends in the future.", field="expires_at"
        )
    _free_check(station, evse_id, now)
    reservation = Reservation.objects.create(
        station=station,
        evse_number=evse_id,
        connector_type=connector_type,
        id_token=id_token,
        id_token_type=token_type,
        group_id_token=_group_of(id_token),
        starts_at=now,
        expires_at=expires_at,
        requested_by_id=requested_by_id,
        requested_at=now,
    )
    (reservation.command,) = order_send(
        station_id=station_id,
        action=RESERVE,
        payload=_request(reservation),
        requested_by_id=requested_by_id,
    )
    if reservation.command.status == CommandStatus.FAILED:
        reservation.status, reservation.ended_at = ReservationStatus.REFUSED, now
    reservation.save(update_fields=["command", "status", "ended_at"])
    return reservation


@transaction.atomic
def reservation_change(
    *,
    reservation_id: int,
    id_token: str,
    expires_at: datetime,
    now: datetime,
    token_type: str = TokenType.CENTRAL,
    evse_id: int | None = None,
    requested_by_id: int | None = None,
) -> Command:
    """Ask the station to keep the place otherwise under the same number (H01.FR.02).

    What was reserved holds until the station accepts the change, and when it refuses. DomainError:
    `reservation.not_open` and those of `reservation_make`.
    """
    reservation = (
        Reservation.objects.select_related("station")
        .filter(pk=reservation_id, status__in=OPEN)
        .first()
    )
    if reservation is None:
        raise DomainError("reservation.not_open", "The reservation is not open.")
    if expires_at <= max(now, reservation.starts_at):
        raise DomainError(
            "reservation.expiry_invalid", "A reservation ends in the future.", field="expires_at"
        )
    station = ChargingStation.objects.select_for_update().get(pk=reservation.station_id)
    _free_check(station, evse_id, now, but=reservation.pk)
    reservation.id_token, reservation.id_token_type = id_token, token_type
    reservation.evse_number, reservation.expires_at = evse_id, expires_at
    reservation.group_id_token = _group_of(id_token)
    (command,) = order_send(
        station_id=station.station_id,
        action=RESERVE,
        payload=_request(reservation),
        requested_by_id=requested_by_id,
    )
    return command


def _free_check(
    station: ChargingStation, evse_id: int | None, now: datetime, *, but: int = 0
) -> None:
    """One reservation for an EVSE at a time, and not more of them than a station has EVSEs."""
    evses = set(station.evses.values_list("evse_id", flat=True))
    if evse_id is not None and evses and evse_id not in evses:
        raise DomainError(
            "reservation.evse_unknown", f"The station has no EVSE {evse_id}.", field="evse_id"
        )
    kept = list(
        Reservation.objects.filter(station=station, status__in=OPEN, expires_at__gt=now)
        .exclude(pk=but)
        .values_list("evse_number", flat=True)
    )
    if (evse_id is not None and evse_id in kept) or len(kept) >= max(len(evses), 1):
        raise DomainError("reservation.overlaps", "This place is reserved already.")


def _group_of(id_token: str) -> str:
    groups = IdToken.objects.filter(id_token__iexact=id_token, group__isnull=False)
    return groups.values_list("group__group_id", flat=True).first() or ""


def _request(reservation: Reservation) -> dict[str, Any]:
    """ReserveNowRequest."""
    payload: dict[str, Any] = {
        "id": reservation.pk,
        "expiryDateTime": format_rfc3339(reservation.expires_at),
        "idToken": {"idToken": reservation.id_token, "type": reservation.id_token_type},
    }
    if reservation.evse_number is not None:
        payload["evseId"] = reservation.evse_number
    if reservation.connector_type:
        payload["connectorType"] = reservation.connector_type
    if reservation.group_id_token:
        payload["groupIdToken"] = {
            "idToken": reservation.group_id_token,
            "type": TokenType.CENTRAL.value,
        }
    return payload


def reservation_cancel(*, reservation_id: int, requested_by_id: int | None = None) -> Command:
    """Ask the station to give a place back (H02); it is cancelled when the station says so.

    DomainError `reservation.not_open` when the reservation has ended.
    """
    reservation = (
        Reservation.objects.select_related("station")
        .filter(pk=reservation_id, status__in=OPEN)
        .first()
    )
    if reservation is None:
        raise DomainError("reservation.not_open", "The reservation is not open.")
    (command,) = order_send(
        station_id=reservation.station.station_id,
        action=CANCEL,
        payload={"reservationId": reservation.pk},
        requested_by_id=requested_by_id,
    )
    return command


@transaction.atomic
def reservation_told(*, station_pk: int, reservation_id: int, status: str, now: datetime) -> bool:
    """ReservationStatusUpdate (H04): over, or removed; False for none that is open there."""
    reservation = _locked(station_pk, Q(pk=reservation_id, status__in=OPEN))
    if reservation is None:
        return False
    _end(reservation, _TOLD.get(status, ReservationStatus.REMOVED), now)
    return True


@transaction.atomic
def reservations_expire(*, now: datetime) -> int:
    """End the open reservations whose time is over; how many."""
    over = (
        Reservation.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("station")
        .filter(status__in=OPEN, expires_at__lte=now - EXPIRY_TOLERANCE)
        .order_by("pk")
    )
    ended = 0
    for reservation in over:
        _end(reservation, ReservationStatus.EXPIRED, now)
        ended += 1
    return ended


def reservations_use(began: Sequence[tuple[Session, int | None]], *, now: datetime) -> None:
    """Tie sessions to what was reserved for them (H03); with the number that the station said.

    Without a number: the reservation of the token, or of its group, for that EVSE or for any. The
    sessions are locked. One whose number is told late is used even when it counted as over.
    """
    if not began:
        return
    numbers = [number for _session, number in began if number is not None]
    reservations = list(
        Reservation.objects.select_for_update(of=("self",))
        .select_related("station")
        .filter(
            Q(status__in=OPEN)
            | Q(
                pk__in=numbers,
                status__in=(
                    ReservationStatus.REFUSED,
                    ReservationStatus.EXPIRED,
                    ReservationStatus.REMOVED,
                ),
            ),
            station_id__in={session.station_id for session, _number in began},
        )
        .order_by("pk")
    )
    for session, number in began:
        reservation = _meant(session, number, reservations)
        if reservation is not None:
            reservations.remove(reservation)
            reservation.session = session
            _end(reservation, ReservationStatus.USED, now)


def _meant(
    session: Session, number: int | None, reservations: Iterable[Reservation]
) -> Reservation | None:
    here = [one for one in reservations if one.station_id == session.station_id]
    if number is not None:
        return next((one for one in here if one.pk == number), None)
    evse_id = session.evse.evse_id if session.evse else None
    here = [
        one
        for one in here
        if one.status in OPEN
        and one.expires_at > session.started_at
        and one.evse_number in (None, evse_id)
    ]
    if not here or not session.id_token:
        return None
    # A place that was named comes before any place.
    here.sort(key=lambda one: (one.evse_number is None, one.pk))
    token = session.id_token.upper()
    own = next((one for one in here if one.id_token.upper() == token), None)
    if own is not None or not any(one.group_id_token for one in here):
        return own
    group_id = _group_of(session.id_token)
    return next((one for one in here if group_id and one.group_id_token == group_id), None)


def _locked(station_pk: int, which: Q) -> Reservation | None:
    return (
        Reservation.objects.select_for_update(of=("self",))
        .select_related("station")
        .filter(which, station_id=station_pk)
        .first()
    )


def _end(reservation: Reservation, status: ReservationStatus, now: datetime) -> None:
    reservation.status, reservation.ended_at = status, now
    reservation.save(update_fields=["status", "ended_at", "session"])
    publish(StationChanged(current_schema(), reservation.station.station_id))


# --- what stations answer ---


def _reserve_answered(command: Command, answer: dict[str, Any]) -> None:
    """Any status but Accepted refuses; which one it was stays in the order's answer."""
    reservation = _locked(
        command.station_id, Q(command=command, status=ReservationStatus.REQUESTED)
    )
    if reservation is None:
        if answer.get("status") == "Accepted":
            _change_accepted(command)
        return
    if answer.get("status") == "Accepted":
        reservation.status = ReservationStatus.ACCEPTED
        reservation.save(update_fields=["status"])
        publish(StationChanged(current_schema(), reservation.station.station_id))
    else:
        _end(reservation, ReservationStatus.REFUSED, utc_now())


def _change_accepted(command: Command) -> None:
    """Write down what the station keeps from now on; the request tells, in 1.6 under its names."""
    asked = command.payload
    number = asked.get("id", asked.get("reservationId"))
    reservation = _locked(command.station_id, Q(pk=number, status__in=OPEN))
    if reservation is None or reservation.command_id == command.pk:
        return
    token = asked.get("idToken") or {"idToken": asked["idTag"]}
    reservation.id_token = token["idToken"]
    reservation.id_token_type = token.get("type", reservation.id_token_type)
    group = asked.get("groupIdToken")
    reservation.group_id_token = group["idToken"] if group else asked.get("parentIdTag", "")
    reservation.evse_number = asked.get("evseId", asked.get("connectorId")) or None
    reservation.expires_at = parse_rfc3339(asked.get("expiryDateTime") or asked["expiryDate"])
    reservation.command = command
    reservation.save()
    publish(StationChanged(current_schema(), reservation.station.station_id))


def _reserve_failed(command: Command) -> None:
    reservation = _locked(
        command.station_id, Q(command=command, status=ReservationStatus.REQUESTED)
    )
    if reservation is not None:
        _end(reservation, ReservationStatus.REFUSED, utc_now())


def _cancel_answered(command: Command, answer: dict[str, Any]) -> None:
    """Rejected means that the station keeps no such reservation (H02.FR.01)."""
    number = command.payload["reservationId"]
    reservation = _locked(command.station_id, Q(pk=number, status__in=OPEN))
    if reservation is not None:
        is_cancelled = answer.get("status") == "Accepted"
        _end(
            reservation,
            ReservationStatus.CANCELLED if is_cancelled else ReservationStatus.REMOVED,
            utc_now(),
        )


command_answers.register(RESERVE, _reserve_answered, failed=_reserve_failed)
command_answers.register(CANCEL, _cancel_answered)
