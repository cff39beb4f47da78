"""The objects on a page of a partner's list: read one by one, stored together."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import JSONField
from django.db.models.expressions import RawSQL

from apps.ocpi.choices import ObjectKind, PartyRole
from apps.ocpi.models import Partner, PartnerLocation, PartnerToken, Pull
from apps.ocpi.objects.context import NOTHING, Context
from apps.ocpi.objects.errors import WireError
from apps.ocpi.selectors.partners import is_party_of, own_party
from apps.ocpi.services.cdrs_in import CdrOutcome, cdr_take
from apps.ocpi.services.copies import MODELS, TYPES, copies_put, key_of
from apps.ocpi.wire import decode, inside_dict, to_inside

logger = logging.getLogger(__name__)

MOST_OBJECT_BYTES = 1_000_000
_OWNERS = {ObjectKind.TOKENS: PartyRole.EMSP}


class _Id(msgspec.Struct):
    """What can be told of any object."""

    id: str = ""
    uid: str = ""


# Made here, before there are threads: see `wire.codec.decoder_make`.
_ID = msgspec.json.Decoder(_Id)


@dataclass(slots=True)
class PageTaken:
    """What a page came to. `keys` are hashes of the ids on it, refused ones too."""

    keys: list[int] = field(default_factory=list)
    stored: int = 0
    refused: int = 0
    problem: str = ""
    """Why the last refused one was."""


def page_take(
    partner: Partner, kind: ObjectKind, rows: Sequence[bytes], *, now: datetime
) -> PageTaken:
    """Store the objects of a page; a bad one is refused alone."""
    taken = PageTaken()
    contents: list[dict[str, Any]] = []
    context = _context(partner, kind)
    parties: dict[tuple[str, str], bool] = {}
    for nth, row in enumerate(rows):
        try:
            content = _read(partner, kind, row, context, parties)
            if kind == ObjectKind.CDRS:
                taken.stored += _cdr(partner, content, now)
        except WireError as err:
            _refuse(taken, partner, kind, row, nth, err, now)
            continue
        contents.append(content)
        taken.keys.append(_hash(kind, content))
    if kind != ObjectKind.CDRS:
        copied = copies_put(partner=partner, kind=kind, contents=contents, now=now)
        taken.stored += sum(not one.is_stale for one in copied)
    return taken


def held_count(pull: Pull) -> int:
    """How many objects a full pull could find to be absent now."""
    rows = _absent(pull)
    return 0 if rows is None else rows[:1].count()


def absent_mark(pull: Pull) -> int:
    """Mark what a complete reading of the whole list did not find; how many.

    Tariffs are kept as they are: CDRs to come may name them.
    """
    rows = _absent(pull)
    if rows is None:
        return 0
    if pull.kind == ObjectKind.LOCATIONS:
        return int(rows.update(is_withdrawn=True))
    return int(
        rows.update(
            is_valid=False,
            content=RawSQL("jsonb_set(content, '{valid}', 'false')", (), JSONField()),
        )
    )


def _absent(pull: Pull) -> Any:
    """Copies that nobody told since the pull began, pushes included; None for other kinds."""
    if pull.kind == ObjectKind.LOCATIONS:
        rows: Any = PartnerLocation.objects.filter(is_withdrawn=False)
    elif pull.kind == ObjectKind.TOKENS:
        rows = PartnerToken.objects.filter(is_valid=True)
    else:
        return None
    return rows.filter(partner=pull.partner_id, received_at__lt=pull.started_at)


def _read(
    partner: Partner,
    kind: ObjectKind,
    row: bytes,
    context: Context,
    parties: dict[tuple[str, str], bool],
) -> dict[str, Any]:
    if len(row) > MOST_OBJECT_BYTES:
        raise WireError("", f"larger than {MOST_OBJECT_BYTES} bytes")
    name = "Cdr" if kind == ObjectKind.CDRS else TYPES[kind]
    struct = decode(partner.version, name, row)
    content = inside_dict(to_inside(partner.version, struct, context=context))
    party = content["country_code"].upper(), content["party_id"].upper()
    if party not in parties:
        parties[party] = is_party_of(partner, *party)
    if not parties[party]:
        raise WireError("party_id", f"{'*'.join(party)} is not a party of the partner")
    return content


def _cdr(partner: Partner, content: dict[str, Any], now: datetime) -> int:
    taken = cdr_take(partner=partner, content=content, now=now)
    if taken.outcome == CdrOutcome.REFUSED:
        raise WireError("id", "another CDR is known under this id")
    return int(taken.outcome == CdrOutcome.NEW)


def _refuse(
    taken: PageTaken,
    partner: Partner,
    kind: ObjectKind,
    row: bytes,
    nth: int,
    err: WireError,
    now: datetime,
) -> None:
    """Count a bad object; its copy of before stays, and is not taken for absent."""
    object_id = _id_of(row)
    taken.refused += 1
    taken.problem = f"{object_id or nth}: {err}"[:200]
    taken.keys.append(hash(object_id.upper() or row))
    logger.warning(
        "object refused partner=%s kind=%s id=%s why=%s",
        partner.code, kind, object_id[:40], err,
    )  # fmt: skip
    if object_id and kind in MODELS:
        MODELS[kind]._default_manager.filter(partner=partner, object_id__iexact=object_id).update(
            received_at=now
        )


def _id_of(row: bytes) -> str:
    try:
        named = _ID.decode(row)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return named.uid or named.id


def _hash(kind: ObjectKind, content: dict[str, Any]) -> int:
    if kind == ObjectKind.CDRS:
        return hash((content["country_code"], content["party_id"], content["id"].upper()))
    return hash(key_of(kind, content).folded)


def _context(partner: Partner, kind: ObjectKind) -> Context:
    """What 2.1.1 does not say: whose objects they are."""
    if partner.version != "2.1.1":
        return NOTHING
    role = _OWNERS.get(kind, PartyRole.CPO)
    rows = list(partner.roles.filter(role=role).values_list("country_code", "party_id")[:2])
    emsp = own_party(PartyRole.EMSP, PartyRole.CPO)
    return Context(
        owner=rows[0] if len(rows) == 1 else None,
        emsp=None if emsp is None else (emsp.country_code, emsp.party_id),
        role=partner.role,
    )
