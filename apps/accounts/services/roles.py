"""Groups of an operator's schema, made from the table of roles."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from apps.accounts.roles import GRANTS, Grant, Role


@transaction.atomic
def roles_ensure() -> None:
    """Each role's group has exactly the permissions of the table; safe to repeat."""
    for role in Role:
        group, _created = Group.objects.get_or_create(name=role.value)
        group.permissions.set(_permissions(GRANTS[role]))


def _permissions(grants: tuple[Grant, ...]) -> list[Permission]:
    wanted = Q(pk__in=[])
    for grant in grants:
        scope = Q(content_type__app_label=grant.app_label)
        if grant.model != "*":
            scope &= Q(content_type__model=grant.model)
        actions = Q(pk__in=[])
        for action in grant.actions:
            actions |= Q(codename__startswith=f"{action}_")
        wanted |= scope & actions
    return list(Permission.objects.filter(wanted))
