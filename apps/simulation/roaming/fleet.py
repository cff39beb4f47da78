"""Both partners of both islands, and the time that passes for them."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from apps.simulation.clock import Clock, SystemClock
from apps.simulation.environment import SimulationEnvironment
from apps.simulation.island import (
    ROAMING_COUNTRY,
    ROAMING_PARTIES,
    load_island,
    operators,
    roaming_invitation,
)
from apps.simulation.roaming.link import Link, RefusedError, pause
from apps.simulation.roaming.network import Network
from apps.simulation.roaming.objects import Party
from apps.simulation.roaming.provider import Provider

log = logging.getLogger(__name__)

TICK_S = 1.0
REGISTER_EVERY_S = 3.0
EMSP, CPO = "emsp", "cpo"


@dataclass(frozen=True)
class Surroundings:
    """Where the product and the partners are."""

    web_port: int
    own_port: int
    secret: str
    folder: Path
    speed: float
    host: str = "{operator}.localhost"

    @classmethod
    def of(cls, environment: SimulationEnvironment) -> "Surroundings":
        """What the environment says; ValueError without a secret."""
        if not environment.secret:
            raise ValueError("CARIFLEX_DEMO_SECRET is missing: invitations are derived from it")
        return cls(
            environment.ports.web,
            environment.ports.simulated_roaming,
            environment.secret,
            environment.folder,
            environment.speed,
        )


class RoamingFleet:
    """All partners, by operator and kind."""

    def __init__(self, around: Surroundings, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.partners: dict[tuple[str, str], Provider | Network] = {}
        for operator in operators():
            provider = Provider(_link(around, operator, EMSP), clock, speed=around.speed)
            self.partners[operator, EMSP] = provider
            island = load_island(operator)
            self.partners[operator, CPO] = Network(
                _link(around, operator, CPO),
                clock,
                place=(island.latitude, island.longitude),
                speed=around.speed,
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Let every partner live until `stop`."""
        async with asyncio.TaskGroup() as group:
            for partner in self.partners.values():
                group.create_task(_live(partner, stop))


async def _live(partner: Provider | Network, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if not partner.link.is_registered:
            if not await partner.link.register():
                await pause(stop, REGISTER_EVERY_S)
                continue
            await partner.welcome()
        try:
            await partner.tick()
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            log.warning("simulation.roaming_trouble party=%s %s", partner.link.party.party_id, err)
        await pause(stop, TICK_S)


def _link(around: Surroundings, operator: str, kind: str) -> Link:
    role, party_id, name = ROAMING_PARTIES[kind]
    host = around.host.format(operator=operator)
    return Link(
        Party(role, ROAMING_COUNTRY, party_id, name),
        versions_url=f"http://{host}:{around.web_port}/ocpi/versions",
        own_url=f"http://127.0.0.1:{around.own_port}/{operator}/{kind}",
        invitation=roaming_invitation(around.secret, operator, kind),
        file=around.folder / f"roaming-{operator}-{kind}.json",
    )
