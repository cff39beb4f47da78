"""Deliver what waits for partners in the outbox: one destination a partner, `ocpi:<its key>`.

A partner with the policy `none` gets each push once: what it does not take is marked as given up,
and the partner finds it when it pulls. With `fifo` it is tried again, in the order of each object,
until it is taken; only what the partner understood and refused is given up, and stays to be seen.
"""

import logging
import uuid
from datetime import timedelta
from typing import cast
from urllib.parse import quote

from apps.ocpi.choices import DeliveryPolicy as Policy
from apps.ocpi.choices import InterfaceRole, ObjectKind, PartnerState
from apps.ocpi.clients.ocpi import PartnerAnswer, PartnerRefused, call_partner, endpoint, system_of
from apps.ocpi.models import Partner, Published
from apps.ocpi.selectors.published import published_text
from apps.ocpi.server.calls import PartyRef
from apps.ocpi.services.push_queue import PushPayload
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import DeliveryPolicy
from apps.outbox.services import outbox_hasten
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError, ExternalError

logger = logging.getLogger(__name__)

FAMILY = "ocpi"
POLICY = DeliveryPolicy(
    # Two requests of the longest time that a partner may be given, and a little.
    lease=timedelta(seconds=150),
    backoff_start=timedelta(seconds=5),
    backoff_max=timedelta(minutes=5),
    # `fifo` means until it is taken; a partner that is away for so long is not one any more.
    give_up_after=timedelta(days=365),
)
_NAMESPACE = uuid.UUID("b0e0d0a6-4f1c-4f0e-9a53-6a6a1f2d9c11")
# Answers to what we sent, not to how the partner is: the same again has the same answer.
_LASTING_HTTP = frozenset({400, 405, 409, 413, 414, 415, 422})
_NOT_THERE = 404
_CONFLICT = 409


def deliver(message: OutboxMessage) -> None:
    """Deliver one message to its partner, by the partner's policy.

    Raises ExternalError as the outbox wants it; DomainError when the partner is gone.
    """
    partner = _partner(message)
    try:
        object_deliver(partner, message)
    except ExternalError as err:
        raise _by_policy(partner, err) from err
    except DomainError as err:
        # Without an endpoint now; a new registration may bring one.
        raise _by_policy(
            partner, ExternalError(system_of(partner), err.message, retryable=True)
        ) from err
    if message.attempts > 1:
        # It answers again: what waits behind need not wait any longer.
        outbox_hasten(destination_name=message.destination)


def object_deliver(partner: Partner, message: OutboxMessage) -> None:
    """Tell a partner of one change of an object of ours; ExternalError when it did not take it."""
    payload = cast(PushPayload, message.payload)
    if message.kind == ObjectKind.CDRS:
        _cdr_deliver(partner, message, payload)
        return
    is_repeat = message.attempts > 1
    if payload["version"] != partner.version:
        # Registered anew since: what was written for the old version cannot be read.
        _row_put(partner, message, payload)
        return
    if payload["method"] == "PATCH" and is_repeat and payload["whole"] is not None:
        # The first one may have been taken: what it adds must not be added twice.
        _put_whole(partner, message, payload)
        return
    try:
        _send(partner, message, payload, payload["method"], payload["body"])
    except PartnerRefused as err:
        if payload["method"] == "DELETE" and err.status == _NOT_THERE:
            return
        if payload["method"] != "PATCH" or not _is_about_content(err):
            raise
        _put_whole(partner, message, payload)


def _put_whole(partner: Partner, message: OutboxMessage, payload: PushPayload) -> None:
    """What PATCH could not tell is put whole (2.2.1 §4.1.4.2); its parents too where they lack."""
    try:
        _send(partner, message, payload, "PUT", payload["whole"])
    except PartnerRefused as err:
        if not _is_about_content(err) or len(payload["segments"]) <= _OBJECT_SEGMENTS:
            raise
        _row_put(partner, message, payload)


_OBJECT_SEGMENTS = 3  # country code, party id, id


def _row_put(partner: Partner, message: OutboxMessage, payload: PushPayload) -> None:
    """The whole object as it now is."""
    text = published_text(_published(payload), partner.version)
    whole: PushPayload = {**payload, "segments": payload["segments"][:_OBJECT_SEGMENTS]}
    if payload["method"] == "DELETE":
        _send(partner, message, whole, "DELETE", None)
    else:
        _send(partner, message, whole, "PUT", text)


