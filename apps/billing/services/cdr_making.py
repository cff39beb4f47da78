"""The row of a CDR: what was charged, cut into periods, priced by its tariff, and sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from apps.billing.choices import AuthMethod
from apps.billing.models import Cdr, SessionCorrection, TariffVersion
from apps.billing.months import local_day, month_of
from apps.billing.ocpi_words import evse_uid
from apps.billing.ports import Payer, payers_of
from apps.billing.rating import (
    ChargingPeriod,
    Dimension,
    Note,
    Rating,
    RatingProblem,
    Tariff,
    rate,
    rating_dump,
    tariff_parse,
)
from apps.billing.rating.cutting import CutSession, MeterSample, periods_cut
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.selectors.closing import month_for_booking
from apps.billing.selectors.metering import Metering, metering_of, signed_values_of
from apps.billing.selectors.tariff_contents import tariff_content
from apps.billing.selectors.tariffs import questions_of, tariff_choice
from apps.chargers.models import Connector, Session
from apps.tenants.context import current_operator
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id
from cariflex.common.money import round_half_up

# OCPI writes amounts with 4 decimals; they are rounded to cents where they are invoiced or paid.
MONEY_PLACES = 4
_LONGEST_EXPLANATION = 400
# Volumes of a charging period under the names of OCPI (2.2.1 §10.4.3).
_DIMENSIONS = (
    ("ENERGY", "energy_kwh"),
    ("TIME", "time_h"),
    ("PARKING_TIME", "parking_time_h"),
    ("RESERVATION_TIME", "reservation_time_h"),
    ("MIN_CURRENT", "min_current_a"),
    ("MAX_CURRENT", "max_current_a"),
    ("MIN_POWER", "min_power_kw"),
    ("MAX_POWER", "max_power_kw"),
)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is billed of a session: what its station told, or what a person put in its place."""

    started_at: datetime
    ended_at: datetime
    energy_kwh: Decimal
    metering: Metering


@dataclass(frozen=True, slots=True)
class Priced:
    """A session's figures with their price."""

    figures: Figures
    version: TariffVersion
    tariff_content: dict[str, Any]
    cut: CutSession
    rating: Rating


@dataclass(frozen=True, slots=True)
class Sealed:
    """What else is frozen in a CDR."""

    time_zone: str
    account_id: int | None
    billing_month: date
    location: dict[str, Any]
    signed_data: list[dict[str, str]]
    auth_method: str = ""
    """Empty: as the session itself shows it."""


def cdr_make(
    *,
    session: Session,
    correction: SessionCorrection | None,
    now: datetime,
    replaces: Cdr | None = None,
    reason: str = "",
    issued_by: str = "",
    payers: Mapping[int, Payer] | None = None,
) -> Cdr:
    """The CDR of a locked, ended session by the tariff of its start; not stored yet.

    `session` comes with its station, site and EVSE; `payers` are asked for when not given. Raises
    DomainError: billing.tariff_missing, billing.not_priced.
    """
    operator = current_operator()
    site = session.station.site
    time_zone = site.time_zone if site is not None else operator.time_zone
    payers = payers_of([session.pk]) if payers is None else payers
    question = questions_of([session], payers)[session.pk]
    started_at, ended_at = _times(session, correction)
    version = tariff_choice(question, at=started_at).version
    if version is None:
        raise DomainError("billing.tariff_missing", f"No tariff is valid at {started_at}.")
    try:
        content = tariff_content(version, start=started_at, end=ended_at, time_zone=time_zone)
        tariff, _notes = tariff_parse(content, "2.2.1")
        figures = _figures(session, correction, tariff)
        priced = price_figures(session, figures, version, content, tariff, time_zone)
    except RatingProblem as problem:
        raise DomainError("billing.not_priced", f"{version.tariff.name}: {problem}") from problem
    sealed = Sealed(
        time_zone=time_zone,
        account_id=question.account,
        billing_month=month_for_booking(_month_of(figures.ended_at)),
        location=_location(session, operator.country_code),
        signed_data=signed_values_of(session),
        auth_method=payers[session.pk].auth_method if session.pk in payers else "",
    )
    cdr = cdr_of(session, priced, sealed, now=now)
    cdr.reason, cdr.issued_by = reason, issued_by
    if replaces is not None:
        cdr.replaces, cdr.revision = replaces, replaces.revision + 1
    return cdr


