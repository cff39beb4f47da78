"""The supervisor on tiny real processes: order, restarts, stop, what a kill leaves."""

import os
import signal
from functools import partial

from cariflex.runtime.layout import Layout
from cariflex.runtime.procfs import instance_processes, wait_until
from cariflex.runtime.services import Service
from cariflex.runtime.supervisor import Runner
from tests.runtime.conftest import PATIENCE_S, Island

FOREVER = "exec sleep 600"


def lines(island: Island, name: str) -> list[str]:
    path = island.layout.var / name
    return path.read_text().split() if path.exists() else []


def test_services_start_in_the_order_of_what_they_need(island: Island) -> None:
    island.begin(
        {"name": "web", "script": f"echo web >> order; {FOREVER}", "needs": ["migrate"]},
        {"name": "migrate", "script": "echo migrate >> order", "one_shot": True, "needs": ["db"]},
        {
            "name": "db",
            "script": f"sleep 0.4; echo db >> order; echo up; {FOREVER}",
            "ready_line": "^up$",
        },
    )

    state = island.wait_for("ready")

    assert lines(island, "order") == ["db", "migrate", "web"]
    assert {s.name: s.state for s in state.services} == {
        "web": "ready",
        "migrate": "done",
        "db": "ready",
    }


def test_independent_services_start_side_by_side(island: Island) -> None:
    slow = {"script": "sleep 1", "one_shot": True}
    island.begin(*({"name": f"step-{n}", **slow} for n in range(4)))

    state = island.wait_for("ready")

    assert state.took_s is not None
    assert 1.0 <= state.took_s < 2.5


def test_a_killed_daemon_is_started_again_with_growing_pauses(island: Island) -> None:
    island.begin({"name": "worker", "script": f"date +%s.%N >> starts; {FOREVER}"})
    island.wait_for("ready")

    def ready_again(restarts: int) -> bool:
        worker = island.service("worker")
        has_begun = len(lines(island, "starts")) == restarts + 1
        return worker.restarts == restarts and worker.state == "ready" and has_begun

    assert wait_until(partial(ready_again, 0), PATIENCE_S)
    for restarts in (1, 2, 3):
        pid = island.service("worker").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert wait_until(partial(ready_again, restarts), PATIENCE_S)

    starts = [float(line) for line in lines(island, "starts")]
    pauses = [after - before for before, after in zip(starts, starts[1:], strict=False)]
    assert len(starts) == 4
    assert pauses[1] - pauses[0] > 0.3
    assert pauses[2] - pauses[1] > 0.7
    assert island.service("worker").last_error == "was ended by SIGKILL"


def test_a_one_shot_step_that_fails_fails_the_start_and_names_the_cause(island: Island) -> None:
    island.begin(
        {"name": "db", "script": FOREVER},
        {"name": "migrate", "script": "echo no such table; exit 4", "one_shot": True},
        {"name": "web", "script": "echo web >> order", "needs": ["migrate"]},
    )
    assert island.process is not None

    assert island.process.wait(PATIENCE_S) == 1

    state = island.state
    assert state is not None
    assert state.state == "failed"
    assert state.error == "migrate ended with exit code 4"
    assert "no such table" in island.log("migrate")
    assert lines(island, "order") == []
    assert instance_processes(island.layout.var) == []


def test_a_one_shot_step_that_is_killed_is_tried_again(island: Island) -> None:
    script = "test -e tried && exit 0; touch tried; kill -9 $$"
    island.begin({"name": "migrate", "script": script, "one_shot": True})

    state = island.wait_for("ready")

    assert state.services[0].restarts == 1


def test_a_daemon_that_never_gets_ready_fails_the_start(island: Island) -> None:
    island.begin(
        {"name": "web", "script": FOREVER, "ready_line": "^never$", "start_timeout_s": 0.5}
    )
    assert island.process is not None

    assert island.process.wait(PATIENCE_S) == 1

    state = island.state
    assert state is not None
    assert "web was not ready after" in state.error


def test_stop_ends_dependents_first_and_leaves_no_process(island: Island) -> None:
    on_term = "trap 'echo {0} >> ended; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    island.begin(
        {"name": "db", "script": on_term.format("db"), "ready_line": "^up$"},
        {
            "name": "web",
            "script": on_term.format("web"),
            "needs": ["db"],
            "ready_line": "^up$",
        },
    )
    island.wait_for("ready")

    assert island.stop() == 0

    assert lines(island, "ended") == ["web", "db"]
    assert instance_processes(island.layout.var) == []
    state = island.state
    assert state is not None
    assert state.state == "stopped"


def test_stop_ends_a_deaf_process_and_its_own_children_by_force(island: Island) -> None:
    script = "trap '' TERM; (sleep 600) & (setsid sleep 600) & echo up; wait"
    island.begin({"name": "deaf", "script": script, "ready_line": "^up$", "stop_timeout_s": 0.5})
    island.wait_for("ready")
    assert len(instance_processes(island.layout.var)) >= 3

    assert island.stop() == 0

    assert instance_processes(island.layout.var) == []


def test_nothing_outlives_a_killed_supervisor(island: Island) -> None:
    island.begin({"name": "worker", "script": FOREVER}, {"name": "other", "script": FOREVER})
    island.wait_for("ready")
    assert island.process is not None

    island.process.kill()
    island.process.wait()

    assert wait_until(lambda: instance_processes(island.layout.var) == [], PATIENCE_S)


def test_the_next_start_ends_what_a_killed_supervisor_left(island: Island) -> None:
    # A grandchild in a session of its own: the kernel's death signal does not reach it.
    script = "(setsid sleep 600) & echo up; wait"
    island.begin({"name": "worker", "script": script, "ready_line": "^up$"})
    island.wait_for("ready")
    assert island.process is not None
    island.process.kill()
    island.process.wait()
    left = instance_processes(island.layout.var)
    assert left

    island.begin({"name": "worker", "script": FOREVER})
    island.wait_for("ready")

    assert not any(process.alive for process in left)


def test_a_pid_that_was_reused_is_left_alone(island: Island) -> None:
    island.begin({"name": "worker", "script": FOREVER})
    state = island.wait_for("ready")
    island.stop()
    # The recorded pid now belongs to this very test run, which started at another time.
    state.services[0].pid = os.getpid()
    state.services[0].start_ticks = 1
    state.write(island.layout.state_file)

    island.begin({"name": "worker", "script": FOREVER})

    island.wait_for("ready")


def test_an_unavailable_service_is_shown_and_does_not_hold_up_the_others(island: Island) -> None:
    island.begin(
        {"name": "planner", "script": FOREVER, "unavailable": "needs another Python"},
        {"name": "web", "script": FOREVER, "needs": ["planner"]},
    )

    state = island.wait_for("ready")

    planner = state.services[0]
    assert (planner.state, planner.last_error, planner.pid) == (
        "unavailable",
        "needs another Python",
        None,
    )


def test_the_pause_between_restarts_is_forgotten_after_a_healthy_time(layout: Layout) -> None:
    runner = Runner(layout, Service("worker", ("/bin/sleep", "600"), folder=str(layout.var)))
    runner.was_ready = True
    for lived_s, next_pause_s in ((1, 1.0), (1, 2.0), (61, 1.0)):
        runner.start()
        assert runner.child is not None
        runner.child.started -= lived_s
        os.kill(runner.child.pid, signal.SIGKILL)
        runner.on_exit(os.waitpid(runner.child.pid, 0)[1], stopping=False)

        assert runner.backoff_s == next_pause_s
