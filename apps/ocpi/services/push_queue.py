"""Pushes of published objects: written into the outbox in the transaction that changed them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from apps.ocpi.choices import DeliveryPolicy, ObjectKind
from apps.ocpi.models import Partner
from apps.ocpi.selectors.audience import Receiver, receivers_of
from apps.ocpi.services.published import Written
from apps.outbox.services import NewMessage, outbox_add_all
from cariflex.common.exact_json import exact_dumps, exact_loads

Pick = Callable[[dict[str, Any]], Any]
"""The part of an object, in a partner's version, that is sent."""


@dataclass(frozen=True, slots=True)
class Push:
    """A request that tells a change.

    `segments`: the address below the partner's endpoint. `pick`: what is sent; None is the object
    as it is stored when it is sent (CDRs, which never change). `whole`: what PUT sends to the same
    address when PATCH is refused or may have been taken already.
    """

    method: str
    segments: tuple[str, ...]
    pick: Pick | None = None
    whole: Pick | None = None
    params: tuple[tuple[str, str], ...] = ()


class PushPayload(TypedDict):
    """What the outbox keeps of a push; `body` and `whole` are JSON texts of `version`."""

    published: int
    method: str
    segments: list[str]
    params: dict[str, str]
    version: str
    body: str | None
    whole: str | None
    sender: list[str]
    receiver: list[str] | None


MeantFor = Callable[[Written], tuple[str, str]]
PushesFor = Callable[[Written, Partner], Sequence[Push]]
"""Which requests tell a partner of a change: some want whole objects."""


def pushes_add(
    kind: ObjectKind,
    audience: Partner | None,
    written: Iterable[Written],
    pushes_for: PushesFor,
    *,
    to: MeantFor | None = None,
) -> int:
    """Queue the requests for every partner that wants them; gives how many.

    `to`: the party that an object is for, where it is one; None: whom the partner has.
    """
    changed = list(written)
    if not changed:
        return 0
    count = 0
    for receiver in receivers_of(kind, audience):
        messages = _messages(kind, receiver, changed, pushes_for, to)
        outbox_add_all(destination=receiver.partner.destination, kind=kind.value, messages=messages)
        count += len(messages)
    return count


def whole_object(content: dict[str, Any]) -> dict[str, Any]:
    """The object itself."""
    return content


def token_party(written: Written) -> tuple[str, str]:
    """The provider whose customer charged."""
    token = written.content["cdr_token"]
    return token["country_code"], token["party_id"]


def keeps_all(partner: Partner) -> bool:
    """Whether a partner gets every push, so that what adds to what it has can be told."""
    return partner.delivery == DeliveryPolicy.FIFO


def _messages(
    kind: ObjectKind,
    receiver: Receiver,
    changed: Sequence[Written],
    pushes_for: PushesFor,
    to: MeantFor | None,
) -> list[NewMessage]:
    partner = receiver.partner
    messages = []
    for one in changed:
        meant = receiver.party if to is None or partner.is_hub else to(one)
        order_key = f"{kind.value}:{one.row.object_id}"
        for push in pushes_for(one, partner):
            payload = _payload(one, push, partner.version, meant)
            messages.append(NewMessage({**payload}, order_key))
    return messages


def _payload(
    written: Written, push: Push, version: str, meant: tuple[str, str] | None
) -> PushPayload:
    party = written.row.party
    return {
        "published": written.row.pk,
        "method": push.method,
        "segments": list(push.segments),
        "params": dict(push.params),
        "version": version,
        "body": _picked(written, push.pick, version),
        "whole": _picked(written, push.whole, version),
        "sender": [party.country_code, party.party_id],
        "receiver": None if meant is None else list(meant),
    }


def _picked(written: Written, pick: Pick | None, version: str) -> str | None:
    if pick is None:
        return None
    text = written.text(version)
    return text if pick is whole_object else exact_dumps(pick(exact_loads(text)))
