"""Reading partners' lists: full, changes, cut off, and partners that misbehave."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.billing.models import PartnerCdr
from apps.ocpi.choices import PullMode, PullState
from apps.ocpi.models import (
    Partner,
    PartnerLocation,
    PartnerSession,
    PartnerTariff,
    PartnerToken,
    Pull,
)
from apps.ocpi.objects.fields import date_time_text
from apps.ocpi.services.copies import copy_put
from apps.ocpi.services.pulls import OVERLAP, pull_now, pull_run, pull_start
from apps.ocpi.services.pulls_schedule import pulls_begin, pulls_due, pulls_prune
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now
from tests.contracts.ocpi_partner import Fault, OcpiPartner
from tests.ocpi.incoming.conftest import A, B, the_partner
from tests.ocpi.incoming.objects import LATER, cdr, location, session, tariff, token

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)


def read(kind: str, mode: str = PullMode.FULL, at: datetime | None = None) -> Pull:
    """Read a list of the only partner to its end, waiting as long as it asks for."""
    with operator_context(A):
        clock = _Clock(at or utc_now())
        pull = pull_now(partner=the_partner(), kind=kind, mode=mode, clock=clock.now)
        for _turn in range(30):
            if pull.state != PullState.RUNNING:
                return pull
            assert pull.locked_until is not None
            clock.at = pull.locked_until
            pull_run(pull_id=pull.pk, clock=clock.now)
            pull.refresh_from_db()
        raise AssertionError(f"no end: {pull.note}")


class _Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def ids(model: Any, **which: Any) -> list[str]:
    with operator_context(A):
        return sorted(model.objects.filter(**which).values_list("object_id", flat=True))


def tariffs(count: int) -> list[dict[str, Any]]:
    return [tariff(f"T{number:03d}") for number in range(count)]


def test_full_pull_follows_links_to_the_end(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(120)
    cpo.page_limit = 50

    pull = read("tariffs")

    assert (pull.state, pull.seen, pull.stored, pull.announced) == ("done", 120, 120, 120)
    assert pull.pages == 3
    assert len(ids(PartnerTariff)) == 120
    assert [one.query["limit"] for one in cpo.requests] == ["100", "50", "50"]
    with operator_context(B):
        assert not PartnerTariff.objects.exists()


def test_changes_are_asked_since_the_last_complete_pull(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(3)
    first = read("tariffs", at=NOW)
    cpo.lists["tariffs"].append(tariff("T900", at="2026-03-11T12:30:00Z"))

    second = read("tariffs", PullMode.DELTA, at=NOW + timedelta(hours=4))

    assert (first.mode, second.mode, second.seen) == ("full", "delta", 1)
    assert second.date_from == NOW - OVERLAP
    assert cpo.requests[-1].query["date_from"] == "2026-03-11T11:55:00Z"
    assert len(ids(PartnerTariff)) == 4


def test_sessions_are_always_asked_for_from_an_instant_on(cpo: OcpiPartner) -> None:
    cpo.lists["sessions"] = [session()]

    assert read("sessions").stored == 1

    assert cpo.requests[-1].query["date_from"] == "2000-01-01T00:00:00Z"
    assert ids(PartnerSession) == ["S1"]


def test_first_delta_is_of_everything(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(1)

    assert read("tariffs", PullMode.DELTA).mode == PullMode.FULL


def test_absent_objects_are_marked_after_a_complete_pull_only(
    cpo: OcpiPartner, emsp: OcpiPartner
) -> None:
    cpo.lists["locations"] = [location(f"L{number}") for number in range(3)]
    with operator_context(A):
        partner = the_cpo(cpo)
        pull_now(partner=partner, kind="locations", mode="full", clock=utc_now)
        cpo.lists["locations"].pop()
        pull_now(partner=partner, kind="locations", mode="delta", clock=utc_now)
        assert not PartnerLocation.objects.filter(is_withdrawn=True).exists()

        pull = pull_now(partner=partner, kind="locations", mode="full", clock=utc_now)

        assert pull.note == "1 are not listed any more."
        assert PartnerLocation.objects.get(is_withdrawn=True).object_id == "L2"
        cpo.lists["locations"].append(location("L2", at=date_time_text(utc_now())))
        pull_now(partner=partner, kind="locations", mode="delta", clock=utc_now)
        assert not PartnerLocation.objects.filter(is_withdrawn=True).exists()


def the_cpo(platform: OcpiPartner) -> Any:
    return Partner.objects.get(code=f"p{platform.port}")


def test_tokens_that_are_gone_are_not_valid(emsp: OcpiPartner) -> None:
    emsp.lists["tokens"] = [token(f"UID{number}") for number in range(5)]
    read("tokens")
    emsp.lists["tokens"] = emsp.lists["tokens"][:3]

    read("tokens")

    assert ids(PartnerToken, is_valid=False) == ["UID3", "UID4"]
    with operator_context(A):
        assert PartnerToken.objects.get(object_id="UID4").content["valid"] is False


def test_empty_list_is_read_twice_before_it_is_believed(emsp: OcpiPartner) -> None:
    emsp.lists["tokens"] = [token("UID1")]
    read("tokens")
    emsp.lists["tokens"] = []
    emsp.requests.clear()

    pull = read("tokens")

    assert len(emsp.requests) == 2
    assert pull.state == PullState.DONE
    assert ids(PartnerToken, is_valid=False) == ["UID1"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(one_item_pages=True),
        Fault(self_link=True),
        Fault(self_link=True, one_item_pages=True),
        Fault(foreign_link="http://127.0.0.2:1/elsewhere?offset=2&limit=2"),
        Fault(truncated=True, times=2),
        Fault(retry_after_s=120, times=2),
        Fault(random_500=0.3, one_item_pages=True),
        Fault(no_envelope=True, times=1),
        Fault(status_code=3000, times=1),
    ],
    ids=lambda fault: "-".join(
        name for name, value in vars(fault).items() if value and name not in ("times", "seed")
    )[:60],
)
def test_faults_end_in_a_complete_copy(cpo: OcpiPartner, fault: Fault) -> None:
    cpo.lists["tariffs"] = tariffs(7)
    cpo.page_limit = 2
    cpo.fault = fault

    pull = read("tariffs")

    assert (pull.state, pull.seen) == ("done", 7), pull.note
    assert len(ids(PartnerTariff)) == 7
    assert len(cpo.requests) < 40


def test_retry_after_is_waited_for(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(1)
    cpo.fault = Fault(retry_after_s=90, times=1)
    with operator_context(A):
        pull = pull_now(partner=the_partner(), kind="tariffs", mode="full", clock=lambda: NOW)

        assert pull.state == PullState.RUNNING
        assert pull.locked_until == NOW + timedelta(seconds=90)
        early = NOW + timedelta(seconds=89)
        assert pull_run(pull_id=pull.pk, clock=lambda: early) is None
        assert len(cpo.requests) == 1
        pull_run(pull_id=pull.pk, clock=lambda: NOW + timedelta(seconds=90))
        pull.refresh_from_db()
        assert (pull.state, pull.note) == ("done", "")


def test_partner_that_is_away_ends_the_pull(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(1)
    cpo.fault = Fault(status=503)

    pull = read("tariffs")

    assert pull.state == PullState.FAILED
    assert "503" in pull.note
    assert len(cpo.requests) == 8


def test_refusal_ends_the_pull_at_once(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(status=403)

    assert read("tariffs").state == PullState.FAILED
    assert len(cpo.requests) == 1


def test_shrinking_list_is_read_once_more(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(12)
    cpo.page_limit = 2
    cpo.fault = Fault(shrinking=True, times=2)

    pull = read("tariffs")

    assert pull.state == PullState.DONE
    assert "shorter" in pull.note
    assert set(ids(PartnerTariff)) >= {f"T{number:03d}" for number in range(10)}


def test_list_that_never_stops_shrinking_is_no_complete_pull(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(20)
    cpo.page_limit = 2
    cpo.fault = Fault(shrinking=True)

    pull = read("tariffs")

    assert pull.state == PullState.FAILED
    assert "shorter" in pull.note
    assert len(cpo.requests) < 25


def test_bad_objects_are_refused_alone(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(3)
    read("tariffs")
    broken = {**tariff("T001", at=LATER), "currency": "euros"}
    foreign = tariff("T777", party_id="XYZ")
    cpo.lists["tariffs"] = [tariff("T000", at=LATER), broken, foreign, tariff("T555")]

    pull = read("tariffs")

    assert (pull.state, pull.seen, pull.refused, pull.stored) == ("done", 4, 2, 2)
    assert "T777" in pull.note
    assert ids(PartnerTariff) == ["T000", "T001", "T002", "T555"]


def test_refused_object_is_not_taken_for_absent(cpo: OcpiPartner) -> None:
    cpo.lists["locations"] = [location("L1"), location("L2")]
    read("locations")
    cpo.lists["locations"] = [{**location("L1"), "publish": "yes"}, location("L2")]

    pull = read("locations")

    assert (pull.refused, ids(PartnerLocation, is_withdrawn=True)) == (1, [])


def test_huge_object_is_refused_alone(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(2)
    cpo.fault = Fault(huge_bytes=10_000_000)

    pull = read("tariffs")

    assert (pull.state, pull.refused, len(ids(PartnerTariff))) == ("done", 1, 2)


def test_killed_worker_goes_on_at_its_page(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(6)
    cpo.page_limit = 2
    with operator_context(A):
        pull = pull_start(partner=the_partner(), kind="tariffs", mode="full", now=NOW)
        instants = iter([NOW] * 6)
        # The clock stands still for a page and stops the worker at the second.
        with pytest.raises(StopIteration):
            pull_run(pull_id=pull.pk, clock=lambda: next(instants), until=NOW + timedelta(1))
        pull.refresh_from_db()
        assert (pull.state, pull.seen) == ("running", 2)
        assert pull_run(pull_id=pull.pk, clock=lambda: NOW) is None
        assert pull.pk not in pulls_due(now=NOW)
        later = NOW + timedelta(minutes=4)
        assert pull.pk in pulls_due(now=later)
        before = len(cpo.requests)

        pull_run(pull_id=pull.pk, clock=lambda: later)

        pull.refresh_from_db()
        assert (pull.state, pull.seen) == ("done", 6)
        assert [one.query["offset"] for one in cpo.requests[before:]] == ["2", "4"]


def test_worker_gives_the_pull_back_when_its_time_is_over(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(1)
    with operator_context(A):
        pull = pull_start(partner=the_partner(), kind="tariffs", mode="full", now=NOW)

        assert pull_run(pull_id=pull.pk, clock=lambda: NOW, until=NOW) == timedelta(0)
        assert pull.pk in pulls_due(now=NOW)


def test_two_pulls_at_once_are_one(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(20)
    cpo.page_limit = 2
    cpo.fault = Fault(slow_s=0.02)

    def one(_nth: int) -> int:
        with operator_context(A):
            return pull_now(partner=the_partner(), kind="tariffs", mode="full", clock=utc_now).pk

    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(one, range(4)))

    assert len(keys) == 1
    assert len(cpo.requests) == 10
    assert len(ids(PartnerTariff)) == 20


def test_push_during_a_pull_is_not_overwritten(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(20)
    cpo.page_limit = 2
    cpo.fault = Fault(slow_s=0.02, only=("tariffs",))
    newer = [tariff(f"T{number:03d}", at=LATER, price=0.9) for number in range(20)]

    def put(one: dict[str, Any]) -> int:
        return cpo.call("PUT", f"{cpo.ours('tariffs')}/FR/ABC/{one['id']}", one).http

    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(read, "tariffs")
        assert set(pool.map(put, newer)) <= {200, 201}
        assert running.result().state == PullState.DONE

    with operator_context(A):
        instants = {row.content["last_updated"] for row in PartnerTariff.objects.all()}
    assert instants == {LATER}


def test_cdrs_are_pulled_once(cpo: OcpiPartner) -> None:
    cpo.lists["cdrs"] = [cdr("C1"), cdr("C2")]

    first, second = read("cdrs"), read("cdrs")

    assert [(one.seen, one.stored) for one in (first, second)] == [(2, 2), (2, 0)]
    with operator_context(A):
        assert PartnerCdr.objects.count() == 2


def test_beat_begins_what_is_due(cpo: OcpiPartner) -> None:
    with operator_context(A):
        due = pulls_due(now=NOW)
        kinds = set(Pull.objects.filter(pk__in=due).values_list("kind", "mode"))
        served = ("locations", "sessions", "cdrs", "tariffs")
        assert kinds == {(kind, "full") for kind in served}
        for pull_id in due:
            pull_run(pull_id=pull_id, clock=lambda: NOW)

        assert pulls_due(now=NOW + timedelta(hours=3, minutes=59)) == []
        later = NOW + timedelta(hours=4, minutes=30)
        again = Pull.objects.filter(pk__in=pulls_due(now=later))
        assert {pull.mode for pull in again} == {"delta"}
        assert len(again) == 4
        for pull in again:
            pull_run(pull_id=pull.pk, clock=lambda: later)
        weekly = Pull.objects.filter(pk__in=pulls_due(now=NOW + timedelta(days=8)))
        modes = {pull.kind: pull.mode for pull in weekly}
        assert modes == {
            "cdrs": "delta", "sessions": "delta", "locations": "full", "tariffs": "full",
        }  # fmt: skip


def test_old_pulls_are_forgotten_but_the_last(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = tariffs(1)
    for days in range(3):
        read("tariffs", at=NOW + timedelta(days=days))

    with operator_context(A):
        assert pulls_prune(now=NOW + timedelta(days=200)) == 2
        assert Pull.objects.get().started_at == NOW + timedelta(days=2)


def test_resync_begins_all_lists(cpo: OcpiPartner) -> None:
    with operator_context(A):
        pulls = pulls_begin(partner=the_partner(), mode="full", now=NOW)

        assert [pull.kind for pull in pulls] == ["cdrs", "locations", "sessions", "tariffs"]


def test_many_tokens_take_few_statements(
    emsp: OcpiPartner, django_assert_max_num_queries: Any
) -> None:
    with operator_context(A):
        partner = the_partner()
        partner.pull_limit = 1000
        partner.save()
        emsp.page_limit = 1000
        emsp.lists["tokens"] = [token(f"UID{number:05d}") for number in range(1000)]

        # 1,000 tokens: begin, hold, one upsert, exchange, end.
        with django_assert_max_num_queries(50):
            pull = pull_now(partner=partner, kind="tokens", mode="full", clock=utc_now)

        assert (pull.state, pull.stored) == ("done", 1000)
        content = {**token("UID00000"), "valid": False}
        assert copy_put(partner=partner, kind="tokens", content=content, now=utc_now()).is_new is (
            False
        )
