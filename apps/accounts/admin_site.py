"""Small parts of the admin's frame."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _


def environment_label(request: HttpRequest) -> list[str] | None:
    """The badge beside the title: the operator's name, and that it is a demo."""
    operator = getattr(request, "tenant", None)
    if operator is None:
        return None
    if settings.DEMO:
        return [f"{operator.name} · {_('demo')}", "info"]
    return [operator.name, "success"]
