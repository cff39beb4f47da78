"""A poll worker is killed while the island lives: how much is missing, and that it is shown."""

import json
import logging
import os
import signal
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.assets.services.shards import LEASE_S
from cariflex.common.time import utc_now
from cariflex.runtime.procfs import wait_until
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.slow]
logger = logging.getLogger(__name__)

RECOVERY_S = 120
AROUND_S = 15.0
"""Before the kill and after the recovery, to see that polling was, and is, on time."""
DEVICES = 40
"""Two operators of 20, polled each 2 s."""
DISPATCH_S = 2.0
ON_A_BUSY_MACHINE_S = 4.0
"""From the dispatch to the first answers, and from the last answers to the last flush (1 s)."""

# Runs inside the product, as `./run manage shell` does: raw readings beside what is shown of them.
FACTS = """
import json
from datetime import datetime, timedelta
from apps.assets.models import Reading, Sensor
from apps.assets.selectors import series, slot_means
from apps.tenants.context import operator_context
from apps.tenants.selectors import active_schemas
begin, end = (datetime.fromisoformat(at) for at in {span!r})
minute = begin.replace(second=0, microsecond=0)
facts = []
for schema in active_schemas():
    with operator_context(schema):
        sensors = dict(
            Sensor.objects.filter(
                quantity="power_kw", channel="", device__stage="in_service"
            ).values_list("id", "device__poll_period_s")
        )
        for sensor_id, period_s in sensors.items():
            rows = Reading.objects.filter(sensor_id=sensor_id, at__gte=minute, at__lt=end)
            seconds = slot_means(
                sensor_ids=[sensor_id], start=begin, end=end, resolution=timedelta(seconds=1)
            )
            minutes = series([sensor_id], minute, end, timedelta(minutes=1))
            facts.append(dict(
                sensor=f"{{schema}} {{sensor_id}}",
                period_s=period_s,
                at=[at.isoformat() for at in rows.order_by("at").values_list("at", flat=True)],
                seconds=[slot.start.isoformat() for slot in seconds],
                minutes=[(p.start.isoformat(), p.count, p.bad_count, p.coverage) for p in minutes],
            ))
print("FACTS " + json.dumps(facts))
"""


def facts_of(stack: Stack, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    """The readings of each power sensor of each operator over [begin, end)."""
    script = FACTS.format(span=(begin.isoformat(), end.isoformat()))
    shown = stack.run("manage", "shell", "-c", script)
    assert shown.returncode == 0, shown.stdout
    line = next(line for line in shown.stdout.splitlines() if line.startswith("FACTS "))
    facts: list[dict[str, Any]] = json.loads(line.removeprefix("FACTS "))
    return facts


def reached(moment: datetime) -> bool:
    return wait_until(lambda: utc_now() >= moment, 180, 0.5)


def is_back(stack: Stack, restarts: int) -> bool:
    entry = stack.service("worker-poll")
    return bool(entry["state"] == "ready" and entry["restarts"] > restarts)


def is_polled(stack: Stack) -> bool:
    """True when each device was read all the time lately."""
    now = utc_now()
    facts = facts_of(stack, now - timedelta(seconds=AROUND_S), now)
    return len(facts) == DEVICES and all(len(fact["seconds"]) >= 4 for fact in facts)


def longest_gap(at: list[datetime]) -> tuple[datetime, datetime]:
    return max(zip(at, at[1:], strict=False), key=lambda pair: pair[1] - pair[0])


def test_a_killed_poll_worker_costs_a_lease_of_readings_that_is_shown_as_missing(
    stack: Stack,
) -> None:
    assert wait_until(lambda: is_polled(stack), RECOVERY_S, 1.0)
    # In the second quarter of a minute, so that the gap lies in that minute.
    now = utc_now()
    wait_s = (AROUND_S - now.second - now.microsecond / 1e6) % 60
    assert reached(now + timedelta(seconds=wait_s))

    entry = stack.service("worker-poll")
    killed_at = utc_now()
    os.kill(entry["pid"], signal.SIGKILL)
    assert wait_until(lambda: is_back(stack, entry["restarts"]), RECOVERY_S, 0.2), stack.status()
    ready_at = utc_now()
    over = killed_at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = max(over, ready_at + timedelta(seconds=LEASE_S + AROUND_S))
    # The minute is rolled up some seconds after its end.
    assert reached(end + timedelta(seconds=15))
    facts = facts_of(stack, killed_at - timedelta(seconds=AROUND_S), end)

    without_worker_s = max(LEASE_S, (ready_at - killed_at).total_seconds())
    assert len(facts) == DEVICES
    longest_s: dict[str, float] = {}
    for fact in facts:
        at = [datetime.fromisoformat(text) for text in fact["at"]]
        begin, resumed = longest_gap(at)
        gap_s = (resumed - begin).total_seconds()
        allowed_s = without_worker_s + DISPATCH_S + fact["period_s"] + ON_A_BUSY_MACHINE_S
        longest_s[fact["sensor"]] = round(gap_s, 1)
        assert 2 * fact["period_s"] < gap_s <= allowed_s, (fact["sensor"], gap_s, allowed_s)
        assert begin <= killed_at < resumed
        _assert_shown_as_missing(fact, at, begin, resumed)
    logger.info(
        "worker away %.1f s, gaps %.1f to %.1f s",
        (ready_at - killed_at).total_seconds(),
        min(longest_s.values()),
        max(longest_s.values()),
    )


def _assert_shown_as_missing(
    fact: dict[str, Any], at: list[datetime], begin: datetime, resumed: datetime
) -> None:
    second = timedelta(seconds=1)
    slots = [datetime.fromisoformat(text) for text in fact["seconds"]]
    assert [slot for slot in slots if begin < slot and slot + second <= resumed] == []
    for text, count, bad_count, coverage in fact["minutes"]:
        start = datetime.fromisoformat(text)
        read = [moment for moment in at if start <= moment < start + timedelta(minutes=1)]
        # Nothing is counted that was not read.
        assert count + bad_count == len(read), fact["sensor"]
        if start <= begin and resumed <= start + timedelta(minutes=1):
            missed = round((resumed - begin).total_seconds() / fact["period_s"]) - 1
            # One poll more or less falls into a minute.
            assert coverage <= 1 - (missed - 1) * fact["period_s"] / 60, fact["sensor"]
