"""Two deployments register with each other from the command line, and their customers roam.

The west's Guadeloupe is the charge point operator, the east's Martinique the mobility provider. A
customer of the east charges in the west by card and by START_SESSION; one CDR is then credited.
"""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest

from apps.simulation.island import load_island
from cariflex.runtime.procfs import wait_until
from tests.stack import Stack, new_stack

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PLACE, HOME = "guadeloupe", "martinique"
PATIENCE_S = 400.0
STAY_S = 45
TRIES = 3
AGREED = Decimal("0.0001")

ASK = """
import json
from apps.tenants.context import operator_context
with operator_context({operator!r}):
    {code}
print("TOLD " + json.dumps(told, default=str))
"""
COPIES = """
    from apps.ocpi.models import Partner, PartnerLocation, PartnerTariff, PartnerToken
    partner = Partner.objects.get(name={name!r})
    told = dict(
        state=partner.state, version=partner.version,
        tokens=list(PartnerToken.objects.filter(partner=partner).values_list(
            "object_id", flat=True)),
        tariffs=PartnerTariff.objects.filter(partner=partner).count(),
        places=[dict(id=row.pk, location=row.object_id,
                     evses=[[evse["uid"], evse["status"]] for evse in row.content["evses"]])
                for row in PartnerLocation.objects.filter(partner=partner)],
    )"""
OURS = """
    from apps.billing.models import Cdr
    from apps.ocpi.models import Published, RoamingSession
    told = [dict(transaction=row.session.transaction_id, ended=row.session.ended_at,
                 method=row.auth_method, status=row.session.state,
                 published=list(Published.objects.filter(
                     kind="sessions", audience=row.partner).values_list("object_id", flat=True)),
                 cdrs=[dict(id=cdr.pk, reference=cdr.reference, credit=cdr.credit,
                            net=cdr.total_excl_vat, gross=cdr.total_incl_vat,
                            energy=cdr.energy_kwh)
                       for cdr in Cdr.objects.filter(session=row.session).order_by("issued_at")])
            for row in RoamingSession.objects.filter(partner__name="East").select_related(
                "session", "partner").order_by("pk")]"""
THEIRS = """
    from apps.billing.models import PartnerCdr
    from apps.ocpi.models import PartnerSession
    told = dict(
        sessions=[[row.object_id, row.status, row.pk] for row in PartnerSession.objects.filter(
            partner__name="West").order_by("pk")],
        cdrs=[dict(reference=row.partner_reference, credit=row.is_credit, net=row.net,
                   ours=row.our_net, gross=row.net + row.tax, energy=row.energy_kwh,
                   of=row.content.get("credit_reference_id"))
              for row in PartnerCdr.objects.filter(
                  partner_reference__startswith="FR-CFG-").order_by("pk")],
    )"""
STARTED = """
    from apps.ocpi.models import RemoteCommand
    row = RemoteCommand.objects.filter(kind="START_SESSION").order_by("-pk").first()
    told = [row.result, row.message] if row.ended_at else []"""
CREDIT = """
    from apps.billing.services.credits import cdr_credit
    credit, _none = cdr_credit(cdr_id={cdr!r}, reason="Wrong meter", by=None, reissue=False)
    told = credit.reference"""
KEY = """
    from datetime import timedelta
    from apps.accounts.models import User
    from apps.accounts.services.tokens import token_create
    told = token_create(user=User.objects.get(username="admin"), name="test",
                        lifetime=timedelta(days=1))[1]"""


@pytest.fixture(scope="module")
def deployments() -> Iterator[tuple[Stack, Stack]]:
    """West and east, both up, each with ports, a database and a data folder of its own."""
    with ExitStack() as kept:
        west, east = (_up(kept.enter_context(new_stack(name))) for name in ("west", "east"))
        yield west, east


def _up(instance: Stack) -> Stack:
    started = instance.run("up")
    assert started.returncode == 0, started.stdout
    return instance


def told_by(stack: Stack, *words: str) -> Any:
    """The JSON that a management command prints."""
    shown = stack.run("manage", *words, "--json")
    assert shown.returncode == 0, shown.stdout
    return json.loads(shown.stdout[shown.stdout.index("{") :])


def ask(stack: Stack, operator: str, code: str) -> Any:
    shown = stack.run("manage", "shell", "-c", ASK.format(operator=operator, code=code.strip()))
    assert shown.returncode == 0, shown.stdout
    line = next(line for line in shown.stdout.splitlines() if line.startswith("TOLD "))
    return json.loads(line.removeprefix("TOLD "))


