"""What an answer of a partner looks like: envelope, ids, routing (OCPI 2.2.1 §4.1.7, §4.1.8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.simulation.roaming.objects import Object, Party, time_text

SUCCESS, CLIENT_ERROR, PARAMETERS, UNKNOWN_LOCATION, UNKNOWN_TOKEN = 1000, 2000, 2001, 2003, 2004
IDS = ("X-Request-ID", "X-Correlation-ID")
FROM, TO = "OCPI-from", "OCPI-to"


@dataclass(frozen=True)
class Answer:
    """HTTP status, status code and data of an answer."""

    data: Any = None
    http: int = 200
    status_code: int = SUCCESS
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def envelope(self, now: datetime) -> Object:
        """The body (§4.1.7)."""
        body: Object = {"status_code": self.status_code, "timestamp": time_text(now)}
        if self.data is not None:
            body["data"] = self.data
        if self.message:
            body["status_message"] = self.message
        return body


class RejectedError(Exception):
    """The answer is an error: an HTTP status and a status code of OCPI."""

    def __init__(
        self, http: int, status_code: int, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.answer = Answer(None, http, status_code, message, headers or {})


def parameter_rejected(message: str) -> RejectedError:
    """2001; HTTP 200, as the request was understood as one (§5)."""
    return RejectedError(200, PARAMETERS, message)


def ids_echoed(headers: Mapping[str, str]) -> dict[str, str]:
    """The ids of a message, as they came (§4.2)."""
    return {name: headers[name] for name in IDS if name in headers}


def routing_swapped(headers: Mapping[str, str], party: Party) -> dict[str, str]:
    """Who asked is who the answer goes to, and `party` who it is from; empty when nobody says."""
    country_code, party_id = _named(headers, FROM)
    if not country_code or not party_id:
        return {}
    return {
        f"{FROM}-country-code": party.country_code,
        f"{FROM}-party-id": party.party_id,
        f"{TO}-country-code": country_code,
        f"{TO}-party-id": party_id,
    }


def receiver_check(headers: Mapping[str, str], party: Party) -> None:
    """RejectedError when a message is for somebody else; one for nobody in particular is taken."""
    country_code, party_id = _named(headers, TO)
    wanted = (country_code.upper(), party_id.upper())
    if any(wanted) and wanted != (party.country_code.upper(), party.party_id.upper()):
        raise parameter_rejected(f"{TO}-party-id: {country_code}*{party_id} is not here")


def _named(headers: Mapping[str, str], which: str) -> tuple[str, str]:
    return (
        headers.get(f"{which}-country-code", "").strip(),
        headers.get(f"{which}-party-id", "").strip(),
    )
