"""The one client of partners: their addresses are hostile, every exchange is written down."""

import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
from django.conf import settings

from apps.ocpi.access import authorization
from apps.ocpi.choices import Direction
from apps.ocpi.models import Partner
from apps.ocpi.selectors.partners import asking_party, endpoint_url, only_party
from apps.ocpi.server import headers as heads
from apps.ocpi.server.calls import PartyRef
from apps.ocpi.services.exchanges import Said, exchange_log
from cariflex.common.errors import ExternalError
from cariflex.common.exact_json import exact_loads
from cariflex.common.http import RETRYABLE_STATUS, HttpClient, HttpResponse
from cariflex.common.time import utc_now

MOST_BYTES = 5_000_000
"""Of an answer; a longer one is an error."""
CONNECT_SHARE = 0.3
_LINK = re.compile(r'<([^<>]*)>\s*;[^,]*\brel\s*=\s*"?next\b', re.IGNORECASE)


class _Envelope(msgspec.Struct):
    """2.2.1 transport §4.1.7, read as tolerantly as it makes sense."""

    status_code: int
    data: msgspec.Raw = msgspec.Raw()
    status_message: str | None = None


# Made here, before there are threads: see `wire.codec.decoder_make`.
_ENVELOPE = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True)
class PartnerAnswer:
    """One answer in an envelope; `headers` have lower-case names, `raw` is the JSON of data."""

    http: int
    status_code: int
    message: str
    headers: Mapping[str, str]
    raw: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status code is one of success (1xxx)."""
        return 1000 <= self.status_code < 2000

    @cached_property
    def data(self) -> Any:
        """The decoded data, numbers exact; None when there are none."""
        return exact_loads(self.raw) if self.raw else None

    def rows(self) -> list[bytes]:
        """The JSON of each object of a list; ValueError when data is none."""
        found = msgspec.json.decode(self.raw or b"null", type=list[msgspec.Raw])
        return [bytes(row) for row in found]

    @property
    def next_url(self) -> str:
        """The address of the next page (Link with rel="next"), empty on the last one."""
        match = _LINK.search(self.headers.get("link", ""))
        return match.group(1).strip() if match else ""

    def expect_success(self, partner: Partner) -> "PartnerAnswer":
        """Itself; PartnerRefused when the status code says no (3xxx may pass, 2xxx stays)."""
        if self.is_success:
            return self
        raise PartnerRefused(
            partner, self, retryable=3000 <= self.status_code < 4000 or self.status_code in (4002,)
        )


@dataclass(frozen=True)
class Heard:
    """One whole answer as it came, whatever it says, and what it answers; see `hear_partner`.

    `headers` have lower-case names. `sender` and `receiver` are those of the request.
    """

    url: str
    http: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    ids: heads.Ids
    sender: PartyRef | None
    receiver: PartyRef | None
    retry_after_s: float | None


class PartnerRefused(ExternalError):
    """The partner answered, but with an error: `answer` has its codes when it was an envelope."""

    def __init__(
        self,
        partner: Partner,
        answer: PartnerAnswer,
        *,
        retryable: bool,
        retry_after_s: float | None = None,
    ) -> None:
        code = f", OCPI {answer.status_code}" if answer.status_code else ""
        text = f"answered HTTP {answer.http}{code} {answer.message}".strip()
        super().__init__(
            system_of(partner), text[:300], retryable=retryable, retry_after_s=retry_after_s,
            status=answer.http,
        )  # fmt: skip
        self.answer = answer


def call_partner(
    partner: Partner,
    method: str,
    url: str,
    *,
    module: str,
    body: bytes | None = None,
    params: Mapping[str, str] | None = None,
    receiver: PartyRef | None = None,
    sender: PartyRef | None = None,
    correlation_id: str | None = None,
    timeout_s: float | None = None,
    token: str | None = None,
    unencoded: bool | None = None,
    version: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> PartnerAnswer:
    """One request to a partner at an absolute URL, and its answer in the envelope.

    Routing headers go with functional modules: `sender` is else our party for the module,
    `receiver` the partner's only party (none of several: open routing). `token` and `unencoded`
    replace the partner's during a registration.

    Raises ExternalError when there is no whole answer within `timeout_s` or it is no envelope,
    PartnerRefused (an ExternalError with the answer) for HTTP 400 and above.
    """
    asked = _asked(
        partner, method, url, module=module, body=body, receiver=receiver, sender=sender,
        ids=heads.Ids(str(uuid.uuid4()), correlation_id or str(uuid.uuid4())), token=token,
        unencoded=unencoded, version=partner.version if version is None else version,
    )  # fmt: skip
    client = _client(partner, timeout_s or partner.timeout_s, most_bytes)
    return _exchange(client, asked, params, body)


def hear_partner(
    partner: Partner,
    method: str,
    url: str,
    *,
    module: str,
    params: Mapping[str, str] | None = None,
    ids: heads.Ids | None = None,
    token: str | None = None,
    most_bytes: int = MOST_BYTES,
) -> Heard:
    """As `call_partner` without a body, but the answer as it came: nothing of it is judged.

    The exchange is marked as one of a check.

    Raises ExternalError when there is no whole answer; the exchange is in the log either way.
    """
    asked = _asked(
        partner, method, url, module=module, body=None, receiver=None, sender=None,
        ids=ids or heads.Ids(str(uuid.uuid4()), str(uuid.uuid4())), token=token, unencoded=None,
        version=partner.version,
    )  # fmt: skip
    asked.said.is_check = True
    client = _client(partner, partner.timeout_s, most_bytes)
    with _written_down(client, asked.said, params):
        response = client.request(method, url, params=params, headers=asked.headers)
        asked.said.http_status, asked.said.response_body = response.status, response.content
        try:
            asked.said.status_code = _answer(partner, response).status_code or None
        except ExternalError as err:
            asked.said.error = err.message
    return Heard(
        asked.said.path, response.status, response.headers, response.content, asked.ids,
        asked.sender, asked.receiver, response.retry_after_s,
    )  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """A request that is ready to go, and its line of the log."""

    partner: Partner
    headers: Mapping[str, str] = field(repr=False)
    said: Said
    ids: heads.Ids
    sender: PartyRef | None
    receiver: PartyRef | None


def _asked(
    partner: Partner,
    method: str,
    url: str,
    *,
    module: str,
    body: bytes | None,
    receiver: PartyRef | None,
    sender: PartyRef | None,
    ids: heads.Ids,
    token: str | None,
    unencoded: bool | None,
    version: str,
) -> _Asked:
    headers = {
        "Authorization": authorization(
            partner.token_out if token is None else token,
            unencoded=partner.sends_unencoded_token if unencoded is None else unencoded,
        ),
        **ids.headers(),
    }
    if body is not None:
        headers["Content-Type"] = "application/json"
    if heads.has_routing(version, module):
        sender = sender or _ref(asking_party(module, method))
        receiver = receiver or _ref(only_party(partner))
        headers |= heads.routing(sender, receiver)
    else:
        sender = receiver = None
    said = Said(
        Direction.OUT,
        utc_now(),
        method,
        url,
        partner=partner,
        version=version,
        module=module,
        request_id=ids.request_id,
        correlation_id=ids.correlation_id,
        from_party=str(sender or ""),
        to_party=str(receiver or ""),
        request_body=body or b"",
    )
    return _Asked(partner, headers, said, ids, sender, receiver)


def endpoint(partner: Partner, module: str, role: str) -> str:
    """Where a partner serves a module as SENDER or RECEIVER; DomainError when it does not."""
    return endpoint_url(partner, module, role)


def system_of(partner: Partner) -> str:
    """The name of a partner in errors and figures."""
    return f"OCPI partner {partner.name}"


def _exchange(
    client: HttpClient, asked: _Asked, params: Mapping[str, str] | None, body: bytes | None
) -> PartnerAnswer:
    said = asked.said
    with _written_down(client, said, params):
        response = client.request(
            said.method, said.path, params=params, headers=asked.headers, data=body
        )
        said.http_status, said.response_body = response.status, response.content
        answer = _answer(asked.partner, response)
        said.status_code = answer.status_code
        if response.status >= 400:
            raise PartnerRefused(
                asked.partner,
                answer,
                retryable=response.status in RETRYABLE_STATUS,
                retry_after_s=response.retry_after_s,
            )
        if not answer.is_success:
            said.error = answer.message or f"status {answer.status_code}"
        return answer


@contextmanager
def _written_down(
    client: HttpClient, said: Said, params: Mapping[str, str] | None
) -> Iterator[None]:
    """Log the exchange of the block, whatever becomes of it."""
    started = time.monotonic()
    try:
        yield
    except ExternalError as err:
        said.error = err.message
        if isinstance(err, PartnerRefused):
            said.status_code = err.answer.status_code or None
        raise
    except ValueError as err:
        said.error = "the address is not a URL"
        raise ExternalError(client.system, said.error, retryable=False) from err
    finally:
        said.latency_ms = (time.monotonic() - started) * 1000
        if params:
            said.path += ("&" if "?" in said.path else "?") + "&".join(
                f"{name}={value}" for name, value in params.items()
            )
        exchange_log(said)


def _answer(partner: Partner, response: HttpResponse) -> PartnerAnswer:
    """The envelope of a response. An error of HTTP may come without one."""
    try:
        envelope = _ENVELOPE.decode(response.content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as err:
        if response.status >= 400:
            return PartnerAnswer(response.status, 0, "", response.headers)
        is_cut = isinstance(err, msgspec.DecodeError) and not isinstance(
            err, msgspec.ValidationError
        )
        raise ExternalError(
            system_of(partner),
            "answered without an envelope of OCPI",
            retryable=is_cut,
            status=response.status,
        ) from err
    raw = bytes(envelope.data)
    return PartnerAnswer(
        response.status,
        envelope.status_code,
        (envelope.status_message or "")[:255],
        response.headers,
        b"" if raw == b"null" else raw,
    )


def _client(partner: Partner, timeout_s: float, most_bytes: int) -> HttpClient:
    """Connecting and reading together take `timeout_s` at most."""
    connect_s = min(5.0, timeout_s * CONNECT_SHARE)
    return HttpClient(
        system=system_of(partner),
        connect_timeout_s=connect_s,
        read_timeout_s=timeout_s - connect_s,
        max_bytes=most_bytes,
        allow_loopback=settings.OCPI_LOOPBACK_ALLOWED,
    )


def _ref(party: Any) -> PartyRef | None:
    return None if party is None else PartyRef(party.country_code, party.party_id)