def price_figures(
    session: Session,
    figures: Figures,
    version: TariffVersion,
    content: dict[str, Any],
    tariff: Tariff,
    time_zone: str,
) -> Priced:
    """The figures cut into periods and priced; RatingProblem where that cannot be."""
    cut = _cut(session, figures, tariff, time_zone)
    return Priced(figures, version, content, cut, rate(tariff, cut.session))


def cdr_of(session: Session, priced: Priced, sealed: Sealed, *, now: datetime) -> Cdr:
    """The first CDR of a session, not stored yet; asks no question of the database."""
    figures, rating, version = priced.figures, priced.rating, priced.version
    cdr_id = new_id()
    net = round_half_up(rating.total_cost.excl_vat, MONEY_PLACES)
    gross = round_half_up(rating.total_cost.incl_vat, MONEY_PLACES)
    return Cdr(
        id=cdr_id,
        reference=_reference(figures.started_at, cdr_id.hex),
        session=session,
        account_id=sealed.account_id,
        billing_month=sealed.billing_month,
        station_id=session.station.station_id,
        station_name=session.station.name,
        commune=session.station.commune,
        evse_id=session.evse.evse_id if session.evse else None,
        location=sealed.location,
        time_zone=sealed.time_zone,
        transaction_id=session.transaction_id,
        id_token=session.id_token,
        id_token_type=session.id_token_type,
        auth_method=sealed.auth_method or _auth_method(session),
        started_at=figures.started_at,
        ended_at=figures.ended_at,
        start_meter_kwh=session.start_meter_kwh,
        end_meter_kwh=session.meter_kwh,
        energy_kwh=figures.energy_kwh,
        charged_kwh=figures.energy_kwh,
        discharged_kwh=figures.metering.discharged_kwh,
        total_time_h=_hours(priced.cut, parked=False),
        parking_time_h=_hours(priced.cut, parked=True),
        tariff_version=version,
        tariff_name=version.tariff.name,
        tariff_content=priced.tariff_content,
        charging_periods=[_period(period) for period in priced.cut.charging_periods],
        rating=_rating(rating, priced.cut.notes),
        signed_data=sealed.signed_data,
        price_per_kwh_excl_vat=_only(
            {line.price for line in rating.lines if line.dimension == Dimension.ENERGY}
        ),
        vat_percent=_only({tax.percent for tax in rating.taxes}),
        currency=rating.currency,
        total_excl_vat=net,
        vat=gross - net,
        total_incl_vat=gross,
        explanation=_explanation(rating),
        issued_at=now,
    )


def _times(session: Session, correction: SessionCorrection | None) -> tuple[datetime, datetime]:
    if session.ended_at is None:
        raise DomainError("billing.session_not_ended", f"Session {session.pk} has not ended.")
    if correction is None:
        return session.started_at, session.ended_at
    return correction.started_at or session.started_at, correction.ended_at or session.ended_at


def _figures(session: Session, correction: SessionCorrection | None, tariff: Tariff) -> Figures:
    started_at, ended_at = _times(session, correction)
    metering = metering_of(session, tariff)
    if correction is None:
        return Figures(started_at, ended_at, session.energy_kwh, metering)
    energy_kwh = session.energy_kwh if correction.energy_kwh is None else correction.energy_kwh
    # What the station told of the way there is in doubt: only the ends count.
    ends = (MeterSample(started_at, _ZERO), MeterSample(ended_at, energy_kwh))
    return Figures(started_at, ended_at, energy_kwh, Metering(ends, metering.discharged_kwh))


