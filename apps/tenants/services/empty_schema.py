"""Migrate a schema that is still empty in a quarter of the time, to the same tables.

For each model that a migration creates Django makes the classes of all related models anew, which
is nine tenths of the time that a new operator takes. A new model needs its own class alone. What
is left out matters when a later migration changes a key that others refer to, so it is done only
where there is nothing to lose, and `tests/tenants/test_empty_schema.py` compares the tables with
those that Django makes by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock

from django.core.management import call_command
from django.db.migrations.state import ModelState, ProjectState

from apps.tenants.migrations_state import is_empty

_one_at_a_time = RLock()


def schema_migrate(schema_name: str) -> None:
    """Every migration that a schema lacks; `public` gets those of the shared apps."""
    words = {"shared": True} if schema_name == "public" else {"schema_name": schema_name}
    with new_models_rendered_alone() if is_empty(schema_name) else nullcontext():
        call_command("migrate_schemas", interactive=False, verbosity=0, **words)


@contextmanager
def new_models_rendered_alone() -> Iterator[None]:
    """A created model gets its class; those of its relations are late until code asks for them."""
    with _one_at_a_time:
        add_model = ProjectState.add_model

        def add_alone(state: ProjectState, model: ModelState) -> None:
            apps = state.__dict__.pop("apps", None)
            add_model(state, model)
            if apps is not None:
                with apps.bulk_update():
                    model.render(apps)
                state.__dict__["apps"] = apps
                # A migration's own code (RunPython) then gets all classes anew.
                state.is_delayed = True

        ProjectState.add_model = add_alone  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            ProjectState.add_model = add_model  # type: ignore[method-assign]
