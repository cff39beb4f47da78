"""A mobility provider: its customers charge on the island by card and by app."""

import logging
import random
import uuid
from datetime import datetime
from typing import Any

import aiohttp

from apps.simulation.clock import Clock
from apps.simulation.roaming.link import Link, RefusedError
from apps.simulation.roaming.objects import Object, tokens

log = logging.getLogger(__name__)

TOKENS = 8
EVERY_S = 60.0
"""Between two starts, in simulated seconds; a start that is refused waits as long."""
STAY_S = 240.0
MOST_KEPT = 500


class Provider:
    """Sends START_SESSION and STOP_SESSION, takes what the product pushes, answers authorize."""

    def __init__(self, link: Link, clock: Clock, *, speed: float = 1.0) -> None:
        self.link = link
        self._clock = clock
        self._speed = speed
        self._chance = random.Random(link.party.party_id)  # noqa: S311 - repeatable
        self.tokens = {one["uid"]: one for one in tokens(link.party, TOKENS, clock.utc())}
        self.received: dict[str, dict[str, Object]] = {
            "locations": {}, "sessions": {}, "cdrs": {}, "tariffs": {},
        }  # fmt: skip
        self.results: dict[str, str] = {}
        """By the key of each command that was sent; empty while nothing came."""
        self._stopping: set[str] = set()
        self._next_at_s = clock.monotonic()

    async def welcome(self) -> None:
        """Once registered: tell the tokens, read where one can charge."""
        for token in self.tokens.values():
            path = f"{token['country_code']}/{token['party_id']}/{token['uid']}"
            kind = "" if token["type"] == "RFID" else f"?type={token['type']}"
            await self.link.tell("PUT", "tokens", path + kind, token)
        try:
            for location in await self.link.page("locations"):
                self.received["locations"][location["id"]] = location
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            log.warning("simulation.roaming_no_locations error=%s", err)

    async def tick(self) -> None:
        """Start a session when it is time; stop those that lasted long enough."""
        now = self._clock.utc()
        for session in list(self.received["sessions"].values()):
            if self._is_over(session, now):
                self._stopping.add(session["id"])
                await self.command("STOP_SESSION", {"session_id": session["id"]})
        if self._clock.monotonic() < self._next_at_s:
            return
        self._next_at_s = self._clock.monotonic() + EVERY_S / self._speed
        place = self._free_place()
        if place is not None:
            location_id, evse_uid = place
            await self.start(location_id, evse_uid)

    def _is_over(self, session: Object, now: datetime) -> bool:
        if session.get("status") != "ACTIVE" or session["id"] in self._stopping:
            return False
        started = datetime.fromisoformat(session["start_date_time"].replace("Z", "+00:00"))
        if started.tzinfo is None:
            started = started.replace(tzinfo=now.tzinfo)
        return (now - started).total_seconds() >= STAY_S / self._speed

    def _free_place(self) -> tuple[str, str] | None:
        places = [
            (location["id"], evse["uid"])
            for location in self.received["locations"].values()
            for evse in location.get("evses", [])
            if evse.get("status") == "AVAILABLE"
        ]
        return self._chance.choice(sorted(places)) if places else None

    async def start(self, location_id: str, evse_uid: str, uid: str = "") -> str:
        """START_SESSION for a customer; the key under which its result will be."""
        charging = {
            session["cdr_token"]["uid"]
            for session in self.received["sessions"].values()
            if session.get("status") == "ACTIVE" and "cdr_token" in session
        }
        free = [one for name, one in sorted(self.tokens.items()) if name not in charging]
        token = self.tokens.get(uid) or self._chance.choice(free or list(self.tokens.values()))
        body = {
            "token": token,
            "location_id": location_id,
            "evse_uid": evse_uid,
            "authorization_reference": uuid.uuid4().hex[:36],
        }
        return await self.command("START_SESSION", body)

    async def command(self, kind: str, body: Object) -> str:
        """Send a command; its key. RefusedError is a result too: `refused`."""
        key = uuid.uuid4().hex
        url = f"{self.link.own_url}/2.2.1/sender/commands/{kind}/{key}"
        self.results[key] = ""
        for old in list(self.results)[:-MOST_KEPT]:
            del self.results[old]
        try:
            address = f"{self.link.endpoint('commands')}/{kind}"
            reply = await self.link.request("POST", address, {**body, "response_url": url})
            if reply.checked()["result"] != "ACCEPTED":
                self.results[key] = str(reply.data["result"])
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            log.info("simulation.roaming_command kind=%s error=%s", kind, err)
            self.results[key] = "refused"
        return key

    # --- what the product asks of it ---

    def command_result(self, key: str, told: Object) -> bool:
        """A CommandResult; False for a key that it never gave."""
        if key not in self.results:
            return False
        self.results[key] = str(told.get("result", ""))
        return True

    def authorize(self, uid: str) -> Object | None:
        """AuthorizationInfo; None for a token that is not its own."""
        token = self.tokens.get(uid)
        if token is None:
            return None
        return {
            "allowed": "ALLOWED" if token["valid"] else "BLOCKED",
            "token": token,
            "authorization_reference": uuid.uuid4().hex[:36],
        }

    def listed(self, module: str) -> list[Object]:
        """What its sender interfaces give, the oldest first."""
        return list(self.tokens.values()) if module == "tokens" else []

    def take(self, method: str, module: str, path: list[str], body: Any) -> bool:
        """A push or a question about one object; True when it is known (now)."""
        objects = self.received[module]
        # Deeper paths are EVSEs and connectors of a location.
        name, deeper = (path[2] if len(path) > 2 else str(body.get("id"))), path[3:]  # noqa: PLR2004
        if method == "DELETE":
            return objects.pop(name, None) is not None
        if deeper:
            return self._take_part(objects.get(name), deeper, body)
        objects[name] = {**objects.get(name, {}), **body} if method == "PATCH" else body
        for old in list(objects)[:-MOST_KEPT]:
            del objects[old]
        return True

    def _take_part(self, location: Object | None, path: list[str], body: Object) -> bool:
        if location is None:
            return False
        evses: list[Object] = location.setdefault("evses", [])
        evse = next((one for one in evses if one["uid"].upper() == path[0].upper()), None)
        if evse is None:
            evse = {"uid": path[0]}
            evses.append(evse)
        if len(path) == 1:
            evse.update(body)
        return True