def _cut(session: Session, figures: Figures, tariff: Tariff, time_zone: str) -> CutSession:
    reserved_from = None
    if any(element.restrictions.reservation is not None for element in tariff.elements):
        reserved_from = session.reservations.order_by("pk").values_list(
            "starts_at", flat=True
        ).first()  # fmt: skip
        if reserved_from is not None:
            reserved_from = min(reserved_from, figures.started_at)
    cut = periods_cut(
        figures.metering.samples,
        tariff,
        figures.started_at,
        figures.ended_at,
        time_zone,
        reserved_from=reserved_from,
    )
    if cut.energy_kwh != figures.energy_kwh:
        raise DomainError(
            "billing.not_priced",
            f"The meter values of session {session.pk} come to {cut.energy_kwh} kWh,"
            f" not to its {figures.energy_kwh} kWh.",
        )
    return cut


def _month_of(ended_at: datetime) -> date:
    """The month of the books in which a session ended."""
    return month_of(local_day(ended_at, books_time_zone()))


def _location(session: Session, country_code: str) -> dict[str, Any]:
    """The place as it is now, so that the CDR needs no other row to be read."""
    station, evse = session.station, session.evse
    connector = None
    if evse is not None:
        connectors = Connector.objects.filter(evse=evse)
        if session.connector_id is not None:
            connectors = connectors.filter(connector_id=session.connector_id)
        found = list(connectors.order_by("connector_id")[:2])
        connector = found[0] if len(found) == 1 else None
    return {
        "id": station.station_id,
        "name": station.name,
        "city": station.commune,
        "country_code": country_code,
        "latitude": station.latitude,
        "longitude": station.longitude,
        "evse_uid": evse_uid(station.station_id, evse.evse_id) if evse else "",
        "connector_id": connector.connector_id if connector else session.connector_id,
        "connector_type": connector.type if connector else "",
        "serial_number": station.serial_number,
        "rated_power_kw": station.rated_power_kw,
    }


def _auth_method(session: Session) -> AuthMethod:
    """Started by a command of ours, or by a token at the station (OCPI 2.2.1 §10.4.1)."""
    return AuthMethod.WHITELIST if session.remote_start_id is None else AuthMethod.COMMAND


def _hours(cut: CutSession, *, parked: bool) -> Decimal:
    """The duration of the session, or of its parking, as its periods have it."""
    parking = sum((one.parking_time_h or _ZERO for one in cut.charging_periods), _ZERO)
    if parked:
        return parking
    return parking + sum((one.time_h or _ZERO for one in cut.charging_periods), _ZERO)


def _period(period: ChargingPeriod) -> dict[str, Any]:
    dimensions = [
        {"type": kind, "volume": volume}
        for kind, name in _DIMENSIONS
        if (volume := getattr(period, name)) is not None
    ]
    content: dict[str, Any] = {
        "start_date_time": f"{period.start_date_time:%Y-%m-%dT%H:%M:%SZ}",
        "dimensions": dimensions,
    }
    if period.tariff_id:
        content["tariff_id"] = period.tariff_id
    return content


def _rating(rating: Rating, cut_notes: tuple[Note, ...]) -> dict[str, Any]:
    """The rating with what was doubtful when the periods were cut."""
    dumped = rating_dump(rating)
    notes = [{"code": one.code, "text": one.text, "where": one.where} for one in cut_notes]
    dumped["notes"] = [*notes, *cast(list[Any], dumped["notes"])]
    return dumped


def _only(values: set[Decimal | None]) -> Decimal | None:
    """The value, where there is one only."""
    return next(iter(values)) if len(values) == 1 else None


def _explanation(rating: Rating) -> str:
    """Why it costs that, in one line: what each priced line says."""
    words = "; ".join(line.reason for line in rating.lines) or "Nothing is priced."
    if len(words) <= _LONGEST_EXPLANATION:
        return words
    return words[: _LONGEST_EXPLANATION - 1] + "…"


def _reference(started_at: datetime, cdr_id: str) -> str:
    """`GP-CFG-20260310-1a2b3c4d5e6f`: party, day of the start, first part of the CDR's own id.

    At most 36 characters, as OCPI wants the id of a CDR.
    """
    operator = current_operator()
    party = "-".join(part for part in (operator.country_code, operator.party_id) if part)
    return f"{party}-{started_at:%Y%m%d}-{cdr_id[:12]}".lstrip("-")
