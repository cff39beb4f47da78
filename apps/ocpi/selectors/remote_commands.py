"""Reads of commands that travelled between platforms, in either direction."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from apps.chargers.choices import ReservationStatus
from apps.chargers.models import IdToken, Session
from apps.ocpi.choices import Direction, RemoteCommandKind
from apps.ocpi.models import (
    Partner,
    PartnerLocation,
    PartnerSession,
    RemoteCommand,
    RemoteProfile,
)
from cariflex.common.api.pages import Page, page_of

# A token that came with START_SESSION or RESERVE_NOW is not asked about again (2.2.1 §13.3.4).
RECENT = timedelta(minutes=15)
_WITH_TOKEN = (RemoteCommandKind.START_SESSION, RemoteCommandKind.RESERVE_NOW)
_TAG_LENGTH = 20
_TAG_PREFIX = "OC"


def short_tag(uid: str) -> str:
    """What a 1.6 station knows a token by: its uid, or a name made of it (20 characters at most).

    OCPP 1.6 §7.28 has no room for the uids of apps; the same uid always gives the same name.
    """
    if len(uid) <= _TAG_LENGTH:
        return uid
    digest = hashlib.sha256(uid.upper().encode()).hexdigest().upper()
    return _TAG_PREFIX + digest[: _TAG_LENGTH - len(_TAG_PREFIX)]


def recent(token_uid: str, location_id: str, evse_uid: str, now: datetime) -> RemoteCommand | None:
    """The newest START_SESSION or RESERVE_NOW of a partner that lets a token charge here now.

    `token_uid` as the station shows it, `evse_uid` empty when the station did not say where. Within
    15 minutes of the command, and for a reservation as long as it is open: the provider
    authorised the token when it sent the command, and is not asked again (2.2.1 §13.3.4, §13.3.5).
    """
    asked = (
        RemoteCommand.objects.select_related("partner", "reservation")
        .filter(
            Q(asked_at__gt=now - RECENT)
            | Q(
                reservation__status__in=(ReservationStatus.REQUESTED, ReservationStatus.ACCEPTED),
                reservation__expires_at__gt=now,
            ),
            direction=Direction.IN,
            kind__in=_WITH_TOKEN,
            response="ACCEPTED",
            location_id__iexact=location_id,
            asked_at__lte=now,
        )
        .order_by("-asked_at", "-pk")
    )
    if evse_uid:
        asked = asked.filter(Q(evse_uid="") | Q(evse_uid__iexact=evse_uid))
    shown = token_uid.upper()
    return next(
        (one for one in asked if shown in (one.token_uid.upper(), short_tag(one.token_uid))), None
    )


def command_of_session(session: Session) -> RemoteCommand | None:
    """The partner's command that brought a session about: its start, or its reservation."""
    commands = RemoteCommand.objects.select_related("partner").filter(
        direction=Direction.IN, kind__in=_WITH_TOKEN
    )
    meant = Q(reservation__session_id=session.pk)
    if session.remote_start_id is not None:
        meant |= Q(
            kind=RemoteCommandKind.START_SESSION,
            command_id=session.remote_start_id,
            command__station_id=session.station_id,
        )
    return commands.filter(meant).order_by("-asked_at", "-pk").first()


def starts_to_link(*, now: datetime, within: timedelta) -> QuerySet[RemoteCommand]:
    """Commands whose session is known at the station and not tied to them yet."""
    began = Session.objects.filter(
        remote_start_id=OuterRef("command_id"), station_id=OuterRef("command__station_id")
    )
    return RemoteCommand.objects.filter(
        Q(kind=RemoteCommandKind.START_SESSION) & Q(Exists(began))
        | Q(kind=RemoteCommandKind.RESERVE_NOW, reservation__session__isnull=False),
        direction=Direction.IN,
        session__isnull=True,
        asked_at__gt=now - within,
    ).order_by("pk")


def reservation_commands(partner: Partner, reservation_key: str) -> QuerySet[RemoteCommand]:
    """RESERVE_NOWs of a partner under its own reservation id, newest first."""
    return (
        RemoteCommand.objects.select_related("reservation__station")
        .filter(
            direction=Direction.IN,
            partner=partner,
            kind=RemoteCommandKind.RESERVE_NOW,
            reservation_key__iexact=reservation_key,
            reservation__isnull=False,
        )
        .order_by("-asked_at", "-pk")
    )


def reservations_taken_back(*, since: datetime) -> QuerySet[RemoteCommand]:
    """Accepted RESERVE_NOWs whose place was taken back by us or the station, not by the partner."""
    given_back = RemoteCommand.objects.filter(
        direction=Direction.IN,
        kind=RemoteCommandKind.CANCEL_RESERVATION,
        partner=OuterRef("partner"),
        reservation=OuterRef("reservation"),
        response="ACCEPTED",
    )
    newer = RemoteCommand.objects.filter(
        reservation=OuterRef("reservation"),
        kind=RemoteCommandKind.RESERVE_NOW,
        result="ACCEPTED",
        asked_at__gt=OuterRef("asked_at"),
    )
    return RemoteCommand.objects.filter(
        ~Exists(given_back),
        ~Exists(newer),
        direction=Direction.IN,
        kind=RemoteCommandKind.RESERVE_NOW,
        result="ACCEPTED",
        reservation__status__in=(ReservationStatus.CANCELLED, ReservationStatus.REMOVED),
        reservation__ended_at__gt=since,
    ).order_by("pk")


def commands_rows() -> QuerySet[RemoteCommand]:
    """Commands with all that is shown of them."""
    return RemoteCommand.objects.select_related("partner", "asked_by").annotate(
        partner_name=F("partner__name")
    )


def remote_commands_page(
    *,
    after: int | None,
    limit: int,
    direction: str | None = None,
    partner: int | None = None,
    kind: str | None = None,
) -> Page[RemoteCommand]:
    """Commands, newest first. One query."""
    commands = commands_rows().order_by("-pk")
    if direction is not None:
        commands = commands.filter(direction=direction)
    if partner is not None:
        commands = commands.filter(partner_id=partner)
    if kind is not None:
        commands = commands.filter(kind=kind)
    if after is not None:
        commands = commands.filter(pk__lt=after)
    return page_of(list(commands[: limit + 1]), limit, lambda command: command.pk)


def copies_named(name: str) -> QuerySet[Any]:
    """What a command of ours can be about: a partner's `location` or `session`, or a `command`."""
    if name == "location":
        return PartnerLocation.objects.select_related("partner")
    if name == "session":
        return PartnerSession.objects.select_related("partner")
    return RemoteCommand.objects.select_related("partner").filter(direction=Direction.OUT)


def token_named(id_token: str) -> IdToken | None:
    """A token of our own list; compared without case."""
    return IdToken.objects.select_related("group").filter(id_token__iexact=id_token).first()


def profiles_rows() -> QuerySet[RemoteProfile]:
    """Charging profile orders with all that is shown of them."""
    return RemoteProfile.objects.select_related("partner")


def remote_profiles_page(
    *, after: int | None, limit: int, direction: str | None = None, partner: int | None = None
) -> Page[RemoteProfile]:
    """Charging profile orders, newest first. One query."""
    orders = profiles_rows().order_by("-pk")
    if direction is not None:
        orders = orders.filter(direction=direction)
    if partner is not None:
        orders = orders.filter(partner_id=partner)
    if after is not None:
        orders = orders.filter(pk__lt=after)
    return page_of(list(orders[: limit + 1]), limit, lambda order: order.pk)
