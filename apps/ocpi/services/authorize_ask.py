"""One question about a token to its provider: POST /tokens/{uid}/authorize (2.2.1 §12.2.2)."""

import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from apps.billing.ocpi_words import evse_uid, location_id
from apps.chargers.models import Evse
from apps.ocpi.choices import AllowedType, AskOutcome, InterfaceRole, ObjectKind, WhitelistType
from apps.ocpi.clients.ocpi import (
    CONNECT_SHARE,
    PartnerAnswer,
    PartnerRefused,
    call_partner,
    endpoint,
)
from apps.ocpi.models import Partner, PartnerToken
from apps.ocpi.objects.context import Context
from apps.ocpi.objects.places import LocationReferences
from apps.ocpi.selectors.partners import is_party_of
from apps.ocpi.server.calls import UNKNOWN_TOKEN, PartyRef
from apps.ocpi.services.copies import copy_put
from apps.ocpi.wire import (
    WireError,
    decode,
    encode,
    from_inside,
    inside_dict,
    inside_of,
    same_id,
    to_inside,
)
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)
_RFID, _EMAID = "RFID", "EMAID"
_LONGEST_MESSAGE = 512


@dataclass(frozen=True, slots=True)
class Question:
    """A token before a station of ours; `evse_uid` empty where the station has several."""

    location_id: str
    evse_uid: str
    uid: str
    type: str
    token: PartnerToken | None
    """Our copy, None when nobody told us of it."""


@dataclass(slots=True)
class Asked:
    """What came of a question. `allowed` empty: the token is not known there, or no answer."""

    partner: Partner
    question: Question
    outcome: AskOutcome
    latency_ms: float
    allowed: str = ""
    reference: str = ""
    token: dict[str, Any] | None = None
    message: str = ""
    language: str = ""


def question_at(station_id: str, uid: str, kind: str, token: PartnerToken | None) -> Question:
    """The question about a token at a station; an EVSE is named where there is only one."""
    numbers = list(
        Evse.objects.filter(station__station_id=station_id, evse_id__gt=0)
        .order_by("evse_id")
        .values_list("evse_id", flat=True)[:2]
    )
    evse = evse_uid(station_id, numbers[0]) if len(numbers) == 1 else ""
    return Question(location_id(station_id), evse, uid, kind, token)


def token_ask(partner: Partner, question: Question, *, timeout_s: float) -> Asked:
    """Ask a partner about a token; whatever goes wrong is an outcome."""
    started = time.monotonic()
    asked = Asked(partner, question, AskOutcome.ANSWERED, 0.0)
    try:
        answer = _posted(partner, question, timeout_s)
        if answer is not None:
            _read(asked, answer)
    except WireError as err:
        asked.outcome = AskOutcome.FAILED
        logger.warning("token answer refused partner=%s why=%s", partner.code, err)
    except (ExternalError, DomainError) as err:
        is_slow = isinstance(err.__cause__, TimeoutError)
        asked.outcome = AskOutcome.SLOW if is_slow else AskOutcome.FAILED
        logger.warning("token not answered partner=%s why=%s", partner.code, err)
    asked.latency_ms = (time.monotonic() - started) * 1000
    return asked


def _posted(partner: Partner, question: Question, timeout_s: float) -> PartnerAnswer | None:
    """The answer with an AuthorizationInfo; None: the provider does not know the token."""
    token = question.token
    place = LocationReferences(
        location_id=question.location_id,
        evse_uids=[question.evse_uid] if question.evse_uid else None,
    )
    url = endpoint(partner, "tokens", InterfaceRole.SENDER).rstrip("/")
    kind = "OTHER" if partner.version == "2.2.1" and question.type == _EMAID else question.type
    has_type = partner.version != "2.1.1" and kind != _RFID
    try:
        answer = call_partner(
            partner,
            "POST",
            f"{url}/{quote(question.uid, safe='')}/authorize",
            module="tokens",
            body=encode(from_inside(partner.version, place)),
            params={"type": kind} if has_type else None,
            receiver=None if token is None else PartyRef(token.country_code, token.party_id),
            # Reading the answer may take all of it: who waits gives up by its own watch.
            timeout_s=timeout_s / (1 - CONNECT_SHARE),
        )
    except PartnerRefused as err:
        # An unknown token is HTTP 404 with status 2004; some send the one, some the other.
        if err.answer.status_code == UNKNOWN_TOKEN or err.answer.http == 404:
            return None
        raise
    if answer.status_code == UNKNOWN_TOKEN:
        return None
    return answer.expect_success(partner)


def _read(asked: Asked, answer: PartnerAnswer) -> None:
    partner, question = asked.partner, asked.question
    known = question.token
    context = Context(
        owner=(known.country_code, known.party_id) if known is not None else _party(partner),
        token=None if known is None else inside_of("Token", known.content),
    )
    info = to_inside(
        partner.version,
        decode(partner.version, "AuthorizationInfo", answer.raw or b"null"),
        context=context,
    )
    asked.allowed = info.allowed
    asked.reference = info.authorization_reference or ""
    if info.info is not None:
        asked.message, asked.language = info.info.text[:_LONGEST_MESSAGE], info.info.language
    if info.location is not None and not _is_here(info.location, question):
        # Only places are named where the customer may charge (§12.3.1).
        asked.allowed = AllowedType.NOT_ALLOWED
    if info.token is not None and same_id(info.token.uid, question.uid):
        asked.token = inside_dict(info.token)
        _token_keep(partner, asked.token, known)


def _is_here(place: LocationReferences, question: Question) -> bool:
    if not same_id(place.location_id, question.location_id):
        return False
    if not place.evse_uids or not question.evse_uid:
        return True
    return any(same_id(one, question.evse_uid) for one in place.evse_uids)


def _token_keep(partner: Partner, token: dict[str, Any], known: PartnerToken | None) -> None:
    """The session and the CDR will name the token: it is kept as if it had been pushed.

    But for one that its provider never told of it is to be asked the next time too, and a pull
    that does not find it takes nothing away.
    """
    whitelist = WhitelistType.NEVER.value if known is None else known.whitelist
    content = {**token, "whitelist": whitelist}
    if known is not None and known.content == content:
        return
    if not is_party_of(partner, token["country_code"], token["party_id"]):
        logger.warning("token of a foreign party partner=%s", partner.code)
        return
    copy_put(partner=partner, kind=ObjectKind.TOKENS, content=content, now=utc_now())


def _party(partner: Partner) -> tuple[str, str] | None:
    """Its only party: whose tokens 2.1.1 speaks of."""
    parties = list(partner.roles.filter(role="EMSP").values_list("country_code", "party_id")[:2])
    return parties[0] if len(parties) == 1 else None
