"""The operator, the partners and the full tables that `bench/ocpi.py` measures with.

Each big table is one real row, made by the services, copied by PostgreSQL with other keys.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models

from apps.chargers.models import IdToken
from apps.chargers.services import token_register
from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import Partner, PartnerToken, Published, PublishedCount
from apps.ocpi.objects.context import NOTHING
from apps.ocpi.services.copies import copy_put
from apps.ocpi.services.publish_cdrs import cdr_publish
from apps.ocpi.services.publish_locations import locations_publish
from apps.ocpi.services.publish_tokens import token_publish
from apps.ocpi.services.published import Written
from apps.ocpi.services.push_queue import Push, pushes_add
from apps.ocpi.wire import decode, inside_dict, to_inside
from cariflex.common.exact_json import exact_dumps
from cariflex.common.time import format_rfc3339
from tests.contracts.ocpi_partner import OcpiPartner, Request
from tests.ocpi.incoming import objects
from tests.ocpi.out import world
from tests.ocpi.server import partner_of

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
STATIONS = 200
PARTNER_LOCATIONS, EVSES_OF_LOCATION = 200, 4
FIRST_UID = "T00000000"
FIRST_OWN = "0400000000"
FAILING = 0.3


def uid_of(number: int) -> str:
    """A token of the partner's."""
    return f"T{number:08d}"


def own_of(number: int) -> str:
    """A token of ours."""
    return f"04{number:08d}"


def partner_add(role: str, **fields: Any) -> tuple[Partner, OcpiPartner]:
    """A registered partner that calls and is not called, with what it presents."""
    platform = OcpiPartner(role=role)
    partner = partner_of(platform, **{"code": f"bench-{role.lower()}", **fields})
    return partner, platform


def copies(
    model: type[models.Model], pk: int, numbers: tuple[int, int], changes: Mapping[str, str]
) -> None:
    """Copy a row once for each number from the first to the last.

    `changes`: SQL for the columns that differ; `t` is the row that is copied, `n` the number.
    """
    columns = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changes.get(name, f't."{name}"') for name in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        # Names of our own models, and the SQL of this file.
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" t,'
            f" generate_series({numbers[0]:d}, {numbers[1]:d}) n WHERE t.id = {pk:d}"
        )
        # At rest, as a table that grew over years is: else autovacuum works during the first loads.
        cursor.execute(f'VACUUM (ANALYZE) "{table}"')


def partner_tokens_fill(partner: Partner, count: int) -> None:
    """So many tokens of a partner's customers, which may charge without its being asked."""
    content = inside("Token", objects.token(FIRST_UID, contract_id="FR-ABC-C00000000"))
    copy_put(partner=partner, kind=ObjectKind.TOKENS, content=content, now=NOW)
    row = PartnerToken.objects.get()
    uid, contract = "'T' || lpad(n::text, 8, '0')", "'FR-ABC-C' || lpad(n::text, 8, '0')"
    told = f"jsonb_build_object('uid', {uid}, 'contract_id', {contract})"
    copies(
        PartnerToken, row.pk, (1, count - 1),
        {"object_id": uid, "contract_id": contract, "content": f"t.content || {told}"},
    )  # fmt: skip


def own_tokens_fill(count: int) -> None:
    """So many tokens of ours, published."""
    token = token_register(id_token=FIRST_OWN)
    token_publish(token.pk, NOW)
    uid = "'04' || lpad(n::text, 8, '0')"
    copies(IdToken, token.pk, (1, count - 1), {"id_token": uid})
    published_fill(Published.objects.get(kind=ObjectKind.TOKENS), count, "uid", uid)


def cdrs_fill(partner: Partner, count: int) -> int:
    """So many published CDRs of a partner's customers; the length of one in bytes."""
    session = world.session_of(world.station_make("CS-CDR"), partner)
    cdr_publish(world.cdr_of(session).pk, NOW)
    row = Published.objects.get(kind=ObjectKind.CDRS, audience=partner)
    published_fill(row, count, "id", "'BENCH-' || lpad(n::text, 10, '0')")
    return len(row.content_2_2_1)


def published_fill(row: Published, count: int, name: str, object_id: str) -> None:
    """Publish copies of the first object of its kind; positions have no gap."""
    assert row.position == 1
    old = f"""'"{name}":"{row.object_id}"'"""
    new = f"""'"{name}":"' || {object_id} || '"'"""
    copies(
        Published, row.pk, (2, count),
        {
            "object_id": object_id, "position": "n",
            "content": f"replace(t.content, {old}, {new})",
            "content_2_2_1": f"replace(t.content_2_2_1, {old}, {new})",
        },
    )  # fmt: skip
    shelf = PublishedCount.objects.filter(kind=row.kind, audience=row.audience_id)
    shelf.update(last_position=count)


