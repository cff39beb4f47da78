"""The log of what was said with partners: redacted, cut, kept for some time."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.ocpi.choices import Direction
from apps.ocpi.models import Exchange, Partner
from apps.ocpi.selectors.partners import ocpi_settings

BODY_CHARACTERS = 20_000
"""What is kept of a body."""
MOST_BYTES = BODY_CHARACTERS * 4
DELETED_AT_ONCE = 10_000
SEEN_EVERY = timedelta(seconds=30)
"""How exact `last_in_at` and `last_out_at` are; not a row lock per message."""
HIDDEN = "***"
_TOKEN_TEXT = re.compile(r'("token"\s*:\s*)"(?:[^"\\]|\\.)*"?', re.IGNORECASE)


@dataclass
class Said:
    """One request and its answer, as far as they are known."""

    direction: Direction
    at: datetime
    method: str
    path: str
    partner: Partner | None = None
    version: str = ""
    module: str = ""
    request_id: str = ""
    correlation_id: str = ""
    from_party: str = ""
    to_party: str = ""
    http_status: int | None = None
    status_code: int | None = None
    latency_ms: float = 0.0
    request_body: bytes = b""
    response_body: bytes = b""
    error: str = ""
    remote: str = ""
    is_check: bool = False


def exchange_log(said: Said) -> Exchange:
    """Write one exchange down, without tokens, bodies cut."""
    exchange = Exchange.objects.create(
        direction=said.direction,
        partner=said.partner,
        at=said.at,
        method=_plain(said.method, 7),
        path=_plain(said.path, 500),
        version=_plain(said.version, 5),
        module=_plain(said.module, 36),
        request_id=_plain(said.request_id, 64),
        correlation_id=_plain(said.correlation_id, 64),
        from_party=_plain(said.from_party, 6),
        to_party=_plain(said.to_party, 6),
        http_status=said.http_status,
        status_code=said.status_code if said.status_code in range(32_768) else None,
        latency_ms=said.latency_ms,
        request_body=redacted(said.module, said.request_body),
        response_body=redacted(said.module, said.response_body),
        error=_plain(said.error, 300),
        remote=_plain(said.remote, 64),
        is_check=said.is_check,
    )
    if said.partner is not None and not said.error:
        _seen(said.partner, said.direction, said.at)
    return exchange


def exchanges_prune(*, now: datetime) -> int:
    """Delete the exchanges older than the operator keeps them; how many there were."""
    before = now - timedelta(days=ocpi_settings().keep_exchanges_days)
    deleted = 0
    while True:
        batch = list(
            Exchange.objects.filter(at__lt=before)
            .order_by("at")
            .values_list("pk", flat=True)[:DELETED_AT_ONCE]
        )
        if not batch:
            return deleted
        deleted += Exchange.objects.filter(pk__in=batch).delete()[0]


def redacted(module: str, body: bytes) -> str:
    """The text of a body with every token of a connection hidden, cut to BODY_CHARACTERS.

    A body of the credentials module that is not JSON is not kept: where its token is cannot be
    told.
    """
    if module == "credentials" and body:
        try:
            text = json.dumps(_hidden(json.loads(body)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return f"({len(body)} bytes)"
    else:
        start = body[:MOST_BYTES].decode(errors="replace")[:BODY_CHARACTERS]
        text = _TOKEN_TEXT.sub(rf'\1"{HIDDEN}"', start)
    return _plain(text, BODY_CHARACTERS)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: HIDDEN if name.lower() == "token" and inner else _hidden(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_hidden(inner) for inner in value]
    return value


def _plain(text: str, most: int) -> str:
    """Without NUL and half surrogates, which PostgreSQL does not take."""
    clean = text.replace("\x00", "\ufffd").encode(errors="replace").decode(errors="replace")
    return clean[:most]


def _seen(partner: Partner, direction: Direction, at: datetime) -> None:
    field = "last_in_at" if direction == Direction.IN else "last_out_at"
    last = getattr(partner, field)
    if last is None or last < at - SEEN_EVERY:
        setattr(partner, field, at)
        Partner.objects.filter(pk=partner.pk).update(**{field: at})
