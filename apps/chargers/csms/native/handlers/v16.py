"""What 1.6 stations send: the same services as for 2.x, behind the messages of OCPP 1.6J.

Sections are of OCPP 1.6 edition 2; the whitepaper is that on security (edition 3).
"""

from typing import Any

from apps.chargers.choices import AuthorizationStatus
from apps.chargers.csms.native.handlers.provisioning import booted
from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v16 import mapping
from apps.chargers.ocpp.v16.tags import tag_info
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services import (
    configuration_16,  # noqa: F401 - it registers what it does with answers
    token_authorize,
)
from apps.chargers.services.notices_16 import status_16_set
from apps.chargers.services.security_events import security_event_store
from apps.chargers.services.transactions_16 import (
    Told,
    transaction_16_meter,
    transaction_16_start,
    transaction_16_stop,
)
from cariflex.common.time import format_rfc3339, utc_now

V16 = OcppVersion.V16


@handles("BootNotification", V16, before_acceptance=True)
async def boot(link: StationLink, frame: Frame) -> dict[str, Any]:
    """§4.2."""
    return await booted(link, mapping.boot(frame.payload))


@handles("Authorize", V16)
async def authorize(link: StationLink, frame: Frame) -> dict[str, Any]:
    """§4.1."""
    shown = mapping.token_shown(frame.payload)
    question = TokenQuestion(shown.id_token, shown.token_type, link.station_id, utc_now())
    return {"idTagInfo": id_tag_info(await link.store(token_authorize, question))}


@handles("StartTransaction", V16)
async def start(link: StationLink, frame: Frame) -> dict[str, Any]:
    """§4.8."""
    number, decision = await link.store(transaction_16_start, _told(link, frame))
    return {"transactionId": number, "idTagInfo": id_tag_info(decision, is_start=True)}


@handles("MeterValues", V16)
async def meter_values(link: StationLink, frame: Frame) -> dict[str, Any]:
    """§4.7."""
    await link.store(transaction_16_meter, _told(link, frame))
    return {}


@handles("StopTransaction", V16)
async def stop(link: StationLink, frame: Frame) -> dict[str, Any]:
    """§4.10."""
    decision = await link.store(transaction_16_stop, _told(link, frame))
    return {} if decision is None else {"idTagInfo": id_tag_info(decision)}


@handles("StatusNotification", V16)
async def status(link: StationLink, frame: Frame) -> dict[str, Any]:
    """§4.9."""
    await link.store(
        status_16_set, station_pk=link.station_pk, payload=frame.payload, now=utc_now()
    )
    return {}


@handles("SecurityEventNotification", V16)
async def security_event(link: StationLink, frame: Frame) -> dict[str, Any]:
    """Whitepaper A04."""
    told = mapping.security_event(frame.payload)
    await link.store(
        security_event_store,
        station_pk=link.station_pk,
        event_type=told.type,
        at=told.at,
        tech_info=told.tech_info,
    )
    return {}


def id_tag_info(decision: TokenDecision, *, is_start: bool = False) -> dict[str, Any]:
    """IdTagInfo (§7.29).

    ConcurrentTx is an answer to a start only (§7.2): elsewhere the tag may be about to stop the
    very session that it is charging with.
    """
    status = AuthorizationStatus(decision.status)
    if status == AuthorizationStatus.CONCURRENT_TX and not is_start:
        status = AuthorizationStatus.ACCEPTED
    expires_at = decision.expires_at
    return tag_info(
        status.value,
        expiry=None if expires_at is None else format_rfc3339(expires_at),
        parent=decision.group_id or None,
    )


def _told(link: StationLink, frame: Frame) -> Told:
    return Told(link.station_pk, link.station_id, frame.payload, frame.payload_text, utc_now())
