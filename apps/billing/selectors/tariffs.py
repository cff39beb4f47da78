"""Which tariff applies to a session, and why: the precedence of assignments."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q, QuerySet
from django.db.models.functions import Upper

from apps.billing.choices import AssignmentScope, TariffState
from apps.billing.models import BillingAccount, TariffAssignment, TariffVersion
from apps.billing.models.tariffs import TARGETS
from apps.billing.ports import Payer, payers_of
from apps.chargers.models import AdHocCharge, Connector, IdToken, Session

DIRECT_PAYMENT = "DirectPayment"
"""The token type of OCPP 2.1 for a payment at the station (§3.45)."""

PRECEDENCE = (
    AssignmentScope.TOKEN_GROUP,
    AssignmentScope.ACCOUNT,
    AssignmentScope.CONNECTOR,
    AssignmentScope.EVSE,
    AssignmentScope.STATION,
    AssignmentScope.SITE,
    AssignmentScope.OPERATOR,
)
"""What was agreed with somebody goes before what holds at a place, the narrower before the wider.

Within a scope the assignment that began last counts. A stay without a contract looks first at all
ad hoc assignments in this order, then at the others.
"""


@dataclass(frozen=True, slots=True)
class PriceQuestion:
    """Who charges where; keys of rows, None for what is not known or does not exist."""

    connector: int | None = None
    evse: int | None = None
    station: int | None = None
    site: int | None = None
    token_group: int | None = None
    account: int | None = None
    is_ad_hoc: bool = False


@dataclass(frozen=True, slots=True)
class Considered:
    """An assignment that could apply, and what became of it.

    `verdict`: "chosen", "outranked" (a narrower or newer one applies) or "no_version" (no version
    of its tariff is in force).
    """

    assignment: TariffAssignment
    version: TariffVersion | None
    verdict: str


@dataclass(frozen=True, slots=True)
class TariffChoice:
    """The version that applies, None when no assignment leads to one, and all that was looked at,
    in the order of precedence.
    """

    version: TariffVersion | None
    considered: tuple[Considered, ...]


class TariffBook:
    """The assignments and versions that could answer some questions, read once (two queries)."""

    def __init__(
        self, questions: Collection[PriceQuestion], *, earliest: datetime, latest: datetime
    ) -> None:
        self._assignments = list(_assignments(questions, earliest, latest))
        tariff_pks = {assignment.tariff_id for assignment in self._assignments}
        self._versions: dict[int, list[TariffVersion]] = {}
        for version in issued_versions(tariff_pks, latest=latest):
            self._versions.setdefault(version.tariff_id, []).append(version)

    def choose(self, question: PriceQuestion, *, at: datetime) -> TariffChoice:
        """The tariff of a session that starts at an instant."""
        fitting = [one for one in self._assignments if _fits(one, question, at)]
        fitting.sort(key=lambda one: _rank(one, question))
        chosen: TariffVersion | None = None
        considered = []
        for assignment in fitting:
            version = in_force(self._versions.get(assignment.tariff_id, ()), at)
            verdict = "outranked" if chosen else "chosen" if version else "no_version"
            chosen = chosen or version
            considered.append(Considered(assignment, version, verdict))
        return TariffChoice(chosen, tuple(considered))


def tariff_for(session: Session, *, at: datetime | None = None) -> TariffVersion | None:
    """The version that prices a session: that of its start, unless another instant is asked for."""
    return tariff_choice_of(session, at=at).version


def tariff_choice_of(session: Session, *, at: datetime | None = None) -> TariffChoice:
    """The version that prices a session and why."""
    at = session.started_at if at is None else at
    question = questions_of([session])[session.pk]
    return TariffBook([question], earliest=at, latest=at).choose(question, at=at)


def tariff_choice(question: PriceQuestion, *, at: datetime) -> TariffChoice:
    """The version that applies to whoever charges there at an instant, and why."""
    return TariffBook([question], earliest=at, latest=at).choose(question, at=at)


def tariffs_for(sessions: Collection[Session]) -> dict[int, TariffVersion]:
    """The version of each session's start by its key; those without a tariff are left out.

    At most eight queries, however many sessions; `station` must be loaded with them.
    """
    if not sessions:
        return {}
    questions = questions_of(sessions)
    starts = [session.started_at for session in sessions]
    book = TariffBook(list(questions.values()), earliest=min(starts), latest=max(starts))
    found = {
        session.pk: book.choose(questions[session.pk], at=session.started_at).version
        for session in sessions
    }
    return {pk: version for pk, version in found.items() if version is not None}


def issued_versions(
    tariff_pks: Collection[int], *, latest: datetime | None = None
) -> QuerySet[TariffVersion]:
    """Issued versions with their tariff and formula, newest first."""
    versions = TariffVersion.objects.filter(tariff_id__in=tariff_pks, state=TariffState.ISSUED)
    if latest is not None:
        versions = versions.filter(valid_from__lte=latest)
    return versions.select_related("tariff", "formula__series").order_by(
        "tariff_id", "-valid_from", "-number"
    )


def in_force(versions: Iterable[TariffVersion], at: datetime) -> TariffVersion | None:
    """The one of a tariff's issued versions, newest first, that holds at an instant."""
    for version in versions:
        if version.valid_from is None or version.valid_from > at:
            continue
        # An ended version does not give way to an older one: the newest decides.
        return version if version.valid_until is None or at < version.valid_until else None
    return None


