"""A session is bound to the schema it was opened in.

Session tables are per schema already. The bond holds even when a table was copied: a cookie of
one operator replayed at another is no session there.
"""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from apps.tenants.schema import active_schema

BOND = "_operator_schema"


def bind_session(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Receiver of `user_logged_in`: write the schema into the new session."""
    request.session[BOND] = active_schema()


def is_bound_here(session: SessionBase) -> bool:
    """True for an anonymous session, and for a log-in made in the current schema."""
    return SESSION_KEY not in session or session.get(BOND) == active_schema()
