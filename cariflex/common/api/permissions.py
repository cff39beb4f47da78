"""Who may: by Django's model permissions, named by each view for each method."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DeclaredPermissions(BasePermission):
    """The user has every permission in `view.permissions[method]`; a method without entry is shut.

    HEAD needs what GET needs. A method that the view does not have passes, to be answered with 405.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """True when all named permissions are the user's."""
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
            return True
        needed = getattr(view, "permissions", {}).get(method)
        return needed is not None and request.user.has_perms(needed)
