"""What a handler of a module gets and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.ocpi.choices import InterfaceRole, OcpiVersion
from apps.ocpi.models import Partner

ALL: tuple[str, ...] = tuple(OcpiVersion.values)
"""Every version that is served, oldest first."""
SUCCESS = 1000
CLIENT_ERROR = 2000
PARAMETERS = 2001
NOT_ENOUGH = 2002
UNKNOWN_LOCATION = 2003
UNKNOWN_TOKEN = 2004
SERVER_ERROR = 3000
CLIENT_API = 3001
VERSION = 3002
ENDPOINTS = 3003
HUB_ERROR = 4000
UNKNOWN_RECEIVER = 4001
HUB_TIMEOUT = 4002
HUB_CONNECTION = 4003


@dataclass(frozen=True)
class PartyRef:
    """A party of the roaming world, such as FR*ABC; compares without case."""

    country_code: str
    party_id: str

    def __str__(self) -> str:
        return f"{self.country_code}*{self.party_id}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartyRef) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str]:
        return self.country_code.upper(), self.party_id.upper()


@dataclass(frozen=True)
class Call:
    """One request of a partner whose token, address and headers are found good.

    `segments`: the path below the endpoint, percent-decoded. `body`: valid JSON, or empty.
    `sender` is one of the partner's parties, or stands behind the hub that it is; None when the
    module or the partner does without routing headers. `receiver`: one of ours, None is open
    routing. `base_url`: the address of the endpoint, without a slash at its end.
    """

    partner: Partner
    version: str
    module: str
    role: InterfaceRole
    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes
    now: datetime
    sender: PartyRef | None
    receiver: PartyRef | None
    request_id: str
    correlation_id: str
    base_url: str
    root_url: str = ""
    """Of everything: `https://host/ocpi`."""
    token: str = field(default="", repr=False)
    """What the partner presented; only its hash is stored."""
    is_token_unencoded: bool = False
    is_invitation: bool = False
    """The partner is not registered: only versions and credentials get to see this."""


@dataclass
class Answer:
    """What goes back in the envelope; `data` is JSON."""

    data: bytes | None = None
    status_code: int = SUCCESS
    http: int = 200
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class OcpiError(Exception):
    """A refusal with a status code of OCPI (2.2.1 §5) and, only where it says so, one of HTTP."""

    def __init__(
        self,
        status_code: int,
        message: str,
        http: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.http = http
        self.headers = dict(headers or {})


def not_found(message: str = "There is nothing at this address.") -> OcpiError:
    """HTTP 404: the address leads nowhere."""
    return OcpiError(CLIENT_ERROR, message, 404)


def not_allowed(*methods: str) -> OcpiError:
    """HTTP 405 with the methods that the address takes."""
    return OcpiError(
        CLIENT_ERROR,
        "This method is not available here.",
        405,
        headers={"Allow": ", ".join(sorted(methods))},
    )
