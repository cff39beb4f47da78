"""FlexMeasures in one process tree: imported once, then forked into a web server and an RQ worker.

Run by the interpreter of .venv-flexmeasures. An import costs several seconds and 400 MB, so it is
shared. A worker that ends is forked anew (a solver that eats the memory does not take the web
server along); if the web server ends, all of it ends, and whoever watches starts it again.

CARIFLEX_FLEXMEASURES_PARTS names the parts to run, `web,worker` if it is not set. `worker` serves
the queues `scheduling` and `forecasting`. There is none for the queue `ingestion` then: posted data
are stored before the answer, and a schedule that is asked for next sees them. With the part
`ingestion` FlexMeasures answers at once and stores later, which helps when many post much; Cariflex
then waits for each post's job before it asks for a plan.
"""

import ctypes
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PR_SET_PDEATHSIG = 1
UPGRADED = "CARIFLEX_FLEXMEASURES_UPGRADED"
PARTS_VARIABLE = "CARIFLEX_FLEXMEASURES_PARTS"
QUEUES = {"worker": ("scheduling", "forecasting"), "ingestion": ("ingestion",)}
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 60.0
GUNICORN = {
    "workers": 1,
    "threads": 4,
    "worker_class": "gthread",
    "timeout": 120,
    "graceful_timeout": 5,
    "preload_app": True,
    "proc_name": "flexmeasures",
    "accesslog": None,
    "control_socket_disable": True,
}


def say(text):
    """One line for the log, at once."""
    sys.stdout.write(f"[launcher] {text}\n")
    sys.stdout.flush()


def trim_imports():
    """Skip two import-time costs (3.7 s and 1.5 s of 10 s) that buy this server nothing.

    `inflect` re-parses its own source to check argument types; `properscoring` compiles machine
    code for a forecast score that has a plain numpy form beside it.
    """
    import typeguard

    checked = typeguard.typechecked
    typeguard.typechecked = lambda target=None, **_: (lambda t: t) if target is None else target
    import inflect  # noqa: F401

    typeguard.typechecked = checked
    sys.modules["properscoring._gufuncs"] = None


def make_app():
    """The application on an up-to-date database; an upgrade starts this script once more."""
    from flexmeasures.app import create

    behind = os.environ.pop(UPGRADED, None) is None
    app = create()
    if app.database_schema_is_migrated_to_head:
        return app
    from flexmeasures.data.utils import get_database_schema_revision_status

    status = get_database_schema_revision_status(app)
    if status.inspection_error or not behind:
        sys.exit(f"the database cannot be used: {status}")
    say(f"upgrading the database to {', '.join(status.expected_heads)}")
    upgrade(app)
    # Alembic turns the loggers off, and the app made its start-up rows before the tables existed.
    os.environ[UPGRADED] = "1"
    return os.execv(sys.executable, [sys.executable, os.path.abspath(__file__)])  # noqa: S606


def upgrade(app):
    """What `flexmeasures db upgrade` does."""
    import flask_migrate
    from flexmeasures.data import db
    from sqlalchemy import text

    with app.app_context():
        flask_migrate.upgrade()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as link:
            link.execute(text("VACUUM ANALYZE"))


def forget_connections(app):
    """Leave the parent's database and Redis sockets to the parent."""
    from flexmeasures.data import db

    with app.app_context():
        db.engine.dispose(close=False)
    app.redis_connection.connection_pool.reset()


