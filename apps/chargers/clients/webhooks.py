"""Calls a partner's webhook: one signed POST for each event.

Headers and signature are those of Standard Webhooks 1.0 (standardwebhooks.com), so that partners
check them with a library they may have already.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cariflex.common.http import HttpClient, HttpResponse

SYSTEM = "webhook"
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
_SECRET_BYTES = 32
_MOST_ANSWER_BYTES = 1_000_000


def secret_make() -> str:
    """A new secret: 256 random bits as text."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


@dataclass(frozen=True, slots=True)
class WebhookClient:
    """A partner's address with the secrets that sign what is sent there, the newest first."""

    url: str
    secrets: Sequence[str]
    allow_loopback: bool

    def check(self) -> None:
        """AddressRefused for an address that is never called; ExternalError for no such name."""
        self._http().check(self.url)

    def post(
        self, body: bytes, *, message_id: str, timestamp: int, is_replay: bool
    ) -> HttpResponse:
        """The answer, whatever its status; ExternalError when there is none."""
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                signature(secret, message_id=message_id, timestamp=timestamp, body=body)
                for secret in self.secrets
            ),
        }
        if is_replay:
            headers["cariflex-replay"] = "true"
        return self._http().request("POST", self.url, data=body, headers=headers)

    def _http(self) -> HttpClient:
        return HttpClient(
            system=SYSTEM,
            connect_timeout_s=5.0,
            read_timeout_s=10.0,
            max_bytes=_MOST_ANSWER_BYTES,
            allow_loopback=self.allow_loopback,
            headers={"User-Agent": "Cariflex-Webhooks/1"},
        )