def post(url: str, body: dict[str, Any], **headers: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 - this machine
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        return json.load(reply)


def stations(stack: Stack) -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:{stack.ports.simulated_stations_control}/stations"
    with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310
        found: list[dict[str, Any]] = json.load(reply)
    return [one for one in found if one["operator"] == PLACE]


def eventually(look: Callable[[], Any], what: str) -> Any:
    """The first answer that is true; fails with the last one."""
    last: list[Any] = [None]

    def once() -> bool:
        last[0] = look()
        return bool(last[0])

    assert wait_until(once, PATIENCE_S, 5.0), what
    return last[0]


def billed(west: Stack, count: int) -> list[dict[str, Any]]:
    """Sessions of the east's customers in the west, once `count` of them have a CDR."""
    rows = ask(west, PLACE, OURS)
    return rows if sum(1 for row in rows if row["cdrs"]) >= count else []


def charge_by_card(west: Stack, card: str) -> None:
    free = next(one for one in stations(west) if one["connector_status"] == "Available")
    control = f"http://127.0.0.1:{west.ports.simulated_stations_control}/stations"
    post(f"{control}/{PLACE}/{free['station_id']}/plug",
         {"stay_s": STAY_S, "soc_percent": 30, "id_token": card})  # fmt: skip


def charge_by_command(west: Stack, east: Stack, card: str) -> None:
    """START_SESSION from the API, some energy, and STOP_SESSION."""
    # Not every resolver knows the names below localhost.
    headers = {
        "Authorization": f"Bearer {ask(east, HOME, KEY)}",
        "Host": f"{HOME}.localhost:{east.ports.web}",
    }
    url = f"http://127.0.0.1:{east.ports.web}/api/v1/roaming/commands"
    known = {session[0] for session in ask(east, HOME, THEIRS)["sessions"]}
    free = [
        (place["id"], uid)
        for place in ask(east, HOME, COPIES.format(name="West"))["places"]
        for uid, status in place["evses"]
        if status == "AVAILABLE"
    ]
    refusals = []
    for place, evse_uid in free[:TRIES]:
        asked = post(url, {"kind": "START_SESSION", "location": place, "evse_uid": evse_uid,
                           "id_token": card}, **headers)  # fmt: skip
        assert asked["response"] == "ACCEPTED", asked
        result = eventually(lambda: ask(east, HOME, STARTED), "START_SESSION has no result")
        if result[0] == "ACCEPTED":
            break
        # A car of the demo island was faster: a driver goes to the next one.
        refusals.append((evse_uid, *result))
    else:
        pytest.fail(f"no EVSE of {len(free)} took START_SESSION: {refusals}")

    def active() -> Any:
        rows = ask(east, HOME, THEIRS)["sessions"]
        return [row for row in rows if row[0] not in known and row[1] == "ACTIVE"]

    ((_reference, _status, session),) = eventually(active, "no session was told to the east")
    # Some energy, or there is nothing to bill.
    eventually(
        lambda: [one for one in stations(west) if one["id_token"] == card and one["power_kw"] > 5],
        "no power flows",
    )
    wait_until(lambda: False, STAY_S, 5.0)
    asked = post(url, {"kind": "STOP_SESSION", "session": session}, **headers)
    assert asked["response"] == "ACCEPTED", asked


def test_two_deployments_roam(deployments: tuple[Stack, Stack]) -> None:
    west, east = deployments
    card = load_island(HOME).cars[0].id_token

    invited = told_by(west, "ocpi_invite", "--operator", PLACE, "--role", "EMSP", "--name", "East")
    told_by(east, "ocpi_register", "--operator", HOME, "--versions-url", invited["versions_url"],
            "--token", invited["token"], "--name", "West", "--role", "CPO")  # fmt: skip

    def acquainted() -> Any:
        here = ask(west, PLACE, COPIES.format(name="East"))
        there = ask(east, HOME, COPIES.format(name="West"))
        assert here["state"] == there["state"] == "registered"
        return card in here["tokens"] and there["tariffs"] and there["places"]

    eventually(acquainted, "tokens, locations and tariffs did not arrive")

    charge_by_card(west, card)
    eventually(lambda: billed(west, 1), "the session by card has no CDR")
    charge_by_command(west, east, card)
    sessions = eventually(lambda: billed(west, 2), "the session by command has no CDR")

    by_method = {row["method"]: row["cdrs"][0] for row in sessions if row["cdrs"]}
    assert set(by_method) == {"WHITELIST", "COMMAND"}
    credited = by_method["WHITELIST"]
    reference = ask(west, PLACE, CREDIT.format(cdr=credited["id"]))

    def arrived() -> Any:
        told = ask(east, HOME, THEIRS)
        return told if len(told["cdrs"]) >= 3 else None

    told = eventually(arrived, "not every CDR arrived")
    copies = {row["reference"]: row for row in told["cdrs"]}
    assert {row[1] for row in told["sessions"]} == {"COMPLETED"}
    assert len(copies) == len(told["cdrs"]) == 3
    for cdr in by_method.values():
        copy = copies[cdr["reference"]]
        assert Decimal(copy["energy"]) == Decimal(cdr["energy"]) > 0
        assert Decimal(cdr["net"]) > 0
        assert abs(Decimal(copy["net"]) - Decimal(cdr["net"])) <= AGREED
        assert abs(Decimal(copy["gross"]) - Decimal(cdr["gross"])) <= AGREED
        # By the east's own rating of the periods and the tariff that it was told.
        assert abs(Decimal(copy["ours"]) - Decimal(cdr["net"])) <= AGREED
    credit = copies[reference]
    assert (credit["credit"], credit["of"]) == (True, credited["reference"])
    assert abs(Decimal(credit["net"]) + Decimal(credited["net"])) <= AGREED
