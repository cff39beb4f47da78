"""The roles of an operator and what each may do: a table of (app, model, actions).

`*` stands for every model of the app. A role is a group of the operator's own schema.
"""

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

VIEW = ("view",)
EDIT = ("view", "add", "change")
ALL = ("view", "add", "change", "delete")


class Role(models.TextChoices):
    """What a user is at an operator; the value is the group's name."""

    OPERATOR_ADMIN = "operator admin", _("Operator admin")
    OPERATIONS = "operations", _("Operations")
    BILLING = "billing", _("Billing")
    ANALYST = "analyst", _("Analyst")
    PARTNER_API = "partner API", _("Partner API")


@dataclass(frozen=True)
class Grant:
    """Some actions on one model (or all models) of an app."""

    app_label: str
    model: str
    actions: tuple[str, ...]


_EXPORT_AND_CREDIT_CDRS = Grant("billing", "cdr", ("export", "credit"))
_ISSUE_AND_CLOSE = Grant("billing", "invoice", ("issue", "close"))
_SEND_REMINDERS = Grant("billing", "reminder", ("send",))
_REFUND = Grant("chargers", "adhoccharge", ("refund",))
_COMMAND_PARTNERS = Grant("ocpi", "partner", ("command",))
_REGISTER_PARTNERS = Grant("ocpi", "partner", ("register",))
_ENERGY = ("assets", "chargers", "flexibility", "markets")

GRANTS: dict[Role, tuple[Grant, ...]] = {
    Role.OPERATOR_ADMIN: (
        *(
            Grant(app, "*", ALL)
            for app in (*_ENERGY, "billing", "ocpi", "accounts", "auth", "outbox")
        ),
        _EXPORT_AND_CREDIT_CDRS,
        _ISSUE_AND_CLOSE,
        _SEND_REMINDERS,
        _REFUND,
        _COMMAND_PARTNERS,
        _REGISTER_PARTNERS,
    ),
    Role.OPERATIONS: (
        *(Grant(app, "*", EDIT) for app in _ENERGY),
        Grant("billing", "*", VIEW),
        Grant("ocpi", "*", VIEW),
        _COMMAND_PARTNERS,
        Grant("outbox", "*", ("view", "change")),
    ),
    Role.BILLING: (
        Grant("billing", "*", EDIT),
        _EXPORT_AND_CREDIT_CDRS,
        _ISSUE_AND_CLOSE,
        _SEND_REMINDERS,
        _REFUND,
        Grant("chargers", "*", VIEW),
        Grant("ocpi", "*", VIEW),
        Grant("outbox", "*", VIEW),
    ),
    Role.ANALYST: tuple(Grant(app, "*", VIEW) for app in (*_ENERGY, "billing", "ocpi")),
    Role.PARTNER_API: (
        Grant("chargers", "session", VIEW),
        Grant("billing", "cdr", VIEW),
        # Which devices: apps.assets.models.PushGrant.
        Grant("assets", "reading", ("add",)),
        Grant("assets", "sensor", VIEW),
    ),
}

STAFF_ROLES = frozenset({Role.OPERATOR_ADMIN, Role.OPERATIONS, Role.BILLING, Role.ANALYST})
"""Roles whose users may open /admin/; a partner's machine may not."""
