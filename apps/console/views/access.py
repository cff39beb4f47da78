"""Who may see the console's pages, and who may act there."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.roles import Role

View = Callable[..., HttpResponse]
FRAGMENT_HEADER = "X-Fragment"


def console_view(view: View) -> View:
    """A page for the operator's own people: signed in, and not a partner's machine."""
    return require_safe(login_required(_guarded(view)))


def console_action(view: View) -> View:
    """Something that a signed-in person does with a form of a page."""
    return login_required(require_POST(_guarded(view)))


def permission_needed(permission: str) -> Callable[[View], View]:
    """For who may do this only; others are refused with 403. Below `console_view`."""

    def needed(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return checked

    return needed


def may_use_console(user: object) -> bool:
    """True for a signed-in user who is staff, or has any role but the partner API's."""
    if not getattr(user, "is_authenticated", False) or not getattr(user, "is_active", False):
        return False
    if getattr(user, "is_staff", False):
        return True
    roles = set(user.groups.values_list("name", flat=True))  # type: ignore[attr-defined]
    return roles != {Role.PARTNER_API.value}


def json_reply(text: str) -> HttpResponse:
    """JSON text that nobody keeps."""
    response = HttpResponse(text, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def next_address(request: HttpRequest, otherwise: str) -> str:
    """The page that a form stands on, when it names one of ours."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if is_ours else otherwise


def is_fragment(request: HttpRequest, name: str) -> bool:
    """True when a script asks for a part of the page only."""
    return request.headers.get(FRAGMENT_HEADER) == name


def _guarded(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not may_use_console(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