def _cdr_deliver(partner: Partner, message: OutboxMessage, payload: PushPayload) -> None:
    """POST a CDR (2.2.1 §10.2.2.2). A refusal of what the partner has already is success."""
    row = _published(payload)
    text = published_text(row, partner.version)
    try:
        answer = _send(partner, message, payload, "POST", text)
    except PartnerRefused as err:
        if not _is_about_content(err) or not _has_cdr(partner, message, payload, row, err):
            raise
        logger.info("cdr known to partner=%s cdr=%s", partner.code, row.object_id)
        return
    if location := answer.headers.get("location"):
        message.payload = {**message.payload, "location": location[:500]}
        message.save(update_fields=["payload"])


def _has_cdr(
    partner: Partner,
    message: OutboxMessage,
    payload: PushPayload,
    row: Published,
    refusal: PartnerRefused,
) -> bool:
    """Whether a partner that refuses a CDR does so because it has it.

    Its address is the partner's own secret until the first answer, which was lost (§10.2.2.1): it
    is tried where most have it, and where the refusal says.
    """
    if refusal.status == _CONFLICT or "duplicate" in refusal.answer.message.lower():
        return True
    if "already" in refusal.answer.message.lower() or message.attempts > 1:
        party = row.party
        for segments in ([row.object_id], [party.country_code, party.party_id, row.object_id]):
            asked: PushPayload = {**payload, "segments": segments}
            try:
                answer = _send(partner, message, asked, "GET", None)
            except PartnerRefused as err:
                # Only "not there" says that it is not there; a fault is asked again later.
                if not _is_about_content(err):
                    raise
                continue
            found = answer.data
            known = found.get("id") if isinstance(found, dict) else None
            if isinstance(known, str) and known.upper() == row.object_id.upper():
                return True
    return False


def _send(
    partner: Partner, message: OutboxMessage, payload: PushPayload, method: str, body: str | None
) -> PartnerAnswer:
    """The answer to a request; PartnerRefused unless its status code says success."""
    url = endpoint(partner, message.kind, InterfaceRole.RECEIVER).rstrip("/")
    url += "".join(f"/{quote(segment, safe='')}" for segment in payload["segments"])
    receiver = payload["receiver"]
    answer = call_partner(
        partner,
        method,
        url,
        module=message.kind,
        body=None if body is None else body.encode(),
        params=payload["params"] or None,
        sender=PartyRef(*payload["sender"]),
        receiver=None if receiver is None else PartyRef(*receiver),
        correlation_id=str(uuid.uuid5(_NAMESPACE, f"{current_schema()}:{message.pk}")),
    )
    return answer.expect_success(partner)


def _is_about_content(refusal: PartnerRefused) -> bool:
    """Whether the partner is well and does not want this."""
    code = refusal.answer.status_code
    return (
        2000 <= code < 3000 or refusal.status in _LASTING_HTTP or refusal.status == _NOT_THERE
    ) and refusal.status not in (401, 403, 408, 429)


def _by_policy(partner: Partner, err: ExternalError) -> ExternalError:
    """The error as the outbox acts on it: `none` is never tried again, `fifo` until it is taken."""
    if partner.delivery == Policy.NONE:
        retryable = False
    else:
        retryable = not (isinstance(err, PartnerRefused) and _is_refused_for_good(err))
    return ExternalError(
        err.system,
        err.message,
        retryable=retryable,
        retry_after_s=err.retry_after_s,
        status=err.status,
    )


def _is_refused_for_good(refusal: PartnerRefused) -> bool:
    """A missing address may be a mistake that is put right; a refused object stays refused."""
    return _is_about_content(refusal) and refusal.status != _NOT_THERE


def _partner(message: OutboxMessage) -> Partner:
    _family, _separator, key = message.destination.partition(":")
    partner = Partner.objects.filter(pk=key).first() if key.isdecimal() else None
    if partner is None or partner.state == PartnerState.GONE:
        raise DomainError("ocpi.partner_gone", "The partner is not connected any more.")
    if partner.state != PartnerState.REGISTERED:
        raise ExternalError(
            system_of(partner),
            f"is {partner.state}",
            retryable=partner.delivery == Policy.FIFO,
        )
    return partner


def _published(payload: PushPayload) -> Published:
    row = Published.objects.select_related("party").filter(pk=payload["published"]).first()
    if row is None:
        raise DomainError("ocpi.published_gone", "The object is not published any more.")
    return row


def cdr_address(message: OutboxMessage) -> str:
    """Where the partner has a CDR that it took, as it said; empty when it did not say."""
    return str(message.payload.get("location", ""))
