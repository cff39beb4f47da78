"""Users of the current schema."""

from django.contrib.auth.models import Group
from django.db import transaction

from apps.accounts.models import User
from apps.accounts.roles import STAFF_ROLES, Role


@transaction.atomic
def user_ensure(
    *,
    username: str,
    password: str,
    role: Role | None = None,
    is_superuser: bool = False,
    email: str = "",
    reset_password: bool = False,
) -> User:
    """The user with this role, made with this password.

    An existing user keeps its password, which somebody may have changed, unless `reset_password`.
    """
    user, created = User.objects.select_for_update().get_or_create(username=username)
    user.email = email
    user.is_superuser = is_superuser
    user.is_staff = is_superuser or role in STAFF_ROLES
    if created or reset_password:
        user.set_password(password)
    user.save()
    if role is not None:
        user.groups.set([Group.objects.get(name=role.value)])
    return user
