"""A charge point operator: customers of the island's operators charge at its stations."""

import asyncio
import logging
import random
import uuid
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from apps.simulation.clock import Clock
from apps.simulation.roaming.link import Link, RefusedError
from apps.simulation.roaming.objects import Charge, Object, locations, tariff

log = logging.getLogger(__name__)

EVERY_S = 90.0
STAY_S = 180.0
TELL_EVERY_S = 30.0
MOST_AT_ONCE = 3
MOST_KEPT = 500


class Network:
    """Tells its places and tariff, charges other people's customers, delivers sessions and CDRs."""

    def __init__(
        self, link: Link, clock: Clock, *, place: tuple[float, float], speed: float = 1.0
    ) -> None:
        self.link = link
        self._clock = clock
        self._speed = speed
        self._chance = random.Random(link.party.party_id)  # noqa: S311 - repeatable
        now = clock.utc()
        self.locations = {one["id"]: one for one in locations(link.party, place, now)}
        self.tariff = tariff(link.party, now)
        self.tokens: dict[str, Object] = {}
        self.charges: dict[str, Charge] = {}
        self.sessions: dict[str, Object] = {}
        """As they were last told, also when the car has gone."""
        self.cdrs: dict[str, Object] = {}
        self.undelivered: list[str] = []
        self._next_at_s = clock.monotonic() + EVERY_S / (3 * speed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def welcome(self) -> None:
        """Once registered: tell the tariff and the places, read whose cards there are."""
        owner = f"{self.link.party.country_code}/{self.link.party.party_id}"
        await self.link.tell("PUT", "tariffs", f"{owner}/{self.tariff['id']}", self.tariff)
        for location in self.locations.values():
            await self.link.tell("PUT", "locations", f"{owner}/{location['id']}", location)
        try:
            for token in await self.link.page("tokens"):
                self.tokens[token["uid"]] = token
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            log.warning("simulation.roaming_no_tokens error=%s", err)

    async def tick(self) -> None:
        """A customer comes, sessions go on, and what ended is billed."""
        now = self._clock.utc()
        for charge in list(self.charges.values()):
            await self._go_on(charge, now)
        for name in list(self.undelivered):
            if await self.link.tell("POST", "cdrs", "", self.cdrs[name]):
                self.undelivered.remove(name)
        if self._clock.monotonic() < self._next_at_s:
            return
        self._next_at_s = self._clock.monotonic() + EVERY_S / self._speed
        valid = [one for _uid, one in sorted(self.tokens.items()) if one.get("valid")]
        if valid and len(self.charges) < MOST_AT_ONCE:
            await self.card(self._chance.choice(valid)["uid"])

    async def card(self, uid: str) -> Charge | None:
        """Somebody holds up a card: ask its provider, begin when it may."""
        token = self.tokens.get(uid)
        if token is None:
            return None
        place = self._free_place()
        if place is None:
            return None
        location, evse = place
        references = {"location_id": location["id"], "evse_uids": [evse["uid"]]}
        kind = f"?type={token['type']}"
        try:
            url = f"{self.link.endpoint('tokens', 'SENDER')}/{uid}/authorize{kind}"
            told = (await self.link.request("POST", url, references)).checked()
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            log.info("simulation.roaming_not_authorized token=%s error=%s", uid, err)
            return None
        if told["allowed"] != "ALLOWED":
            return None
        reference = told.get("authorization_reference") or ""
        return await self._begin(token, location, evse, "AUTH_REQUEST", reference)

    def _free_place(self) -> tuple[Object, Object] | None:
        places = [
            (location, evse)
            for location in self.locations.values()
            for evse in location["evses"]
            if evse["status"] == "AVAILABLE"
        ]
        return self._chance.choice(places) if places else None

    async def _begin(
        self, token: Object, location: Object, evse: Object, auth_method: str, reference: str
    ) -> Charge:
        now = self._clock.utc()
        charge = Charge(
            id=uuid.uuid4().hex,
            token=token,
            location=location,
            evse=evse,
            started_at=now,
            ends_at=now + timedelta(seconds=STAY_S / self._speed),
            auth_method=auth_method,
            reference=reference,
        )
        self.charges[charge.id] = charge
        await self._status(location, evse, "CHARGING")
        await self._tell(charge, now)
        return charge

    async def _go_on(self, charge: Charge, now: datetime) -> None:
        if charge.stops:
            charge.ends_at = min(charge.ends_at, now)
        if now < charge.ends_at:
            told_at = charge.told_at or charge.started_at
            if (now - told_at).total_seconds() >= TELL_EVERY_S / self._speed:
                await self._tell(charge, now)
            return
        if not await self._tell(charge, now):
            return
        del self.charges[charge.id]
        cdr = charge.cdr(self.link.party, self.tariff, now)
        self.cdrs[cdr["id"]] = cdr
        self.undelivered.append(cdr["id"])
        for old in [name for name in self.cdrs if name not in self.undelivered][:-MOST_KEPT]:
            del self.cdrs[old]
        await self._status(charge.location, charge.evse, "AVAILABLE")

    async def _tell(self, charge: Charge, now: datetime) -> bool:
        owner = f"{self.link.party.country_code}/{self.link.party.party_id}"
        session = charge.session(self.link.party, now)
        charge.told_at, self.sessions[charge.id] = now, session
        for old in [name for name in self.sessions if name not in self.charges][:-MOST_KEPT]:
            del self.sessions[old]
        return await self.link.tell("PUT", "sessions", f"{owner}/{charge.id}", session)

    async def _status(self, location: Object, evse: Object, status: str) -> None:
        now = self._clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
        evse["status"], evse["last_updated"], location["last_updated"] = status, now, now
        owner = f"{self.link.party.country_code}/{self.link.party.party_id}"
        path = f"{owner}/{location['id']}/{evse['uid']}"
        await self.link.tell("PATCH", "locations", path, {"status": status, "last_updated": now})

    # --- what the product asks of it ---

    def listed(self, module: str) -> list[Object]:
        """What its sender interfaces give, the oldest first."""
        lists: dict[str, list[Object]] = {
            "locations": list(self.locations.values()),
            "tariffs": [self.tariff],
            "sessions": list(self.sessions.values()),
            "cdrs": list(self.cdrs.values()),
        }
        return lists.get(module, [])

    def take(self, method: str, module: str, path: list[str], body: Any) -> bool:
        """A token that is pushed; True when it is known (now)."""
        if module != "tokens" or len(path) != 3:  # noqa: PLR2004
            return False
        known = self.tokens.get(path[2])
        if method == "PATCH" and known is None:
            return False
        self.tokens[path[2]] = {**(known or {}), **body}
        return True

    def command(self, kind: str, body: Object) -> Object:
        """A CommandResponse; its CommandResult follows."""
        if kind not in ("START_SESSION", "STOP_SESSION"):
            return {"result": "NOT_SUPPORTED", "timeout": 0}
        if kind == "STOP_SESSION" and body["session_id"] not in self.charges:
            return {"result": "UNKNOWN_SESSION", "timeout": 0}
        if kind == "START_SESSION" and self._place_of(body) is None:
            return {"result": "REJECTED", "timeout": 0}
        task = asyncio.get_running_loop().create_task(self._obey(kind, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"result": "ACCEPTED", "timeout": 30}

    def _place_of(self, body: Object) -> tuple[Object, Object] | None:
        location = self.locations.get(body["location_id"])
        if location is None:
            return None
        wanted = body.get("evse_uid")
        evses = [one for one in location["evses"] if wanted in (None, one["uid"])]
        free = [one for one in evses if one["status"] == "AVAILABLE"] or evses
        return (location, free[0]) if free else None

    async def _obey(self, kind: str, body: Object) -> None:
        result = "ACCEPTED"
        place = self._place_of(body) if kind == "START_SESSION" else None
        if place is not None and place[1]["status"] != "AVAILABLE":
            result = "EVSE_OCCUPIED"
        try:
            await self.link.request("POST", body["response_url"], {"result": result})
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            log.warning("simulation.roaming_result_lost error=%s", err)
        if result != "ACCEPTED":
            return
        if place is None:
            self.charges[body["session_id"]].stops = True
            return
        reference = body.get("authorization_reference") or ""
        await self._begin(body["token"], *place, "COMMAND", reference)