def questions_of(
    sessions: Collection[Session], payers: Mapping[int, Payer] | None = None
) -> dict[int, PriceQuestion]:
    """Who charged where, for each session by its key; `payers` are asked for when not given."""
    connectors = _connectors(sessions)
    holders = holders_of({session.id_token for session in sessions if session.id_token})
    if payers is None:
        payers = payers_of([session.pk for session in sessions])
    ad_hoc = _ad_hoc(sessions)
    questions = {}
    for session in sessions:
        group, account = holders.get(session.id_token.upper(), (None, None))
        if session.pk in payers:
            account = payers[session.pk].account_id
        questions[session.pk] = PriceQuestion(
            connector=_connector_of(session, connectors),
            evse=session.evse_id,
            station=session.station_id,
            site=session.station.site_id,
            token_group=group,
            account=account,
            is_ad_hoc=session.pk in ad_hoc,
        )
    return questions


def holders_of(id_tokens: Collection[str]) -> dict[str, tuple[int | None, int | None]]:
    """(token group, account) of known tokens, by the token in capitals.

    The token's own account goes before its group's; inactive accounts have no prices.
    """
    if not id_tokens:
        return {}
    tokens = list(
        IdToken.objects.annotate(capitals=Upper("id_token"))
        .filter(capitals__in={id_token.upper() for id_token in id_tokens})
        .values_list(
            "capitals", "group_id", "billing_account_token__account_id",
            "billing_account_token__account__is_active",
        )
    )  # fmt: skip
    groups = {group for _token, group, _account, _active in tokens if group is not None}
    of_groups: Mapping[int, int] = dict(
        BillingAccount.objects.filter(token_groups__in=groups, is_active=True)
        .values_list("token_groups")
        .annotate(first=Min("pk"))
        if groups
        else ()
    )
    return {
        token: (group, account if account and active else of_groups.get(group or 0))
        for token, group, account, active in tokens
    }


def _assignments(
    questions: Collection[PriceQuestion], earliest: datetime, latest: datetime
) -> QuerySet[TariffAssignment]:
    wanted = Q(scope=AssignmentScope.OPERATOR)
    for target in TARGETS:
        keys = {getattr(question, target) for question in questions} - {None}
        if keys:
            wanted |= Q(**{f"{target}__in": keys})
    return (
        TariffAssignment.objects.filter(wanted, valid_from__lte=latest)
        .exclude(valid_until__lte=earliest)
        .select_related("tariff", *TARGETS)
    )


def _fits(assignment: TariffAssignment, question: PriceQuestion, at: datetime) -> bool:
    if assignment.valid_from > at or (assignment.valid_until and assignment.valid_until <= at):
        return False
    if assignment.is_ad_hoc and not question.is_ad_hoc:
        return False
    if assignment.scope == AssignmentScope.OPERATOR:
        return True
    wanted = getattr(question, assignment.scope)
    return wanted is not None and getattr(assignment, f"{assignment.scope}_id") == wanted


def _rank(assignment: TariffAssignment, question: PriceQuestion) -> tuple[bool, int, float, int]:
    scope = AssignmentScope(assignment.scope)
    return (
        question.is_ad_hoc and not assignment.is_ad_hoc,
        PRECEDENCE.index(scope),
        -assignment.valid_from.timestamp(),
        -assignment.pk,
    )


def _connectors(sessions: Collection[Session]) -> dict[int, dict[int, int]]:
    """Keys of connectors by their number, by EVSE."""
    found: dict[int, dict[int, int]] = {}
    evses = {session.evse_id for session in sessions if session.evse_id is not None}
    rows = Connector.objects.filter(evse_id__in=evses).values_list("evse_id", "connector_id", "pk")
    for evse, number, pk in rows:
        found.setdefault(evse, {})[number] = pk
    return found


def _connector_of(session: Session, connectors: Mapping[int, Mapping[int, int]]) -> int | None:
    numbers = connectors.get(session.evse_id or 0, {})
    if session.connector_id is None:
        # A station need not tell the connector of an EVSE that has only one.
        return next(iter(numbers.values())) if len(numbers) == 1 else None
    return numbers.get(session.connector_id)


def _ad_hoc(sessions: Collection[Session]) -> set[int]:
    """Keys of the sessions that somebody without a contract pays for."""
    found = {session.pk for session in sessions if session.id_token_type == DIRECT_PAYMENT}
    tokens = {session.id_token for session in sessions if session.id_token}
    charges = AdHocCharge.objects.filter(
        Q(session_id__in=[session.pk for session in sessions])
        | Q(id_token__in=tokens | {token.upper() for token in tokens})
        | Q(command_id__in={one.remote_start_id for one in sessions if one.remote_start_id})
    )
    for charge in charges.select_related("evse"):
        for session in sessions:
            is_same = charge.session_id == session.pk or (
                charge.evse.station_id == session.station_id
                and (
                    charge.id_token.upper() == session.id_token.upper()
                    or (charge.command_id or 0) == session.remote_start_id
                )
            )
            if is_same:
                found.add(session.pk)
    return found
