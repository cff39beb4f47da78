"""Each part of FlexMeasures is killed and held down under load: is every device led all the time?

    ./run bench drills [--minutes 10] [--only web,worker,redis,database] [--port 5780]

It starts a whole stack of its own with the demo islands; FlexMeasures has a PostgreSQL and a Redis
aside, so that they can be killed without touching the product's. Its web server, its planning
worker, its Redis and its database are killed (SIGKILL) one after the other, and whatever comes back
is killed again at once until the time is over. Once a second every controlled battery must have a
set-point in force in our database and obey one at its (simulated) registers, and every running car
must have a profile or be free to charge. Afterwards: how soon the outbox is empty, whether
FlexMeasures holds every slot mean once, and how soon each island has a new plan.

Ends with 1 if a device was without a set-point, a mean is missing or doubled, or no plan came back.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.utils import translation  # noqa: E402

from apps.flexibility.choices import ControlMode, reason_words  # noqa: E402
from bench.drills_books import Books, compare  # noqa: E402
from bench.drills_stack import DrillStack, Part  # noqa: E402
from bench.drills_watch import Sample, Seen, Watch, plug_cars  # noqa: E402
from bench.report import RESULTS, report  # noqa: E402
from cariflex.common.units import QUARTER_HOUR, floor_slot  # noqa: E402
from cariflex.runtime.layout import Layout  # noqa: E402
from cariflex.runtime.testing import free_base_port  # noqa: E402

FIRST_PORT = 5780
CARS = 4
READY_PATIENCE_S = 600.0
BACK_PATIENCE_S = 900.0
STRIKE_EVERY_S = 0.1
EDGE_LEAD_S = 60.0
"""Of a longer drill: a quarter hour shall begin while it lasts, for a plan is due then."""


@dataclass
class Drill:
    """What one drill gave; seconds, None for what never came."""

    part: str
    down_s: float
    kills: int = 0
    samples: list[Sample] = field(default_factory=list)
    after: list[Sample] = field(default_factory=list)
    ready_s: float | None = None
    drained_s: float | None = None
    planned_s: float | None = None
    books: Books | None = None
    doubles: int = 0
    timeline: list[str] = field(default_factory=list)
    told_s: float | None = None

    def without(self, lacking: str) -> int:
        """Device-seconds, of the drill and of the recovery."""
        return sum(len(getattr(s, lacking)) for s in (*self.samples, *self.after))

    @property
    def passed(self) -> bool:
        """All that is wanted."""
        lacking = ("without_setpoint", "without_live", "cars_without")
        held = self.books is not None and not (self.books.missing or self.books.different)
        came_back = self.drained_s is not None and self.planned_s is not None
        return not any(map(self.without, lacking)) and held and came_back and not self.doubles

    def row(self) -> dict[str, object]:
        """The line of the table."""
        looks = (*self.samples, *self.after)
        books = self.books or Books(0, 0, 0, 0)
        return {
            "killed": self.part,
            "down s": round(self.down_s),
            "kills": self.kills,
            "battery-s": sum(s.batteries for s in looks),
            "without set-point": self.without("without_setpoint"),
            "not live": self.without("without_live"),
            "car-s": sum(s.cars for s in looks),
            "cars without": self.without("cars_without"),
            "told after s": _s(self.told_s),
            "backlog": max((s.backlog for s in looks), default=0),
            "ready after s": _s(self.ready_s),
            "empty after s": _s(self.drained_s),
            "means": books.handed_over,
            "missing": books.missing + books.different,
            "doubles": self.doubles,
            "plan after s": _s(self.planned_s),
        }


def _s(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f}"


def say(line: str) -> None:
    """A line with the time, at once."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


def words(seen: Seen) -> str:
    """What the operator reads."""
    with translation.override("en"):
        mode = str(ControlMode(seen.mode).label)
        reason = reason_words(seen.reason_code) if seen.reason_code else ""
    return f"{mode} ({reason})" if reason else mode


def timeline(samples: Iterable[Sample], begun: float) -> list[str]:
    """Each change of what an island follows: seconds after the kill, island, words."""
    last: dict[str, Seen] = {}
    lines = []
    for sample in samples:
        for operator, seen in sample.seen.items():
            if last.get(operator) != seen:
                lines.append(f"{sample.at - begun:+7.1f} s  {operator:<11} {words(seen)}")
            last[operator] = seen
    return lines


