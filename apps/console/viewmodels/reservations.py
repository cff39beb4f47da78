"""The calendar of reservations: a week by EVSE, in the operator's local days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.utils import timezone

from apps.accounts.models import User
from apps.chargers.choices import ReservationStatus, TokenType
from apps.chargers.models import ChargingStation, Reservation, mask_token
from apps.chargers.services.reservations import OPEN
from apps.console.viewmodels.profiles import station_names

STATIONS_SHOWN = 15
OPEN_SHOWN = 50
SEARCH_MAX_LENGTH = 60
MAY_RESERVE = ("chargers.add_reservation", "chargers.add_command")
DAYS = 7
# Asked for and never kept: shown in the list of the week only when somebody wants them.
WITHOUT_PLACE = (ReservationStatus.REFUSED,)
USUAL_LENGTH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """A reservation on one day, within [start, end) of that day."""

    reservation: Reservation
    token: str
    start: datetime
    end: datetime
    first_percent: float
    """Of the day, 0-100."""
    length_percent: float
    is_begun_before: bool
    goes_on: bool


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """An EVSE over the week; EVSE None stands for any place of the station."""

    station: ChargingStation
    evse_id: int | None
    days: tuple[tuple[Slot, ...], ...]


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A reservation that is open now."""

    reservation: Reservation
    token: str
    requested_by: str


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """Everything the page shows."""

    first_day: date
    days: tuple[date, ...]
    today: date
    rows: tuple[PlaceRow, ...]
    open_lines: tuple[OpenLine, ...]
    search: str
    only_reserved: bool
    page: int
    page_count: int
    stations: tuple[tuple[str, str], ...]
    token_types: tuple[tuple[str, str], ...]
    until: str
    """What the form proposes, local: an hour from now."""
    may_reserve: bool

    @property
    def earlier_query(self) -> str:
        """The query of the week before, with the same stations."""
        return self._query(self.first_day - timedelta(days=DAYS))

    @property
    def later_query(self) -> str:
        """The query of the week after, with the same stations."""
        return self._query(self.first_day + timedelta(days=DAYS))

    @property
    def this_query(self) -> str:
        """The query of the current week, with the same stations."""
        return self._query(None)

    @property
    def previous_page_query(self) -> str:
        """The query of the stations before."""
        return self._query(self.first_day, page=self.page - 1)

    @property
    def next_page_query(self) -> str:
        """The query of the stations that follow."""
        return self._query(self.first_day, page=self.page + 1)

    def _query(self, first_day: date | None, *, page: int | None = None) -> str:
        chosen = {
            "week": first_day.isoformat() if first_day else "",
            "q": self.search,
            "only": "1" if self.only_reserved else "",
            "page": page if page is not None else (self.page if self.page > 1 else ""),
        }
        return urlencode({name: value for name, value in chosen.items() if value})


def calendar_page(
    *, day: date | None, search: str, only_reserved: bool, page: int, user: User, now: datetime
) -> CalendarPage:
    """The week that holds a day (today), for a page of stations; six queries."""
    today = timezone.localtime(now).date()
    first_day = (day or today) - timedelta(days=(day or today).weekday())
    days = tuple(first_day + timedelta(days=n) for n in range(DAYS))
    start, end = _midnight(first_day), _midnight(first_day + timedelta(days=DAYS))
    touching = Q(reservations__starts_at__lt=end, reservations__expires_at__gt=start)
    stations = ChargingStation.objects.order_by("station_id")
    if search:
        stations = stations.filter(
            Q(station_id__icontains=search)
            | Q(name__icontains=search)
            | Q(commune__icontains=search)
        )
    if only_reserved:
        stations = stations.annotate(kept=Count("reservations", filter=touching)).filter(kept__gt=0)
    pages = max(1, -(-stations.count() // STATIONS_SHOWN))
    page = min(max(1, page), pages)
    shown = list(
        stations[(page - 1) * STATIONS_SHOWN : page * STATIONS_SHOWN].prefetch_related("evses")
    )
    found = (
        Reservation.objects.filter(station__in=shown, starts_at__lt=end, expires_at__gt=start)
        .exclude(status__in=WITHOUT_PLACE)
        .select_related("requested_by")
        .order_by("starts_at", "pk")
    )
    by_place: dict[tuple[int, int | None], list[Reservation]] = {}
    for reservation in found:
        by_place.setdefault((reservation.station_id, reservation.evse_number), []).append(
            reservation
        )
    return CalendarPage(
        first_day=first_day,
        days=days,
        today=today,
        rows=_rows(shown, by_place, days),
        open_lines=_open_lines(),
        search=search,
        only_reserved=only_reserved,
        page=page,
        page_count=pages,
        stations=station_names(),
        token_types=tuple((value, str(label)) for value, label in TokenType.choices),
        until=timezone.localtime(now + USUAL_LENGTH).strftime("%Y-%m-%dT%H:%M"),
        may_reserve=user.has_perms(MAY_RESERVE),
    )


def day_slots(reservations: Sequence[Reservation], day: date) -> tuple[Slot, ...]:
    """The part of each reservation that lies on a local day."""
    start, end = _midnight(day), _midnight(day + timedelta(days=1))
    length_s = (end - start).total_seconds()
    slots = []
    for one in reservations:
        over = min(one.expires_at, one.ended_at) if one.ended_at else one.expires_at
        # Used or given back at once: it still shows where it began.
        first, last = max(one.starts_at, start), min(max(over, one.starts_at), end)
        is_on_day = first < last or (start <= one.starts_at < end)
        if not is_on_day:
            continue
        slots.append(
            Slot(
                reservation=one,
                token=mask_token(one.id_token),
                start=first,
                end=last,
                first_percent=100 * (first - start).total_seconds() / length_s,
                length_percent=max(1.5, 100 * (last - first).total_seconds() / length_s),
                is_begun_before=one.starts_at < start,
                goes_on=over > end,
            )
        )
    return tuple(slots)


def _rows(
    stations: Sequence[ChargingStation],
    by_place: Mapping[tuple[int, int | None], list[Reservation]],
    days: Sequence[date],
) -> tuple[PlaceRow, ...]:
    rows = []
    for station in stations:
        places: list[int | None] = sorted(evse.evse_id for evse in station.evses.all())  # type: ignore[assignment]
        known = {evse_id for pk, evse_id in by_place if pk == station.pk}
        places += sorted(one for one in known - set(places) if one is not None)
        if None in known or not places:
            places.append(None)
        rows += [
            PlaceRow(
                station=station,
                evse_id=place,
                days=tuple(day_slots(by_place.get((station.pk, place), ()), day) for day in days),
            )
            for place in places
        ]
    return tuple(rows)


def _open_lines() -> tuple[OpenLine, ...]:
    """What is open now, the one that ends first before the others."""
    reservations = (
        Reservation.objects.filter(status__in=OPEN)
        .select_related("station", "requested_by")
        .order_by("expires_at", "pk")[:OPEN_SHOWN]
    )
    lines = []
    for reservation in reservations:
        by = reservation.requested_by
        name = (by.get_full_name() or by.get_username()) if by else ""
        lines.append(OpenLine(reservation, mask_token(reservation.id_token), name))
    return tuple(lines)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))  # noqa: DTZ001 - made aware
