"""Roles are groups of an operator's schema, made from one table."""

import pytest
from django.contrib.auth.models import Group

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.tenants.models import Operator


def test_every_role_is_a_group(operator_a: Operator) -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {role.value for role in Role}


def test_a_permission_given_by_hand_is_taken_back(operator_a: Operator) -> None:
    analyst = Group.objects.get(name=Role.ANALYST.value)
    before = set(analyst.permissions.values_list("codename", flat=True))
    operations = Group.objects.get(name=Role.OPERATOR_ADMIN.value)
    analyst.permissions.set(operations.permissions.all())

    roles_ensure()

    assert set(analyst.permissions.values_list("codename", flat=True)) == before
    assert all(codename.startswith("view_") for codename in before)


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        (Role.OPERATOR_ADMIN, "accounts.change_user", True),
        (Role.OPERATIONS, "accounts.view_user", False),
        (Role.OPERATIONS, "assets.change_device", True),
        (Role.OPERATIONS, "assets.delete_device", False),
        (Role.OPERATIONS, "billing.change_tariff", False),
        (Role.BILLING, "billing.change_tariff", True),
        (Role.BILLING, "billing.view_cdr", True),
        (Role.BILLING, "billing.export_cdr", True),
        (Role.ANALYST, "billing.export_cdr", False),
        (Role.BILLING, "assets.view_device", False),
        (Role.ANALYST, "assets.view_reading", True),
        (Role.ANALYST, "assets.change_device", False),
        (Role.PARTNER_API, "billing.view_cdr", True),
        (Role.PARTNER_API, "chargers.view_idtoken", False),
        (Role.PARTNER_API, "assets.add_reading", True),
        (Role.PARTNER_API, "assets.view_reading", False),
        (Role.PARTNER_API, "assets.view_device", False),
        (Role.OPERATOR_ADMIN, "accounts.add_apitoken", True),
        (Role.OPERATIONS, "accounts.add_apitoken", False),
    ],
)
def test_a_role_may_what_the_table_says(
    operator_a: Operator, role: Role, permission: str, allowed: bool
) -> None:
    user = user_ensure(username="someone", password="x", role=role)

    assert user.has_perm(permission) is allowed


@pytest.mark.parametrize(("role", "staff"), [(Role.ANALYST, True), (Role.PARTNER_API, False)])
def test_a_partners_machine_does_not_open_the_admin(
    operator_a: Operator, role: Role, staff: bool
) -> None:
    assert user_ensure(username="someone", password="x", role=role).is_staff is staff


def test_a_changed_password_stays_unless_a_reset_is_asked_for(operator_a: Operator) -> None:
    user = user_ensure(username="someone", password="first", role=Role.BILLING)
    user.set_password("changed")
    user.save()

    assert user_ensure(username="someone", password="first").check_password("changed")
    again = user_ensure(username="someone", password="first", reset_password=True)
    assert again.check_password("first")