def cdrs_for(partner: Partner, count: int) -> set[str]:
    """CDRs that wait to be posted to a partner; their ids."""
    first = Published.objects.filter(kind=ObjectKind.CDRS).order_by("position").first()
    assert first is not None
    one = Published(
        kind=ObjectKind.CDRS, party=first.party, audience=partner, object_id=first.object_id,
        position=1, content=first.content, content_2_2_1=first.content_2_2_1,
        last_updated=NOW, created_at=NOW,
    )  # fmt: skip
    one.save()
    published_fill(one, count, "id", "'PUSH-' || lpad(n::text, 10, '0')")
    rows = Published.objects.filter(kind=ObjectKind.CDRS, audience=partner)
    written = [Written(row, None, {}) for row in rows.select_related("party").order_by("position")]
    pushes_add(ObjectKind.CDRS, partner, written, lambda _one, _partner: [Push("POST", ())])
    return {one.row.object_id for one in written}


def stations_fill() -> None:
    """Stations of two EVSEs that are published with their tariffs."""
    for number in range(STATIONS):
        world.station_make(f"CS-{number:04d}")
    locations_publish(now=NOW)


def partner_locations_fill(partner: Partner) -> None:
    """Locations that a charge point operator told us of."""
    for number in range(PARTNER_LOCATIONS):
        evses = [objects.evse(f"E{nth}") for nth in range(EVSES_OF_LOCATION)]
        content = inside("Location", objects.location(f"LOC{number}", evses=evses))
        copy_put(partner=partner, kind=ObjectKind.LOCATIONS, content=content, now=NOW)


def inside(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """An object of 2.2.1 in the shape inside."""
    struct = decode("2.2.1", kind, exact_dumps(content))
    return inside_dict(to_inside("2.2.1", struct, context=NOTHING))


def session_body(number: int) -> bytes:
    """A session that goes on: four charging periods, more energy each time it is put."""
    at = datetime.now(UTC)
    begun = at - timedelta(hours=1)
    periods = [
        objects.period(format_rfc3339(begun + timedelta(minutes=15 * nth)), 2.5) for nth in range(4)
    ]
    content = objects.session(
        session_id(number), format_rfc3339(at), start_date_time=format_rfc3339(begun),
        kwh=10 + number % 100, charging_periods=periods,
        total_cost={"excl_vat": 3.0, "incl_vat": 3.26},
    )  # fmt: skip
    return exact_dumps(content).encode()


def session_id(number: int) -> str:
    """Sessions are put again after a while."""
    return f"S{number % 1000:06d}"


class Failing:
    """Makes a platform fail: half of it before it takes a CDR, half when it has taken it.

    It refuses a CDR that it has, and tells it to whoever asks.
    """

    def __init__(self, platform: OcpiPartner) -> None:
        self._answer, self._dice = platform.answer, random.Random(7)
        self._lock = threading.Lock()
        self.taken: Counter[str] = Counter()
        """How often each CDR was taken with an answer that arrived whole."""
        self.known: set[str] = set()
        self.asked = self.failed = self.doubled = 0
        platform.answer = self.answer  # type: ignore[method-assign]

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        with self._lock:
            self.asked += 1
            chance = self._dice.random()
            self.failed += chance < FAILING
        if chance < FAILING / 2:
            return 503, {"Content-Type": "text/html"}, b"<h1>Oops</h1>"
        if request.method == "POST":
            status, headers, content = self._take(request, is_lost=chance < FAILING)
        else:
            status, headers, content = self._answer(request)
        return status, headers, content[: len(content) // 2] if chance < FAILING else content

    def _take(self, request: Request, *, is_lost: bool) -> tuple[int, dict[str, str], bytes]:
        key = request.json()["id"]
        with self._lock:
            is_known = key in self.known
            self.known.add(key)
            self.doubled += self.taken[key] > 0
            self.taken[key] += not is_lost and not is_known
        if is_known:
            refusal = {"status_code": 2001, "status_message": "already there", "timestamp": ""}
            return 200, {"Content-Type": "application/json"}, json.dumps(refusal).encode()
        return self._answer(request)