def hold_down(part: Part, watch: Watch, minutes: float) -> tuple[Drill, float]:
    """Kill a part and keep it down; gives the drill and the instant of the first kill."""
    begun = time.monotonic()
    drill = Drill(part.name, 0.0)
    while time.monotonic() - begun < minutes * 60:
        drill.kills += part.strike()
        time.sleep(STRIKE_EVERY_S)
    drill.down_s = time.monotonic() - begun
    drill.samples = watch.between(begun, begun + drill.down_s)
    for sample in drill.samples:
        if any(seen.mode != "plan" or seen.reason_code for seen in sample.seen.values()):
            drill.told_s = sample.at - begun
            break
    return drill, begun


def recover(stack: DrillStack, part: Part, watch: Watch, drill: Drill, twice: int) -> None:
    """Let the part come back and see the backlog drained and both islands planned."""
    part.restore()
    restored, restored_at = time.monotonic(), datetime.now(UTC)
    limit = restored + BACK_PATIENCE_S
    while time.monotonic() < limit and None in (drill.ready_s, drill.drained_s, drill.planned_s):
        last = watch.last()
        if drill.ready_s is None and stack.flexmeasures_ready():
            drill.ready_s = time.monotonic() - restored
        if last is not None and last.at > restored:
            if drill.drained_s is None and last.backlog == 0 and drill.ready_s is not None:
                drill.drained_s = last.at - restored
            planned = last.planned_at.values()
            if drill.planned_s is None and planned and min(planned) > restored_at:
                drill.planned_s = last.at - restored
        time.sleep(0.5)
    drill.after = watch.between(restored, time.monotonic())
    drill.books = compare(stack.database_url, stack.flexmeasures_database_url)
    drill.doubles = drill.books.twice - twice


def wait_for_an_edge(minutes: float) -> None:
    """Until a quarter hour begins within a drill that begins now and leaves time for a plan."""
    now = datetime.now(UTC)
    to_edge_s = (floor_slot(now) + QUARTER_HOUR - now).total_seconds()
    if to_edge_s < minutes * 60 - EDGE_LEAD_S:
        return
    say(f"the first kill is in {to_edge_s - EDGE_LEAD_S:.0f} s, before the next quarter hour")
    time.sleep(max(0.0, to_edge_s - EDGE_LEAD_S))


def drills(stack: DrillStack, watch: Watch, names: list[str], minutes: float) -> list[Drill]:
    """All drills, one after the other."""
    done: list[Drill] = []
    for part in stack.parts():
        if part.name not in names:
            continue
        came = plug_cars(stack.main.ports, each=CARS, stay_s=minutes * 60 + 300)
        if watch.wait(lambda sample: sample.is_whole, READY_PATIENCE_S) is None:
            say("the islands do not follow a plan: this drill begins all the same")
        if minutes >= 2 and not done:
            wait_for_an_edge(minutes)
        twice = compare(stack.database_url, stack.flexmeasures_database_url).twice
        say(f"{part.name} is killed for {minutes:g} min ({came} more cars)")
        drill, begun = hold_down(part, watch, minutes)
        say(f"{part.name} may come back after {drill.kills} kills")
        recover(stack, part, watch, drill, twice)
        drill.timeline = timeline((*drill.samples, *drill.after), begun)
        done.append(drill)
        print("\n".join(drill.timeline), flush=True)
        tell([drill])
    return done


def tell(done: list[Drill]) -> None:
    """The table, and the states in words beside it."""
    report(
        "drills",
        [drill.row() for drill in done],
        wanted="0 without, 0 not live, 0 missing, 0 doubles, empty and planned again by itself",
    )
    states = {drill.part: drill.timeline for drill in done}
    (RESULTS / "drills_states.json").write_text(json.dumps(states, indent=1) + "\n")


def lacking(done: list[Drill]) -> None:
    """Names what was without anything, and when."""
    for drill in done:
        for sample in (*drill.samples, *drill.after):
            names = sample.without_setpoint | sample.without_live | sample.cars_without
            if names:
                say(f"{drill.part}: without at {sample.at:.0f}: {', '.join(sorted(names))}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the drills asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", default="web,worker,redis,database")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    # Also when it was started in the background, where SIGINT is ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    var = Layout.from_environment().var / "drills"
    stack = DrillStack(var, given.port or free_base_port(FIRST_PORT))
    watch = Watch(stack.database_url, stack.main.ports)
    try:
        say(f"starting a stack on ports {stack.main.ports.base} and {stack.aside.ports.base}")
        stack.start(say)
        watch.start()
        done = drills(stack, watch, given.only.split(","), given.minutes)
        tell(done)
        lacking(done)
        if watch.failures:
            say(f"{len(watch.failures)} looks failed, the first: {watch.failures[0]}")
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        watch.stop()
        stack.stop()
    return 0 if done and all(drill.passed for drill in done) else 1


if __name__ == "__main__":
    sys.exit(main())