def end_with_parent(parent):
    """Ask the kernel to end this process when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def work(app, queues):
    """An RQ worker, built like `flexmeasures jobs run-worker` builds it."""
    from flexmeasures.cli.jobs import get_exception_handler
    from rq import Worker
    from sqlalchemy.orm import configure_mappers

    class LeashedWorker(Worker):
        """Each job runs in a child with a session of its own: it must not outlive the worker."""

        # While Redis is away; the default of a minute is a minute without plans once it is back.
        max_connection_wait_time = 4.0

        def main_work_horse(self, *arguments):
            end_with_parent(worker_pid)
            return super().main_work_horse(*arguments)

    worker_pid = os.getpid()
    forget_connections(app)
    with app.app_context():
        configure_mappers()
        worker = LeashedWorker(
            [app.queues[name] for name in queues],
            connection=app.redis_connection,
            name=f"cariflex-{os.getpid()}-{int(time.time())}",
            exception_handlers=[get_exception_handler(queues[0])],
        )
        worker.work(with_scheduler=False)


def serve(app, port):
    """The web server, by gunicorn's own application class."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self):
            for name, value in {**GUNICORN, "bind": f"127.0.0.1:{port}"}.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)
            self.cfg.set("post_fork", self.after_fork)

        def after_fork(self, _arbiter, worker):
            end_with_parent(worker.ppid)
            forget_connections(app)

        def load(self):
            return app

    Server().run()


def fork(name, target, *arguments):
    """Run a function in a child that never returns here; gives its pid."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        say(f"{name} is pid {pid}")
        return pid
    code = 1
    try:
        end_with_parent(parent)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        target(*arguments)
        code = 0
    except SystemExit as err:
        code = err.code if isinstance(err.code, int) else 1
    except BaseException:  # noqa: BLE001  the outer edge of a forked child
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Parts:
    """The running parts by pid, the workers among them kept running."""

    def __init__(self, app, names, port):
        self.app = app
        self.port = port
        self.running = {}
        self.due = {}
        self.pauses = dict.fromkeys(names, FIRST_PAUSE_S)
        self.begun = {}
        self.stopping = False

    def start(self, name):
        if name == "web":
            pid = fork(name, serve, self.app, self.port)
        else:
            pid = fork(name, work, self.app, QUEUES[name])
        self.running[pid] = name
        self.begun[name] = time.monotonic()

    def end(self, number):
        for pid in self.running:
            os.kill(pid, number)

    def on_stop(self, _number, _frame):
        self.stopping = True
        self.due = {}
        self.end(signal.SIGTERM)

    def on_end(self, pid, status):
        """Note when an ended worker is due again; False if all has to end."""
        name = self.running.pop(pid, None)
        if name is None or self.stopping:
            return True
        say(f"{name} ended ({os.waitstatus_to_exitcode(status)})")
        if name == "web":
            self.end(signal.SIGKILL)
            return False
        now = time.monotonic()
        if now - self.begun[name] > HEALTHY_S:
            self.pauses[name] = FIRST_PAUSE_S
        self.due[name] = now + self.pauses[name]
        self.pauses[name] = min(2 * self.pauses[name], LONGEST_PAUSE_S)
        return True

    def start_due(self):
        for name in [name for name, at in self.due.items() if at <= time.monotonic()]:
            del self.due[name]
            self.start(name)


def watch(parts):
    """Keep the parts running until a stop is asked for or the web server ends."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, parts.on_stop)
    whole = True
    while parts.running or (parts.due and whole):
        pid, status = os.waitpid(-1, os.WNOHANG) if parts.running else (0, 0)
        if pid:
            whole = parts.on_end(pid, status) and whole
            continue
        if whole and not parts.stopping:
            parts.start_due()
        time.sleep(0.2)
    return 0 if whole else 1


def main():
    begun = time.monotonic()
    port = int(os.environ["CARIFLEX_FLEXMEASURES_PORT"])
    names = [name for name in (os.environ.get(PARTS_VARIABLE) or "web,worker").split(",") if name]
    if unknown := set(names) - {"web", *QUEUES}:
        sys.exit(f"{PARTS_VARIABLE} names {', '.join(sorted(unknown))}: no such part")
    sys.path.insert(0, HERE)
    trim_imports()
    import flexmeasures.app  # noqa: F401

    say(f"imported after {time.monotonic() - begun:.1f} s")
    app = make_app()
    say(f"application made after {time.monotonic() - begun:.1f} s")
    parts = Parts(app, names, port)
    for name in names:
        parts.start(name)
    return watch(parts)


if __name__ == "__main__":
    sys.exit(main())
